import type { Core } from '../consensus/index.ts';
import type { Committee } from '../params/committee.ts';
import { type BlockMark, NO_BLOCK } from '../storage/index.ts';
import type { BlockRef, VerifiedHeader } from '../types/block.ts';
import type { AuthorIndex, CheckpointIndex, Round, StatementDigest } from '../types/ids.ts';
import type { RecoveryReply } from '../types/message.ts';
import { assertDefined } from '../util/assert.ts';
import type { Logger } from '../util/logger.ts';
import { ReplicaError } from './errors.ts';
import { IdentityRecovery } from './identity-recovery.ts';
import type { LastingGuard } from './lasting-guard.ts';
import type { Links } from './links.ts';
import type { Requests } from './requests.ts';

export interface SigningStart {
  /** Undefined: signing is barred until a quorum told where it may begin again. */
  readonly guard: LastingGuard | undefined;
  /** Makes the guard that ends a recovery. */
  recoveredGuard(barred: Round, certified: CheckpointIndex): Promise<LastingGuard>;
}

export interface SigningEvents {
  core(): Core;
  certified(): CheckpointIndex;
  /** The core may be trusted to hold what it admitted: no commits are being taken over, nothing of that peer is being verified. */
  settled(peer: AuthorIndex | undefined): boolean;
  changed(): void;
  halt(error: unknown): void;
}

/**
 * What this process may sign as its validator: the sign guard, the recovery of an identity that lost it, the signs that data and guard were
 * both rolled back (docs/spec/storage.md, "Recovery"), and those that another process signs (docs/spec/wire.md, "Lease").
 */
export class SigningIdentity {
  readonly #committee: Committee;
  readonly #own: AuthorIndex;
  readonly #identityHoldMs: number;
  readonly #start: SigningStart;
  readonly #modules: { readonly links: Links; readonly requests: Requests; readonly logger: Logger };
  readonly #events: SigningEvents;
  #guard: LastingGuard | undefined;
  #recovery: IdentityRecovery | undefined;
  /** Recovered and not proposed since: this node does not know what it last said. */
  #silentSinceRecovery: boolean;
  /** By peer, the highest own round that it says it holds. */
  readonly #claimedOwn = new Map<AuthorIndex, Round>();
  /** The highest round of an own block that was received and verified. */
  #heldOwn: Round = 0;
  /** By peer that refuses this process: since when, and whether it has served another one after that. */
  readonly #refusals = new Map<AuthorIndex, { readonly sinceMs: number; readonly isProof: boolean }>();
  #stopped = false;

  constructor(
    setup: { readonly committee: Committee; readonly own: AuthorIndex; readonly identityHoldMs: number },
    modules: { readonly links: Links; readonly requests: Requests; readonly logger: Logger },
    start: SigningStart,
    events: SigningEvents,
  ) {
    this.#committee = setup.committee;
    this.#own = setup.own;
    this.#identityHoldMs = setup.identityHoldMs;
    this.#modules = modules;
    this.#start = start;
    this.#events = events;
    this.#silentSinceRecovery = start.guard !== undefined && isOnlyBarred(start.guard);
    this.#take(start.guard);
    if (start.guard === undefined) this.#recovery = new IdentityRecovery(setup);
  }

  /** A guard is there and its disk takes writes. */
  get isGuarded(): boolean {
    return this.#guard !== undefined && this.#guard.failure === undefined;
  }

  get isRecovering(): boolean {
    return this.#recovery !== undefined;
  }

  /** Answers of others that count so far, while the identity is being recovered. */
  get recovery(): { readonly power: number; readonly needed: number } | undefined {
    return this.#recovery?.progress(this.#events.core());
  }

  get failure(): string | undefined {
    return this.#guard?.failure?.message;
  }

  /** Resolves once the block may be sent: the guard is durable. */
  async advance(block: BlockMark): Promise<void> {
    await this.#required().advance(block);
  }

  /** Resolves once the vote may be sent: the guard is durable. */
  async advanceCheckpoint(index: CheckpointIndex, digest: StatementDigest): Promise<void> {
    await this.#required().advanceCheckpoint(index, digest);
  }

  /** An own block was sent. */
  spoke(): void {
    this.#silentSinceRecovery = false;
  }

  /** A peer says up to which round it holds own blocks. */
  claimed(peer: AuthorIndex, round: Round): void {
    this.#claimedOwn.set(peer, round);
    this.#judge();
  }

