import type { Core } from '../consensus/index.ts';
import type { Committee } from '../params/committee.ts';
import type { AuthorIndex, Round } from '../types/ids.ts';
import type { RecoveryReply } from '../types/message.ts';

/**
 * Finds the first round in which a member that lost its log or its guard may sign again (docs/spec/storage.md, "Recovery of an identity").
 * Signing stays barred until enough others said how far they are, and what each said is admitted here, so that nobody can count with an
 * invented round.
 */
export class IdentityRecovery {
  readonly #committee: Committee;
  readonly #own: AuthorIndex;
  readonly #replies = new Map<AuthorIndex, RecoveryReply>();

  constructor(setup: { readonly committee: Committee; readonly own: AuthorIndex }) {
    this.#committee = setup.committee;
    this.#own = setup.own;
  }

  reply(peer: AuthorIndex, reply: RecoveryReply): void {
    this.#replies.set(peer, reply);
  }

  /** Power of the answers that count so far, and what is needed: shown to the operator. */
  progress(core: Core): { readonly power: number; readonly needed: number } {
    return {
      power: this.#counted(core).reduce((sum, [peer]) => sum + this.#committee.power(peer), 0),
      needed: this.#needed(),
    };
  }

  /** The first round that may be signed, once enough answers count. */
  firstRound(core: Core): Round | undefined {
    const { power, needed } = this.progress(core);
    if (power < needed) return undefined;
    const counted = this.#counted(core);
    // Without fault tolerance all others are honest by assumption and answered: above what they hold of mine nothing can be in flight.
    if (this.#committee.f === 0) return Math.max(0, ...counted.map(([, reply]) => reply.yoursHighestRound)) + 1;
    return Math.max(0, ...counted.map(([, reply]) => reply.ownLatest?.round ?? 0)) + 2;
  }

  #needed(): number {
    if (this.#committee.f > 0) return this.#committee.quorum;
    return this.#committee.totalPower - this.#committee.power(this.#own);
  }

  #counted(core: Core): [AuthorIndex, RecoveryReply][] {
    return [...this.#replies].filter(([, { ownLatest }]) => {
      return ownLatest === undefined || ownLatest.round <= core.gcRound || core.dag.has(ownLatest.id);
    });
  }
}
