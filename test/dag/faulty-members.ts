import type { Core } from '../../src/consensus/index.ts';
import type { BlockRef } from '../../src/types/block.ts';

/** The faulty one of four members in a network with one leader a round. */
export const LIAR = 3;

/** Builds as soon as it can without a reference to the leader of the round below. */
export function neverVotes(core: Core, round: number): readonly BlockRef[] | undefined {
  const leader = (round - 1) % 4;
  const own = ownLast(core, round);
  const others = [0, 1, 2]
    .filter((author) => round === 1 || author !== leader)
    .map((author) => newestAt(core, author, round - 1))
    .filter((ref) => ref !== undefined);
  return others.length >= 2 ? [own, ...others] : undefined;
}

/** Builds every block but those that lead. */
export function silentAsLeader(core: Core, round: number): readonly BlockRef[] | 'skip' | undefined {
  if (round % 4 === LIAR) return 'skip';
  const others = [0, 1, 2].map((author) => newestAt(core, author, round - 1)).filter((ref) => ref !== undefined);
  return others.length === 3 ? [ownLast(core, round), ...others] : undefined;
}

/** The first block of the author at that round. */
export function newestAt(core: Core, author: number, round: number): BlockRef | undefined {
  return round === 0 ? core.genesisRef(author) : core.dag.blocksOf(author, round)[0]?.ref;
}

function ownLast(core: Core, round: number): BlockRef {
  return newestAt(core, LIAR, round - 1) ?? newestAt(core, LIAR, round - 2) ?? core.genesisRef(LIAR);
}
