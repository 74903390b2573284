import type { BlockRef, VerifiedHeader } from '../../src/types/block.ts';

export function refsOf(blocks: readonly VerifiedHeader[]): readonly BlockRef[] {
  return blocks.map((block) => block.ref);
}
