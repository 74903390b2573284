import type { Hasher } from '../crypto/hasher.ts';
import type { Committee } from '../params/committee.ts';
import { type BlockRef, compareRefs, type VerifiedHeader } from '../types/block.ts';
import { type Commit, commitDigest } from '../types/commit.ts';
import type { BlockId, CommitDigest, CommitIndex, Round } from '../types/ids.ts';
import { assert, assertDefined } from '../util/assert.ts';
import type { Dag } from './dag.ts';
import type { LeaderSchedule, Slot } from './leader-schedule.ts';

/** The end of the sequence of commits so far: all that the next one depends on besides the DAG. */
export interface CommitPoint {
  readonly index: CommitIndex;
  readonly digest: CommitDigest;
  readonly timeMs: number;
  /** Round of its leader; 0 at the start of an epoch. */
  readonly leaderRound: Round;
  readonly slot: Slot;
}

/** Turns the sequence of committed leaders into the one order of blocks (docs/spec/commit-rule.md, "Order, time, collection"). */
export class Linearizer {
  readonly #committee: Committee;
  readonly #epoch: number;
  readonly #genesisTimeMs: number;
  readonly #schedule: LeaderSchedule;
  readonly #hasher: Hasher;
  readonly #dag: Dag;
  readonly #linearised = new Map<Round, Set<BlockId>>();

  constructor(
    options: { readonly committee: Committee; readonly epoch: number; readonly genesisTimeMs: number },
    modules: { readonly schedule: LeaderSchedule; readonly hasher: Hasher; readonly dag: Dag },
  ) {
    this.#committee = options.committee;
    this.#epoch = options.epoch;
    this.#genesisTimeMs = options.genesisTimeMs;
    this.#schedule = modules.schedule;
    this.#hasher = modules.hasher;
    this.#dag = modules.dag;
  }

  /**
   * The sub-DAG of the next committed leader. Its lower bound comes from the previous commit and not from what this node has collected:
   * that makes it a function of the sequence of leaders.
   */
  commit(
    previous: CommitPoint,
    leader: VerifiedHeader,
  ): { readonly commit: Commit; readonly blocks: readonly VerifiedHeader[] } {
    const floor = this.#schedule.gcRoundAfter(previous.leaderRound);
    assert(leader.round > floor && !this.isLinearised(leader.ref), 'a leader is linearised once');
    const blocks = [...this.#dag.history(leader, floor, (ref) => this.isLinearised(ref))];
    blocks.sort((a, b) => compareRefs(a.ref, b.ref));
    for (const block of blocks) this.mark(block.ref);
    const commit = {
      index: previous.index + 1,
      epoch: this.#epoch,
      leader: leader.ref,
      timeMs: Math.max(previous.timeMs, this.#medianTimeMs(leader)),
      previousDigest: previous.digest,
      refs: blocks.map((block) => block.ref),
    };
    return { commit: { ...commit, digest: commitDigest(this.#hasher, commit) }, blocks };
  }

  isLinearised(ref: BlockRef): boolean {
    return this.#linearised.get(ref.round)?.has(ref.id) ?? false;
  }

  mark(ref: BlockRef): void {
    let ids = this.#linearised.get(ref.round);
    if (ids === undefined) {
      ids = new Set();
      this.#linearised.set(ref.round, ids);
    }
    assert(!ids.has(ref.id), 'no block is linearised twice');
    ids.add(ref.id);
  }

  /** Forgets rounds from `from` to `gcRound`, both included. */
  collect(from: Round, gcRound: Round): void {
    for (let round = from; round <= gcRound; round++) this.#linearised.delete(round);
  }

  /** The smallest timestamp at or below which lies more than half the power of the leader's references to the round below. */
  #medianTimeMs(leader: VerifiedHeader): number {
    const samples = leader.ancestors
      .filter((ref) => ref.round === leader.round - 1)
      .map((ref) => ({ timeMs: this.#timestampMs(ref), power: this.#committee.power(ref.author) }))
      .sort((a, b) => a.timeMs - b.timeMs);
    const total = samples.reduce((sum, sample) => sum + sample.power, 0);
    let below = 0;
    const median = samples.find((sample) => {
      below += sample.power;
      return below * 2 > total;
    });
    return assertDefined(median, 'a leader references a quorum').timeMs;
  }

  #timestampMs(ref: BlockRef): number {
    if (ref.round === 0) return this.#genesisTimeMs;
    return assertDefined(this.#dag.get(ref.id), 'references of a new leader are above the collected rounds')
      .timestampMs;
  }
}