  /** An own block came from others. */
  verified({ author, round }: VerifiedHeader): void {
    if (author !== this.#own) return;
    this.#heldOwn = Math.max(this.#heldOwn, round);
    this.#judge();
  }

  /** A peer renewed the lease of this process. */
  served(peer: AuthorIndex): void {
    this.#refusals.delete(peer);
    this.#judge();
    this.#events.changed();
  }

  /**
   * A peer serves another process. That may have ended, as the one before a restart; but a refusal of what was asked a hold after an earlier
   * refusal proves that it was served in between. Enough such peers, and this process gives way.
   */
  refused(peer: AuthorIndex, askedMs: number, nowMs: number): void {
    const known = this.#refusals.get(peer);
    const isProof = known !== undefined && (known.isProof || askedMs - known.sinceMs > this.#identityHoldMs);
    this.#refusals.set(peer, { sinceMs: known?.sinceMs ?? nowMs, isProof });
    const proofs = [...this.#refusals].filter(([, refusal]) => refusal.isProof).map(([refusing]) => refusing);
    if (this.#powerOf(proofs) >= this.#committee.validity)
      this.#events.halt(inUse(proofs.map((refusing) => this.#committee.member(refusing).name)));
  }

  /** Tells a recovering peer what this node knows; not while it does not know that itself. */
  answer(peer: AuthorIndex, requestId: number): void {
    if (this.#recovery !== undefined || this.#guard === undefined || this.#silentSinceRecovery) return;
    // What it said before its link ended may not have arrived at the rules yet; it asks again.
    if (!this.#events.settled(peer)) return;
    const core = this.#events.core();
    const { dag } = core;
    const newest = (author: AuthorIndex): BlockRef | undefined => dag.blocksOf(author, dag.highestOf(author))[0]?.ref;
    // The last own block may be collected already; that it was made counts all the same.
    const { mark } = this.#guard;
    const ownLatest =
      newest(this.#own) ?? (mark.id === NO_BLOCK ? undefined : { round: mark.round, author: this.#own, id: mark.id });
    const yoursHighestRound = Math.max(dag.highestOf(peer), core.newestSeenOf(peer)?.round ?? 0);
    this.#modules.links.send(peer, {
      type: 'recovery-reply',
      requestId,
      ownLatest,
      yours: newest(peer),
      yoursHighestRound,
    });
  }

  async ask(peer: AuthorIndex): Promise<void> {
    const reply = await this.#modules.requests.ask(peer, 'recovery-reply', (requestId) => ({
      type: 'recovery',
      requestId,
    }));
    if (reply !== undefined) this.#recovery?.reply(peer, reply satisfies RecoveryReply);
    this.#events.changed();
  }

  /** Makes the guard and lifts the bar once enough answers count. */
  endRecovery(): void {
    const core = this.#events.core();
    const firstRound = this.#events.settled(undefined) ? this.#recovery?.firstRound(core) : undefined;
    if (firstRound === undefined) return;
    this.#recovery = undefined;
    this.#silentSinceRecovery = true;
    this.#start.recoveredGuard(firstRound - 1, this.#events.certified()).then(
      (guard) => {
        this.#events.core().barRounds(guard.mark.round);
        this.#modules.logger.warn('identity recovered', { firstRound: guard.mark.round + 1 });
        this.#take(guard);
        this.#events.changed();
      },
      (error: unknown) => this.#events.halt(error),
    );
  }

  /** Waits no longer for a disk that refuses. */
  giveUp(): void {
    this.#stopped = true;
    this.#guard?.giveUp();
  }

  async close(): Promise<void> {
    await this.#guard?.close();
  }

  /**
   * Enough claims above the guard, or one own block, prove that others know more than data and guard: these were restored from a backup. Not
   * without a lease: then nothing is signed, and another process may be the one that signed.
   */
  #judge(): void {
    const { mark } = this.#guard ?? {};
    if (mark === undefined || this.#recovery !== undefined || !this.#modules.links.maySign()) return;
    const claims = [...this.#claimedOwn].filter(([, held]) => held > mark.round);
    if (this.#heldOwn <= mark.round && this.#powerOf(claims.map(([peer]) => peer)) < this.#committee.validity) return;
    this.#events.halt(rolledBack(mark.round, Math.max(this.#heldOwn, ...claims.map(([, held]) => held))));
  }

  #powerOf(peers: readonly AuthorIndex[]): number {
    return peers.reduce((power, peer) => power + this.#committee.power(peer), 0);
  }

  #required(): LastingGuard {
    return assertDefined(this.#guard, 'nothing is signed without a guard');
  }

  #take(guard: LastingGuard | undefined): void {
    this.#guard = guard;
    if (guard !== undefined) guard.onResumed = () => this.#events.changed();
    if (this.#stopped) guard?.giveUp();
  }
}

/** The guard bars rounds and knows no block: its identity was recovered and has not spoken since. */
function isOnlyBarred({ mark }: LastingGuard): boolean {
  return mark.round > 0 && mark.id === NO_BLOCK;
}

function rolledBack(guarded: Round, held: Round): ReplicaError {
  const message = `others hold blocks of this validator up to round ${held}, its sign guard knows none above ${guarded}: data and guard come from a backup, or another process ran with these keys: see that it has ended, then start with --recover-identity`;
  return new ReplicaError('NEEDS_IDENTITY_RECOVERY', message, { reason: 'guard-rolled-back', guarded, held });
}

function inUse(peers: readonly string[]): ReplicaError {
  const message = `another process runs as this validator: ${peers.join(', ')} served it while this one was refused; only one may run, with the newest data and guard`;
  return new ReplicaError('IDENTITY_IN_USE', message, { peers: peers.join(', ') });
}
