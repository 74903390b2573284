import type { ModelDag } from './dag.ts';
import { blocksIn, MEMBERS, QUORUM } from './layout.ts';

/**
 * Every legal set of ancestors of a block of `author` in `round`, as docs/spec/block.md has it: its own previous block (a correct member's newest, the
 * Byzantine member's any), of each other member at most one block of any lower round, and of the round below blocks of a quorum of members.
 * `known` are the blocks that may be referenced. Whether genesis is named as well is of no consequence and not told apart.
 */
export function legalAncestors(dag: ModelDag, known: number, author: number, round: number): readonly number[] {
  const { layout } = dag;
  if (round === 1) return [0];
  const options = Array.from({ length: MEMBERS }, (_, other) => {
    const blocks = [...blocksIn(known & layout.of(other) & layout.below(round))].map((block) => 1 << block);
    if (other !== author || author === layout.shape.byzantine) return [0, ...blocks];
    return [blocks.at(-1) ?? 0];
  });
  const below = layout.layer(round - 1);
  return options
    .reduce<readonly number[]>((sets, choices) => sets.flatMap((set) => choices.map((choice) => set | choice)), [0])
    .filter((ancestors) => layout.authors(ancestors & below) >= QUORUM);
}
