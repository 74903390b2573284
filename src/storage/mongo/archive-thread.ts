import { once } from 'node:events';
import { Worker } from 'node:worker_threads';
import type { CommitIndex } from '../../types/ids.ts';
import type { Clock } from '../../util/clock.ts';
import { errorText } from '../../util/errors.ts';
import type { Logger } from '../../util/logger.ts';
import { siblingModule } from '../../util/sibling-module.ts';
import type { Timer, Timers } from '../../util/timers.ts';
import type { ArchiveMetrics } from '../metrics.ts';
import { ArchiveStanding } from './archive-standing.ts';
import type { ArchiveProgress, LogPlace } from './archiver.ts';
import type { LogHold } from './log-hold.ts';
import type { ArchiveThreadData, FromArchiveThread, ToArchiveThread } from './messages.ts';
import { PROGRESS_INTERVAL_MS, RESTART_DELAY_MS, STOP_TIMEOUT_MS, THREAD_HEAP_MIB } from './options.ts';

export interface ArchiveThreadModules {
  readonly clock: Clock;
  readonly timers: Timers;
  readonly logger: Logger;
  readonly metrics: ArchiveMetrics;
  readonly hold: LogHold;
  progress(): ArchiveProgress;
  place(commit: CommitIndex): LogPlace;
}

/**
 * Archives on a thread of its own (docs/archive.md), which reads log and receipts itself. This side tells it what is final, answers where a commit lies,
 * and measures how far behind it is. A thread that dies is replaced; nothing of it reaches the node.
 */
export class ArchiveThread {
  readonly #data: ArchiveThreadData;
  readonly #modules: ArchiveThreadModules;
  #worker: Worker | undefined;
  #timer: Timer | undefined;
  #stopping = false;
  readonly #standing: ArchiveStanding;

  /** @param startMs wall clock of the genesis: what lags before the first commit is archived */
  constructor(data: ArchiveThreadData, startMs: number, modules: ArchiveThreadModules) {
    this.#data = data;
    this.#modules = modules;
    this.#standing = new ArchiveStanding(startMs, { ...modules, final: () => modules.progress().final });
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
      name: 'archive',
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
    this.#standing.threadEnded();
    if (this.#stopping) return;
    this.#modules.metrics.failures.add(1);
    this.#timer?.cancel();
    this.#timer = this.#modules.timers.after(RESTART_DELAY_MS, () => this.start());
  }

  #tick(): void {
    this.#tell({ type: 'progress', progress: this.#modules.progress() });
    this.#standing.measureLag();
    this.#timer = this.#modules.timers.after(PROGRESS_INTERVAL_MS, () => this.#tick());
  }

  #on(message: FromArchiveThread): void {
    const { logger } = this.#modules;
    switch (message.type) {
      case 'ask-place':
        this.#tell({ type: 'place', place: this.#modules.place(message.commit) });
        break;
      case 'report':
        this.#standing.reported(message.report);
        break;
      case 'log':
        logger[message.level](message.message, message.fields);
        break;
    }
  }

  #tell(message: ToArchiveThread): void {
    this.#worker?.postMessage(message);
  }
}
