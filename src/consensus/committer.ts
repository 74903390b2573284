import type { Committee } from '../params/committee.ts';
import type { VerifiedHeader } from '../types/block.ts';
import type { Decision } from '../types/commit.ts';
import type { BlockId, Round } from '../types/ids.ts';
import { assert, assertDefined } from '../util/assert.ts';
import type { Dag } from './dag.ts';
import { ConsensusHalt } from './errors.ts';
import type { LeaderSchedule, Slot } from './leader-schedule.ts';
import { SlotTally } from './slot-tally.ts';

export type SlotStatus =
  | { readonly slot: Slot; readonly decision: 'direct-commit' | 'indirect-commit'; readonly leader: VerifiedHeader }
  | {
      readonly slot: Slot;
      readonly decision: Exclude<Decision, 'direct-commit' | 'indirect-commit'>;
      readonly leader: undefined;
    };

/**
 * Decides leader slots from the admitted blocks: docs/spec/commit-rule.md. `observe` counts each block once as it is admitted, so that `decide`
 * is a cheap reader: the same blocks and the same `last` give the same statuses, in whatever order the blocks came.
 */
export class Committer {
  readonly #committee: Committee;
  readonly #schedule: LeaderSchedule;
  readonly #dag: Dag;
  readonly #tallies = new Map<Round, readonly SlotTally[]>();
  /** Votes of each block, by its round and id: one entry a slot of the round below. */
  readonly #votes = new Map<Round, Map<BlockId, readonly (BlockId | undefined)[]>>();
  readonly #settled = new Map<Round, SlotStatus[]>();
  /** Rises when a slot becomes decided directly: nothing else can change what `decide` returns. */
  #version = 0;
  #halt: ConsensusHalt | undefined;
  #cached: { readonly version: number; readonly first: number; readonly statuses: readonly SlotStatus[] } | undefined;

  constructor(modules: { readonly committee: Committee; readonly schedule: LeaderSchedule; readonly dag: Dag }) {
    this.#committee = modules.committee;
    this.#schedule = modules.schedule;
    this.#dag = modules.dag;
  }

  /**
   * Counts an admitted block.
   * @throws ConsensusHalt
   */
  observe(block: VerifiedHeader): void {
    const votes = this.#schedule
      .slots(block.round - 1)
      .map((slot) => vote(block, slot.round, this.#schedule.leader(slot)));
    this.#votesAt(block.round).set(block.ref.id, votes);
    for (const tally of this.#talliesAt(block.round - 1)) {
      this.#record(tally, () => tally.vote(block.author, votes[tally.slot.offset]));
    }
    for (const tally of this.#talliesAt(block.round - 2)) {
      const candidate = this.#certifiedCandidate(block, tally.slot);
      if (candidate !== undefined) this.#record(tally, () => tally.certify(block.ref.id, block.author, candidate));
    }
  }

  /** Set once the DAG proved that more than f is faulty; from then on nothing is decided. */
  get halted(): boolean {
    return this.#halt !== undefined;
  }

  /**
   * The slots after `last` that are decided without a gap, in slot order.
   * @throws ConsensusHalt
   */
  decide(last: Slot): readonly SlotStatus[] {
    if (this.#halt !== undefined) throw this.#halt;
    const statuses = this.#statuses(last);
    const gap = statuses.findIndex((status) => status.decision === 'undecided');
    return gap < 0 ? statuses : statuses.slice(0, gap);
  }

  /** Status of one slot as `decide` sees it, `last` being the last settled one. */
  statusOf(slot: Slot, last: Slot): SlotStatus {
    const settled = this.#settled.get(slot.round)?.find((status) => status.slot.offset === slot.offset);
    const index = this.#schedule.position(slot) - this.#schedule.position(last) - 1;
    return settled ?? this.#statuses(last)[index] ?? { slot, decision: 'undecided', leader: undefined };
  }

  /** Keeps a status that was acted upon, so that a later contradiction is noticed. */
  settle(status: SlotStatus): void {
    assert(status.decision !== 'undecided', 'only a decided slot is settled');
    const settled = this.#settled.get(status.slot.round);
    if (settled === undefined) this.#settled.set(status.slot.round, [status]);
    else settled.push(status);
  }

  /** Power of the authors whose admitted blocks vote for the candidate. */
  votePower(slot: Slot, candidate: BlockId): number {
    return this.#tallies.get(slot.round)?.[slot.offset]?.votePower(candidate) ?? 0;
  }

  /** Forgets rounds from `from` to `gcRound`, both included. */
  collect(from: Round, gcRound: Round): void {
    for (let round = from; round <= gcRound; round++) {
      this.#tallies.delete(round);
      this.#votes.delete(round);
      this.#settled.delete(round);
    }
  }

  /** Statuses of all slots after `last` up to the highest round. */
  #statuses(last: Slot): readonly SlotStatus[] {
    const first = this.#schedule.position(last) + 1;
    if (this.#cached?.version !== this.#version || this.#cached.first !== first) {
      this.#cached = { version: this.#version, first, statuses: this.#evaluate(first) };
    }
    return this.#cached.statuses;
  }

  /** From the highest slot down, because an undecided slot is decided by the slots above it. */
  #evaluate(first: number): readonly SlotStatus[] {
    const end = this.#schedule.position({ round: this.#dag.highestRound + 1, offset: 0 });
    const statuses = new Array<SlotStatus>(Math.max(0, end - first));
    for (let position = end - 1; position >= first; position--) {
      const slot = this.#schedule.slotAt(position);
      statuses[position - first] = this.#direct(slot) ?? this.#indirect(slot, statuses, first);
    }
    return statuses;
  }

  #direct(slot: Slot): SlotStatus | undefined {
    const tally = this.#tallies.get(slot.round)?.[slot.offset];
    if (tally === undefined) return undefined;
    if (tally.skipsDirectly) return { slot, decision: 'direct-skip', leader: undefined };
    const candidate = tally.commitsDirectly;
    if (candidate === undefined) return undefined;
    return { slot, decision: 'direct-commit', leader: this.#candidate(candidate) };
  }

  /** By the anchor: the first slot from three rounds on that is not skipped. If that one is undecided, so is this. */
  #indirect(slot: Slot, statuses: readonly SlotStatus[], first: number): SlotStatus {
    const anchorFrom = this.#schedule.position({ round: this.#schedule.firstAnchorRound(slot), offset: 0 });
    for (let i = anchorFrom - first; i < statuses.length; i++) {
      const { decision, leader } = statuses[i] as SlotStatus;
      if (decision === 'undecided') break;
      if (leader === undefined) continue;
      const candidate = this.#certifiedInHistory(slot, leader);
      if (candidate === undefined) return { slot, decision: 'indirect-skip', leader: undefined };
      return { slot, decision: 'indirect-commit', leader: this.#candidate(candidate) };
    }
    return { slot, decision: 'undecided', leader: undefined };
  }

  #certifiedInHistory(slot: Slot, anchor: VerifiedHeader): BlockId | undefined {
    const tally = this.#tallies.get(slot.round)?.[slot.offset];
    if (tally === undefined || tally.certified.length === 0) return undefined;
    for (const block of this.#dag.history(anchor, this.#schedule.votingRound(slot))) {
      const candidate = tally.certifiedBy(block.ref.id);
      if (candidate !== undefined) return candidate;
    }
    return undefined;
  }

