import type { Core, Proposal } from '../consensus/index.ts';
import type { AuthorIndex, CommitIndex, Round } from '../types/ids.ts';
import type { ExchangeState } from '../types/message.ts';
import type { Clock } from '../util/clock.ts';
import { errorText } from '../util/errors.ts';
import type { Logger } from '../util/logger.ts';
import type { TokenBucket } from '../util/token-bucket.ts';
import type { BlockStore } from './block-store.ts';
import type { Links } from './links.ts';
import { wireBytes } from './peer-server.ts';

interface ExchangeModules {
  readonly links: Links;
  readonly store: BlockStore;
  readonly clock: Clock;
  readonly logger: Logger;
}

export interface ExchangeEvents {
  core(): Core;
  state(): ExchangeState;
  maySign(): boolean;
  /** Bytes a second that this peer is sent on its asking. */
  budget(peer: AuthorIndex): TokenBucket;
  /** What the next own block waits for. */
  proposal(): Proposal | undefined;
}

/**
 * Tells peers how far this node is and sends them the own blocks they lack: after a stall, after blocks that were too far ahead, and when they
 * ask. So a restart of the whole network sends the last blocks again and moves on (docs/spec/wire.md, "Exchange").
 */
export class Exchange {
  readonly #setup: { readonly own: AuthorIndex; readonly maxRoundsAhead: number };
  readonly #modules: ExchangeModules;
  readonly #events: ExchangeEvents;
  /** Highest round and commit when progress was last seen, and when. */
  #progress = { round: 0, commit: 0, atMs: 0 };
  /** Peers of which a block was ignored as too far ahead, since they were last asked for what comes before it. */
  readonly #ahead = new Set<AuthorIndex>();
  /** The highest round here when that peer was asked. */
  readonly #askedAt = new Map<AuthorIndex, Round>();
  /** Peers to which own blocks are being sent again, and above which round they asked for more meanwhile. */
  readonly #pushing = new Map<AuthorIndex, Round | undefined>();

  constructor(
    setup: { readonly own: AuthorIndex; readonly maxRoundsAhead: number },
    modules: ExchangeModules,
    events: ExchangeEvents,
  ) {
    this.#setup = setup;
    this.#modules = modules;
    this.#events = events;
  }

  broadcast(): void {
    this.#modules.links.broadcast({ type: 'exchange', state: this.#events.state() });
  }

  /** To a peer to which something was not sent because its queue was full. */
  settle(peer: AuthorIndex): void {
    this.#modules.links.send(peer, { type: 'exchange', state: this.#events.state() });
    this.tellEvidence(peer);
  }

  /** To a peer whose link came up, too: it may have been away when the proofs were found. */
  tellEvidence(peer: AuthorIndex): void {
    for (const { first, second } of this.#modules.store.evidence())
      this.#modules.links.send(peer, { type: 'evidence', first, second });
  }

  /** A block of that peer was ignored as too far ahead. */
  ignored(peer: AuthorIndex): void {
    this.#ahead.add(peer);
    this.#ask(peer);
  }

  /**
   * A network that gains neither a round nor a commit for a leader timeout exchanges states.
   * @returns when to look again although nothing changed
   */
  watch(commit: CommitIndex, nowMs: number): number | undefined {
    const { highestRound, leaderTimeoutMs } = this.#events.core();
    if (highestRound > this.#progress.round || commit > this.#progress.commit) {
      this.#progress = { round: highestRound, commit, atMs: nowMs };
      for (const peer of this.#ahead) this.#ask(peer);
    }
    const proposal = this.#events.proposal();
    if (proposal?.kind === 'wait' && proposal.reason === 'idle') return undefined;
    const dueMs = this.#progress.atMs + leaderTimeoutMs;
    if (nowMs < dueMs) return dueMs;
    this.#progress.atMs = nowMs;
    this.broadcast();
    return nowMs + leaderTimeoutMs;
  }

  /** Sends the own blocks a peer lacks, oldest first; it fetches what it needs beside them. One pass at a time: what it asks meanwhile comes next. */
  async push(peer: AuthorIndex, above: Round): Promise<void> {
    const isPushing = this.#pushing.has(peer);
    this.#pushing.set(peer, isPushing ? above : undefined);
    if (isPushing) return;
    try {
      for (let from: Round | undefined = above; from !== undefined; ) {
        await this.#pushAbove(peer, from);
        from = this.#pushing.get(peer);
        this.#pushing.set(peer, undefined);
      }
    } catch (error) {
      this.#modules.logger.error('own blocks cannot be read', { peer, error: errorText(error) });
    } finally {
      this.#pushing.delete(peer);
    }
  }

  /** Through the log, not the DAG: while no checkpoint can be certified, blocks that left the DAG are the only way back for who needs them. */
  async #pushAbove(peer: AuthorIndex, above: Round): Promise<void> {
    const { own, maxRoundsAhead } = this.#setup;
    const { links, store, clock } = this.#modules;
    const budget = this.#events.budget(peer);
    // The DAG has an own block once it is durable and guarded; the log may hold one more, of which nobody must hear.
    const spoken = this.#events.core().dag.highestOf(own);
    for (const blockId of store.blocksOf(own, above, spoken, maxRoundsAhead)) {
      if (!budget.take(0, clock.monotonicMs())) return;
      const block = await store.block(blockId);
      if (block === undefined || !this.#events.maySign()) return;
      budget.spend(wireBytes(block), clock.monotonicMs());
      if (links.send(peer, { type: 'block', block }) !== 'queued') return;
    }
  }

  /** A pass of the peer brings at most `maxRoundsAhead` rounds: the next one is due when half of them are here. */
  #ask(peer: AuthorIndex): void {
    const { highestRound } = this.#events.core();
    const askedAt = this.#askedAt.get(peer);
    if (askedAt !== undefined && highestRound < askedAt + this.#setup.maxRoundsAhead / 2) return;
    this.#ahead.delete(peer);
    this.#askedAt.set(peer, highestRound);
    this.#modules.links.send(peer, { type: 'exchange', state: this.#events.state() });
  }
}
