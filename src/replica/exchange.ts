import type { Core, Proposal } from '../consensus/index.ts';
import type { AuthorIndex, CommitIndex, Round } from '../types/ids.ts';
import type { ExchangeState } from '../types/message.ts';
import { errorText } from '../util/errors.ts';
import type { Logger } from '../util/logger.ts';
import type { BlockStore } from './block-store.ts';
import type { Links } from './links.ts';

export interface ExchangeEvents {
  core(): Core;
  state(): ExchangeState;
  maySign(): boolean;
  /** What the next own block waits for. */
  proposal(): Proposal | undefined;
}

/**
 * Tells peers how far this node is and sends them the own blocks they lack: after a stall, after blocks that were too far ahead, and when they
 * ask. So a restart of the whole network sends the last blocks again and moves on (docs/spec/wire.md, "Exchange").
 */
export class Exchange {
  readonly #setup: { readonly own: AuthorIndex; readonly maxRoundsAhead: number };
  readonly #modules: { readonly links: Links; readonly store: BlockStore; readonly logger: Logger };
  readonly #events: ExchangeEvents;
  /** Highest round and commit when progress was last seen, and when. */
  #progress = { round: 0, commit: 0, atMs: 0 };
  /** The highest round here when a block of that peer was ignored as too far ahead. */
  readonly #ignoredAt = new Map<AuthorIndex, Round>();
  /** Peers to which own blocks are being sent again. */
  readonly #pushing = new Set<AuthorIndex>();

  constructor(
    setup: { readonly own: AuthorIndex; readonly maxRoundsAhead: number },
    modules: { readonly links: Links; readonly store: BlockStore; readonly logger: Logger },
    events: ExchangeEvents,
  ) {
    this.#setup = setup;
    this.#modules = modules;
    this.#events = events;
  }

  broadcast(): void {
    this.#modules.links.broadcast({ type: 'exchange', state: this.#events.state() });
  }

  /** A block of that peer was ignored as too far ahead. */
  ignored(peer: AuthorIndex): void {
    this.#ignoredAt.set(peer, this.#events.core().highestRound);
  }

  /**
   * A network that gains neither a round nor a commit for a leader timeout exchanges states.
   * @returns when to look again although nothing changed
   */
  watch(commit: CommitIndex, nowMs: number): number | undefined {
    const { highestRound, leaderTimeoutMs } = this.#events.core();
    if (highestRound > this.#progress.round || commit > this.#progress.commit) {
      this.#progress = { round: highestRound, commit, atMs: nowMs };
      this.#exchangeWithIgnored(highestRound);
    }
    const proposal = this.#events.proposal();
    if (proposal?.kind === 'wait' && proposal.reason === 'idle') return undefined;
    const dueMs = this.#progress.atMs + leaderTimeoutMs;
    if (nowMs < dueMs) return dueMs;
    this.#progress.atMs = nowMs;
    this.broadcast();
    return nowMs + leaderTimeoutMs;
  }

  /** Sends the own blocks a peer lacks, oldest first; it fetches what it needs beside them. One at a time: the peer asks again if it must. */
  async push(peer: AuthorIndex, above: Round): Promise<void> {
    if (this.#pushing.has(peer)) return;
    this.#pushing.add(peer);
    try {
      await this.#pushAbove(peer, above);
    } catch (error) {
      this.#modules.logger.error('own blocks cannot be read', { peer, error: errorText(error) });
    } finally {
      this.#pushing.delete(peer);
    }
  }

  async #pushAbove(peer: AuthorIndex, above: Round): Promise<void> {
    const { own, maxRoundsAhead } = this.#setup;
    const core = this.#events.core();
    const last = core.dag.highestOf(own);
    const from = Math.max(above, core.gcRound, 0) + 1;
    for (let round = from; round <= last && round < from + maxRoundsAhead; round++) {
      for (const { ref } of core.dag.blocksOf(own, round)) {
        const block = await this.#modules.store.block(ref.id);
        if (block === undefined || !this.#events.maySign()) return;
        if (this.#modules.links.send(peer, { type: 'block', block }) !== 'queued') return;
      }
    }
  }

  /** Blocks ignored as too far ahead may be within reach now. */
  #exchangeWithIgnored(highestRound: Round): void {
    for (const [peer, round] of this.#ignoredAt) {
      if (highestRound < round + this.#setup.maxRoundsAhead / 2) continue;
      this.#ignoredAt.delete(peer);
      this.#modules.links.send(peer, { type: 'exchange', state: this.#events.state() });
    }
  }
}
