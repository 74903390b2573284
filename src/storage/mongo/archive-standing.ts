import type { CommitIndex } from '../../types/ids.ts';
import type { Clock } from '../../util/clock.ts';
import type { ArchiveMetrics } from '../metrics.ts';
import { ARCHIVE_STATES } from './archiver.ts';
import type { CommitTime, LogHold } from './log-hold.ts';
import type { TimedReport } from './messages.ts';

export interface ArchiveStandingModules {
  readonly clock: Pick<Clock, 'wallMs'>;
  readonly metrics: ArchiveMetrics;
  readonly hold: Pick<LogHold, 'archived'>;
  final(): CommitIndex;
}

/** How far the archive is and what it costs, of what its threads report: for the metrics, and for the log that waits. */
export class ArchiveStanding {
  readonly #modules: ArchiveStandingModules;
  #cursor: CommitTime;
  /** Of threads that ended, and of the present one so far. */
  #cpu = { ended: 0, current: 0, counted: 0 };

  /** @param startMs wall clock of the genesis: what lags before the first commit is archived */
  constructor(startMs: number, modules: ArchiveStandingModules) {
    this.#modules = modules;
    this.#cursor = { height: 0, timeMs: startMs };
  }

  reported(report: TimedReport): void {
    const { metrics, hold } = this.#modules;
    // At 0 nothing is archived, or a new thread does not know yet what is.
    if (report.cursor.height > 0) {
      this.#cursor = report.cursor;
      hold.archived(report.cursor);
    }
    for (const state of ARCHIVE_STATES) metrics.state.set(state === report.state ? 1 : 0, { state });
    metrics.documents.add(report.documents);
    metrics.bytes.add(report.bytes);
    metrics.failures.add(report.failures);
    metrics.missing.set(report.missing);
    this.#cpu.current = report.cpuSeconds;
    const total = this.#cpu.ended + this.#cpu.current;
    metrics.cpuSeconds.add(Math.max(0, total - this.#cpu.counted));
    this.#cpu.counted = Math.max(total, this.#cpu.counted);
    this.measureLag();
  }

  threadEnded(): void {
    this.#cpu.ended += this.#cpu.current;
    this.#cpu.current = 0;
  }

  measureLag(): void {
    const { metrics, clock, final } = this.#modules;
    const { height, timeMs } = this.#cursor;
    const commits = Math.max(0, final() - height);
    metrics.height.set(height);
    metrics.lagCommits.set(commits);
    metrics.lagSeconds.set(commits === 0 ? 0 : Math.max(0, clock.wallMs() - timeMs) / 1_000);
  }
}
