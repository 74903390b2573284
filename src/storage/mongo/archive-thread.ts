import { once } from 'node:events';
import { Worker } from 'node:worker_threads';
import type { CommitIndex, TransactionId } from '../../types/ids.ts';
import type { Clock } from '../../util/clock.ts';
import { errorText } from '../../util/errors.ts';
import type { Logger } from '../../util/logger.ts';
import { siblingModule } from '../../util/sibling-module.ts';
import type { Timer, Timers } from '../../util/timers.ts';
import type { ArchiveMetrics } from '../metrics.ts';
import type { IndexedReceipt } from '../receipt-index.ts';
import { ARCHIVE_STATES, type ArchiveProgress, type ArchiveReport, type LogPlace } from './archiver.ts';
import type { ArchiveThreadData, FromArchiveThread, ToArchiveThread } from './messages.ts';
import { PROGRESS_INTERVAL_MS, RESTART_DELAY_MS, STOP_TIMEOUT_MS, THREAD_HEAP_MIB } from './options.ts';

export interface ArchiveThreadModules {
  readonly clock: Clock;
  readonly timers: Timers;
  readonly logger: Logger;
  readonly metrics: ArchiveMetrics;
  progress(): ArchiveProgress;
  place(commit: CommitIndex): LogPlace;
  receipt(id: TransactionId): IndexedReceipt | undefined;
}

/**
 * Archives on a thread of its own (docs/archive.md), which reads the log itself. This side tells it what is final, answers where a commit lies and
 * which receipts there are, and measures how far behind it is. A thread that dies is replaced; nothing of it reaches the node.
 */
export class ArchiveThread {
  readonly #data: ArchiveThreadData;
  readonly #modules: ArchiveThreadModules;
  #worker: Worker | undefined;
  #timer: Timer | undefined;
  #stopping = false;
  #cursor: ArchiveReport['cursor'];
  /** When the cursor moved last; at first, when this side began. */
  #movedMs: number;
  /** Of threads that ended, and of the present one so far. */
  #cpu = { ended: 0, current: 0, counted: 0 };

  /** @param startMs wall clock of the genesis: what lags before the first commit is archived */
  constructor(data: ArchiveThreadData, startMs: number, modules: ArchiveThreadModules) {
    this.#data = data;
    this.#modules = modules;
    this.#cursor = { height: 0, timeMs: startMs };
    this.#movedMs = modules.clock.monotonicMs();
  }

  /** The first commit that is still to be archived; none is waited for once nothing moved for so long. */
  neededFrom(holdMs: number): CommitIndex {
    const isHeld = this.#modules.clock.monotonicMs() - this.#movedMs <= holdMs;
    return isHeld ? this.#cursor.height + 1 : Number.POSITIVE_INFINITY;
  }

  start(): void {
    this.#startWorker();
    this.#tick();
  }

  /** What was being written is written again after the next start. */
  async stop(): Promise<void> {
    this.#stopping = true;
    this.#timer?.cancel();
    const worker = this.#worker;
    if (worker === undefined) return;
    const exit = once(worker, 'exit');
    this.#tell({ type: 'stop' });
    const fuse = this.#modules.timers.after(STOP_TIMEOUT_MS, () => void worker.terminate());
    await exit;
    fuse.cancel();
  }

  #startWorker(): void {
    const worker = new Worker(siblingModule('./archive-worker', import.meta.url), {
      workerData: this.#data,
      resourceLimits: { maxOldGenerationSizeMb: THREAD_HEAP_MIB },
    });
    this.#worker = worker;
    worker.on('message', (message: FromArchiveThread) => this.#on(message));
    worker.on('error', (error) => this.#modules.logger.error('archive thread', { error: errorText(error) }));
    worker.on('exit', () => this.#ended());
  }

  #ended(): void {
    this.#worker = undefined;
    this.#cpu.ended += this.#cpu.current;
    this.#cpu.current = 0;
    if (this.#stopping) return;
    this.#modules.metrics.failures.add(1);
    this.#timer?.cancel();
    this.#timer = this.#modules.timers.after(RESTART_DELAY_MS, () => this.start());
  }

  #tick(): void {
    this.#tell({ type: 'progress', progress: this.#modules.progress() });
    this.#measureLag();
    this.#timer = this.#modules.timers.after(PROGRESS_INTERVAL_MS, () => this.#tick());
  }

  #on(message: FromArchiveThread): void {
    const { logger } = this.#modules;
    switch (message.type) {
      case 'ask-place':
        this.#tell({ type: 'place', place: this.#modules.place(message.commit) });
        break;
      case 'ask-receipts':
        this.#tell(this.#receipts(message.ids));
        break;
      case 'report':
        this.#onReport(message.report);
        break;
      case 'log':
        logger[message.level](message.message, message.fields);
        break;
    }
  }

  /** An index on a failing disk is the archive's trouble, not the node's. */
  #receipts(ids: readonly TransactionId[]): ToArchiveThread {
    try {
      return { type: 'receipts', receipts: ids.map((id) => this.#modules.receipt(id)) };
    } catch (error) {
      return { type: 'no-receipts', reason: errorText(error) };
    }
  }

  #onReport(report: ArchiveReport & { readonly cpuSeconds: number }): void {
    const { metrics } = this.#modules;
    if (report.cursor.height > this.#cursor.height) this.#movedMs = this.#modules.clock.monotonicMs();
    if (report.cursor.height > 0) this.#cursor = report.cursor;
    for (const state of ARCHIVE_STATES) metrics.state.set(state === report.state ? 1 : 0, { state });
    metrics.documents.add(report.documents);
    metrics.bytes.add(report.bytes);
    metrics.failures.add(report.failures);
    metrics.missing.set(report.missing);
    this.#cpu.current = report.cpuSeconds;
    const total = this.#cpu.ended + this.#cpu.current;
    metrics.cpuSeconds.add(Math.max(0, total - this.#cpu.counted));
    this.#cpu.counted = Math.max(total, this.#cpu.counted);
    this.#measureLag();
  }

  #measureLag(): void {
    const { metrics, clock } = this.#modules;
    const { height, timeMs } = this.#cursor;
    const commits = Math.max(0, this.#modules.progress().final - height);
    metrics.height.set(height);
    metrics.lagCommits.set(commits);
    metrics.lagSeconds.set(commits === 0 ? 0 : Math.max(0, clock.wallMs() - timeMs) / 1_000);
  }

  #tell(message: ToArchiveThread): void {
    this.#worker?.postMessage(message);
  }
}
