import type { AuthorIndex, Round } from '../types/ids.ts';
import { assert } from '../util/assert.ts';

/** One place of a leader: slot `offset` of `round`. Every round from 1 has `leadersPerRound` slots; round 0 has none. */
export interface Slot {
  readonly round: Round;
  readonly offset: number;
}

/** Who leads which slot, and all arithmetic on rounds and slots (docs/spec/commit-rule.md). A static round-robin: nothing to disagree on. */
export class LeaderSchedule {
  readonly members: number;
  readonly leadersPerRound: number;
  readonly #gcDepth: number;

  constructor(options: { readonly members: number; readonly leadersPerRound: number; readonly gcDepth: number }) {
    assert(options.leadersPerRound >= 1 && options.leadersPerRound <= options.members, 'one to n leaders a round');
    this.members = options.members;
    this.leadersPerRound = options.leadersPerRound;
    this.#gcDepth = options.gcDepth;
  }

  /** The slot before the first one. */
  get origin(): Slot {
    return { round: 0, offset: this.leadersPerRound - 1 };
  }

  leader(slot: Slot): AuthorIndex {
    return (slot.round + slot.offset) % this.members;
  }

  /** The slot of `round` that `author` leads, if it leads one. */
  slotOf(author: AuthorIndex, round: Round): Slot | undefined {
    const offset = (author + this.members - (round % this.members)) % this.members;
    return round >= 1 && offset < this.leadersPerRound ? { round, offset } : undefined;
  }

  slots(round: Round): readonly Slot[] {
    if (round < 1) return [];
    return Array.from({ length: this.leadersPerRound }, (_, offset) => ({ round, offset }));
  }

  /** Position in slot order: by round, then offset. */
  position(slot: Slot): number {
    return slot.round * this.leadersPerRound + slot.offset;
  }

  slotAt(position: number): Slot {
    const offset = position % this.leadersPerRound;
    return { round: (position - offset) / this.leadersPerRound, offset };
  }

  /** The highest round all of whose slots lie at or before `slot`. */
  completedRound(slot: Slot): Round {
    return slot.offset === this.leadersPerRound - 1 ? slot.round : slot.round - 1;
  }

  votingRound(slot: Slot): Round {
    return slot.round + 1;
  }

  certifyingRound(slot: Slot): Round {
    return slot.round + 2;
  }

  /** A block can only decide a slot indirectly if every certificate quorum has reached its history: three rounds on. */
  firstAnchorRound(slot: Slot): Round {
    return slot.round + 3;
  }

  /** Blocks of this round and below are forgotten once a leader of `leaderRound` is committed. */
  gcRoundAfter(leaderRound: Round): Round {
    return Math.max(0, leaderRound - this.#gcDepth);
  }
}
