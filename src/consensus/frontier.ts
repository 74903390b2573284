import type { Committee } from '../params/committee.ts';
import type { BlockRef, VerifiedHeader } from '../types/block.ts';
import type { AuthorIndex, BlockId, Round } from '../types/ids.ts';
import { assertDefined } from '../util/assert.ts';

/** Admitted blocks of each author that are not in the history of the own last block: what the next own block can reference. */
export class Frontier {
  readonly #open: readonly Map<BlockId, VerifiedHeader>[];

  constructor(committee: Committee) {
    this.#open = committee.members.map(() => new Map());
  }

  add(block: VerifiedHeader): void {
    this.#of(block.author).set(block.ref.id, block);
  }

  /** The own last block is now `block`: its history is referenced. */
  reference(block: VerifiedHeader): void {
    this.#of(block.author).delete(block.ref.id);
    const open: BlockRef[] = [...block.ancestors];
    for (let ref = open.pop(); ref !== undefined; ref = open.pop()) {
      const known = this.#of(ref.author).get(ref.id);
      if (known === undefined) continue;
      this.#of(ref.author).delete(ref.id);
      open.push(...known.ancestors);
    }
  }

  /** The author's newest such block below `round`; of several in one round the first admitted. */
  newest(author: AuthorIndex, round: Round): BlockRef | undefined {
    let newest: BlockRef | undefined;
    for (const { ref } of this.#of(author).values()) {
      if (ref.round < round && (newest === undefined || ref.round > newest.round)) newest = ref;
    }
    return newest;
  }

  /** Forgets the given blocks. */
  collect(blocks: readonly VerifiedHeader[]): void {
    for (const block of blocks) this.#of(block.author).delete(block.ref.id);
  }

  #of(author: AuthorIndex): Map<BlockId, VerifiedHeader> {
    return assertDefined(this.#open[author], 'author of the committee');
  }
}
