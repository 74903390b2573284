import type { BoundsOptions } from '../../src/consensus/index.ts';
import type { BlockRef, VerifiedHeader } from '../../src/types/block.ts';
import { Prng } from '../../src/util/prng.ts';
import { Universe } from './universe.ts';

export interface RandomDag {
  readonly universe: Universe;
  /** In an order in which ancestors come first. */
  readonly blocks: readonly VerifiedHeader[];
}

export interface RandomDagOptions {
  readonly rounds: number;
  readonly gcDepth?: number;
  readonly bounds?: Partial<BoundsOptions>;
  /** Chance that a member builds nothing in a round. */
  readonly silence?: number;
  /** Chance that a block is seen by nobody but its author until about as many rounds later as the garbage-collection depth. */
  readonly stragglers?: number;
  /** Rounds in which the blocks of member 0 are seen by nobody else, until the last of them. */
  readonly muted?: { readonly from: number; readonly to: number };
}

/**
 * A random network of 3 to 7 members with powers 1 to 3: faulty members of power up to f make up to three blocks a round, every block references a
 * quorum of the round below and for the rest anything, older blocks included.
 */
export function randomDag(
  seed: number,
  { rounds, gcDepth, bounds = {}, silence = 0.08, stragglers = 0, muted }: RandomDagOptions,
): RandomDag {
  const prng = new Prng(seed);
  const powers = randomPowers(prng);
  const leaders = prng.pick([1, Math.min(2, powers.length), powers.length]);
  const universe = new Universe({ powers, leaders, bounds, ...(gcDepth === undefined ? {} : { gcDepth }) });
  const { committee } = universe;
  const authors = prng.shuffle(powers.map((_, author) => author));
  const faulty = new Set<number>();
  let faultyPower = 0;
  for (const author of authors) {
    if (faultyPower + committee.power(author) > committee.f) continue;
    faulty.add(author);
    faultyPower += committee.power(author);
  }
  const skew = prng.pick([0, 0.1, 0.35]);
  const history: Known[][] = powers.map((_, author) => [{ ref: universe.genesis(author), visibleFrom: 0 }]);
  const blocks: VerifiedHeader[] = [];
  for (let round = 1; round <= rounds; round++) {
    const made: VerifiedHeader[] = [];
    for (const author of authors) {
      if (prng.chance(silence)) continue;
      const copies = faulty.has(author) ? 1 + prng.below(3) : 1;
      for (let copy = 0; copy < copies; copy++) {
        const ancestors = chooseAncestors(prng, universe, history, author, round, skew);
        if (ancestors !== undefined)
          made.push(universe.block(author, round, ancestors, { timestampMs: timestampMs(author, round, copy) }));
      }
    }
    for (const { ref, author } of made) {
      const late = gcDepth !== undefined && prng.chance(stragglers);
      const quiet = muted !== undefined && author === 0 && round >= muted.from && round < muted.to;
      const visibleFrom = quiet ? muted.to : late ? round + gcDepth - 2 + prng.below(5) : round + 1;
      (history[author] as Known[]).push({ ref, visibleFrom });
    }
    blocks.push(...made);
  }
  return { universe, blocks };
}

interface Known {
  readonly ref: BlockRef;
  /** First round whose blocks of others may reference it. */
  readonly visibleFrom: number;
}

/** Clocks that differ by several rounds, so that it matters which timestamps a commit's time is the median of. */
function timestampMs(author: number, round: number, copy: number): number {
  return 1_000_000 + round * 10 + ((round * 31 + author * 17 + copy * 7) % 50);
}

function randomPowers(prng: Prng): number[] {
  const members = 3 + prng.below(5);
  return Array.from({ length: members }, () => (prng.chance(0.5) ? 1 : 1 + prng.below(3)));
}

function chooseAncestors(
  prng: Prng,
  universe: Universe,
  history: readonly (readonly Known[])[],
  author: number,
  round: number,
  skew: number,
): BlockRef[] | undefined {
  const { committee } = universe;
  const own = (history[author] as readonly Known[]).map(({ ref }) => ref);
  const newest = Math.max(...own.map((ref) => ref.round));
  const chosen = [prng.pick(own.filter((ref) => ref.round === newest))];
  let power = newest === round - 1 ? committee.power(author) : 0;
  for (const other of prng.shuffle(history.map((_, index) => index))) {
    if (other === author) continue;
    const visible = (history[other] as readonly Known[])
      .filter(({ visibleFrom }) => visibleFrom <= round)
      .map(({ ref }) => ref);
    const fresh = visible.filter((ref) => ref.round === round - 1);
    const older = visible.filter((ref) => ref.round < round - 1);
    if (fresh.length > 0 && (power < committee.quorum || !prng.chance(0.2 + skew))) {
      chosen.push(prng.pick(fresh));
      power += committee.power(other);
    } else if (older.length > 0 && prng.chance(0.5)) chosen.push(prng.pick(older.slice(-4)));
  }
  return power >= committee.quorum ? chosen : undefined;
}
