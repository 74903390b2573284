import type { Core, CoreOptions, ProposeInput } from '../consensus/index.ts';
import type { ExecutedCommit, Ledger } from '../execution/index.ts';
import type { Mempool } from '../pipeline/index.ts';
import type { BlockRef } from '../types/block.ts';
import type { Clock } from '../util/clock.ts';
import type { Logger } from '../util/logger.ts';
import { BlockTime } from './block-time.ts';
import type { Checkpoints } from './checkpoints.ts';
import type { Executor } from './executor.ts';
import type { MempoolFeed } from './mempool-feed.ts';
import type { ReplicaOptions } from './options.ts';
import type { ProposalContent } from './proposer.ts';

/** Payload bytes of one round at which pacing counts the node as fully loaded. */
const FULL_LOAD_BYTES = 512 * 1024;

export type PayloadBar = 'execution-lag' | 'uncertified-checkpoints' | 'no-commits';

interface ContentModules {
  readonly mempool: Mempool;
  readonly checkpoints: Checkpoints;
  readonly executor: Executor;
  readonly feed: MempoolFeed;
  readonly clock: Clock;
  readonly ledger: Pick<Ledger, 'lastCheckpoint'>;
  readonly logger: Logger;
  verifyLoad(): number;
}

/** What goes into the next own block, and whether there is a reason to make one now. */
export class BlockContent {
  readonly #setup: { readonly core: CoreOptions; readonly options: ReplicaOptions };
  readonly #modules: ContentModules;
  readonly #time: BlockTime;
  /** Something was executed that no checkpoint covers. */
  #uncheckpointed = false;
  #checkpointMs: number;

  constructor(setup: { readonly core: CoreOptions; readonly options: ReplicaOptions }, modules: ContentModules) {
    this.#setup = setup;
    this.#modules = modules;
    this.#time = new BlockTime(modules.clock);
    this.#checkpointMs = modules.ledger.lastCheckpoint?.statement.timeMs ?? setup.core.genesis.timeMs;
  }

  /** See {@link BlockTime.ignoredMs}. */
  get clockIgnoredMs(): number {
    return this.#time.ignoredMs;
  }

  /** Why own blocks carry no transactions at the moment, if so. */
  payloadBarred(core: Core): PayloadBar | undefined {
    const { executionLag, maxUncertifiedCheckpoints, roundsSinceCommit } = this.#setup.options;
    if (this.#modules.executor.lag > executionLag) return 'execution-lag';
    if (this.#modules.checkpoints.uncertified > maxUncertifiedCheckpoints) return 'uncertified-checkpoints';
    return core.highestRound - core.lastCommit.leaderRound > roundsSinceCommit ? 'no-commits' : undefined;
  }

  executed({ applied, checkpoint }: ExecutedCommit): void {
    this.#uncheckpointed = checkpoint === undefined && (this.#uncheckpointed || applied > 0);
    if (checkpoint !== undefined) this.#checkpointMs = checkpoint.statement.timeMs;
  }

  /** Until the next checkpoint may be made; undefined when nothing was executed that it would cover. An idle network wakes for it. */
  checkpointDueInMs(): number | undefined {
    if (!this.#uncheckpointed) return undefined;
    const { checkpointSpacingMs } = this.#setup.core.parameters;
    return Math.max(0, Math.ceil(this.#checkpointMs + checkpointSpacingMs - this.#modules.clock.wallMs()));
  }

  reasons(core: Core, maySign: boolean): ProposeInput {
    const { mempool, checkpoints, feed, verifyLoad } = this.#modules;
    return {
      maySign,
      eligible: mempool.hasEligible,
      due: checkpoints.voteDue || this.checkpointDueInMs() === 0,
      unexecutedInView: feed.unexecutedInView,
      payloadBarred: this.payloadBarred(core) !== undefined,
      load: Math.max(Math.min(1, roundBytes(core) / FULL_LOAD_BYTES), verifyLoad()),
    };
  }

  take(core: Core, ancestors: readonly BlockRef[]): ProposalContent {
    const { mempool, executor, checkpoints, clock } = this.#modules;
    const { maxBlockBytes, maxTransactionsPerBlock } = this.#setup.core.parameters;
    const limits = { maxBytes: maxBlockBytes, maxTransactions: maxTransactionsPerBlock };
    return {
      timestampMs: this.#timestampMs(core, ancestors),
      madeMs: clock.monotonicMs(),
      executedCommit: executor.lastExecuted,
      transactions: this.payloadBarred(core) === undefined ? mempool.take(limits) : [],
      checkpointVote: checkpoints.dueVote,
    };
  }

  #timestampMs(core: Core, ancestors: readonly BlockRef[]): number {
    const wasIgnored = this.#time.ignoredMs !== 0;
    const timestampMs = this.#time.timestampMs(core.dag, ancestors);
    const { ignoredMs } = this.#time;
    const { logger } = this.#modules;
    if (ignoredMs !== 0 && !wasIgnored)
      logger.warn('the clock is off: own blocks carry the time of the others', { ignoredMs });
    else if (ignoredMs === 0 && wasIgnored) logger.info('the clock agrees with the others again');
    return timestampMs;
  }

  /** The block is not made, or not admitted: its transactions go again. */
  giveBack({ transactions }: ProposalContent): void {
    this.#modules.mempool.giveBack(transactions.map((tx) => tx.id));
  }

  /** A block with this content was sent. */
  spoken({ madeMs, checkpointVote }: ProposalContent): void {
    this.#time.made(madeMs);
    if (checkpointVote !== undefined) this.#modules.checkpoints.voted(checkpointVote);
  }
}

function roundBytes({ dag }: Core): number {
  return dag.blocksAt(Math.max(1, dag.highestRound - 1)).reduce((sum, header) => sum + header.payload.bytes, 0);
}
