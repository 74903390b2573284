import type { Committee } from '../params/committee.ts';
import type { AuthorIndex, BlockId } from '../types/ids.ts';
import type { Slot } from './leader-schedule.ts';
import { Support } from './support.ts';

/** What the admitted blocks of the two rounds above a slot say about it: votes, blames and certificates (docs/spec/commit-rule.md). */
export class SlotTally {
  readonly slot: Slot;
  readonly blames: Support;
  readonly #committee: Committee;
  readonly #votes = new Map<BlockId, Support>();
  readonly #certifiers = new Map<BlockId, Support>();
  readonly #certificates = new Map<BlockId, BlockId>();

  constructor(slot: Slot, committee: Committee) {
    this.slot = slot;
    this.#committee = committee;
    this.blames = new Support(committee);
  }

  /** A block of the voting round votes for a candidate, or for none. */
  vote(author: AuthorIndex, candidate: BlockId | undefined): void {
    if (candidate === undefined) this.blames.add(author);
    else this.#supportOf(this.#votes, candidate).add(author);
  }

  /** `block`, of the certifying round, holds a quorum of votes for `candidate` among its ancestors. */
  certify(block: BlockId, author: AuthorIndex, candidate: BlockId): void {
    this.#certificates.set(block, candidate);
    this.#supportOf(this.#certifiers, candidate).add(author);
  }

  votePower(candidate: BlockId): number {
    return this.#votes.get(candidate)?.power ?? 0;
  }

  /** The candidate that a block of the certifying round certifies. */
  certifiedBy(block: BlockId): BlockId | undefined {
    return this.#certificates.get(block);
  }

  /** Candidates with at least one certificate: at most one while at most f is faulty. */
  get certified(): readonly BlockId[] {
    return [...this.#certifiers.keys()];
  }

  get skipsDirectly(): boolean {
    return this.blames.hasQuorum;
  }

  /** The candidate that a quorum of authors certifies. */
  get commitsDirectly(): BlockId | undefined {
    for (const [candidate, support] of this.#certifiers) if (support.hasQuorum) return candidate;
    return undefined;
  }

  #supportOf(supports: Map<BlockId, Support>, candidate: BlockId): Support {
    let support = supports.get(candidate);
    if (support === undefined) {
      support = new Support(this.#committee);
      supports.set(candidate, support);
    }
    return support;
  }
}