  /** The candidate for which the ancestors of `block` hold a quorum of votes. Depends on the history of `block` only. */
  #certifiedCandidate(block: VerifiedHeader, slot: Slot): BlockId | undefined {
    const votingRound = this.#schedule.votingRound(slot);
    const votes = this.#votes.get(votingRound);
    const powers = new Map<BlockId, number>();
    for (const ref of block.ancestors) {
      if (ref.round !== votingRound) continue;
      const candidate = votes?.get(ref.id)?.[slot.offset];
      if (candidate === undefined) continue;
      const power = (powers.get(candidate) ?? 0) + this.#committee.power(ref.author);
      if (power >= this.#committee.quorum) return candidate;
      powers.set(candidate, power);
    }
    return undefined;
  }

  #record(tally: SlotTally, change: () => void): void {
    const before = isDirect(tally);
    change();
    if (!before && isDirect(tally)) this.#version += 1;
    this.#assertConsistent(tally);
  }

  /** What at most f of faulty power cannot bring about. */
  #assertConsistent(tally: SlotTally): void {
    const [first, second] = tally.certified;
    if (first === undefined) return;
    if (second !== undefined) {
      throw this.#contradiction(
        'two candidates of one slot are certified',
        tally,
        this.#certifying(tally, first),
        this.#certifying(tally, second),
      );
    }
    if (tally.skipsDirectly) {
      throw this.#contradiction(
        'a slot is skipped and certified',
        tally,
        this.#blaming(tally.slot),
        this.#certifying(tally, first),
      );
    }
    const settled = this.#settled.get(tally.slot.round)?.find((status) => status.slot.offset === tally.slot.offset);
    if (settled?.decision === 'indirect-skip' && tally.commitsDirectly !== undefined) {
      throw this.#contradiction('a skipped slot is committed by a quorum', tally, [], this.#certifying(tally, first));
    }
  }

  #contradiction(
    message: string,
    tally: SlotTally,
    first: readonly VerifiedHeader[],
    second: readonly VerifiedHeader[],
  ): ConsensusHalt {
    this.#halt = new ConsensusHalt(message, { round: tally.slot.round, offset: tally.slot.offset }, [first, second]);
    return this.#halt;
  }

  #certifying(tally: SlotTally, candidate: BlockId): VerifiedHeader[] {
    const blocks = this.#dag.blocksAt(this.#schedule.certifyingRound(tally.slot));
    return blocks.filter((block) => tally.certifiedBy(block.ref.id) === candidate);
  }

  #blaming(slot: Slot): VerifiedHeader[] {
    const leader = this.#schedule.leader(slot);
    const blocks = this.#dag.blocksAt(this.#schedule.votingRound(slot));
    return blocks.filter((block) => vote(block, slot.round, leader) === undefined);
  }

  #candidate(id: BlockId): VerifiedHeader {
    return assertDefined(this.#dag.get(id), 'a block with votes is admitted before them');
  }

  /** Tallies of a round's slots; none for rounds that have no slots or are collected. */
  #talliesAt(round: Round): readonly SlotTally[] {
    if (round <= this.#dag.gcRound) return [];
    let tallies = this.#tallies.get(round);
    if (tallies === undefined) {
      tallies = this.#schedule.slots(round).map((slot) => new SlotTally(slot, this.#committee));
      this.#tallies.set(round, tallies);
    }
    return tallies;
  }

  #votesAt(round: Round): Map<BlockId, readonly (BlockId | undefined)[]> {
    let votes = this.#votes.get(round);
    if (votes === undefined) {
      votes = new Map();
      this.#votes.set(round, votes);
    }
    return votes;
  }
}

/** The candidate that a block votes for: its reference to the leader's block of exactly that round. An older block of the leader is no vote. */
function vote(block: VerifiedHeader, round: Round, leader: number): BlockId | undefined {
  return block.ancestors.find((ref) => ref.author === leader && ref.round === round)?.id;
}

function isDirect(tally: SlotTally): boolean {
  return tally.skipsDirectly || tally.commitsDirectly !== undefined;
}
