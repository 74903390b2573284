import type { CommitIndex } from '../../types/ids.ts';
import type { Clock } from '../../util/clock.ts';

/** A commit, and when the network says that it was made. */
export interface CommitTime {
  readonly height: CommitIndex;
  readonly timeMs: number;
}

export interface LogHoldOptions {
  /** How far behind an archive may be for the log to wait: time of the network, whose commits never go back in it, and commits. */
  readonly behindMs: number;
  readonly behindCommits: number;
}

/**
 * How much of the log waits for an archive. What is deleted is gone for good, and what is kept fills the disk: both are decided by how far behind the
 * archive is, whether it moves or not. For `behindMs` after a start only the commits count: the node may have been away, and how far the archive is
 * may be unknown until its server answers.
 */
export class LogHold {
  readonly #options: LogHoldOptions;
  readonly #clock: Pick<Clock, 'monotonicMs'>;
  readonly #startedMs: number;
  #archived: CommitTime | undefined;

  constructor(options: LogHoldOptions, clock: Pick<Clock, 'monotonicMs'>) {
    this.#options = options;
    this.#clock = clock;
    this.#startedMs = clock.monotonicMs();
  }

  /** Everything up to there is archived. */
  archived(through: CommitTime): void {
    this.#archived = through;
  }

  /**
   * The first commit that the log keeps; beyond all of them when it waits no longer.
   * @param last of this node
   */
  from(last: CommitTime): CommitIndex {
    const { behindMs, behindCommits } = this.#options;
    const isNew = this.#clock.monotonicMs() - this.#startedMs <= behindMs;
    const archived = this.#archived;
    if (archived === undefined) return isNew ? Math.max(1, last.height - behindCommits + 1) : Number.POSITIVE_INFINITY;
    const isNear = last.height - archived.height <= behindCommits;
    const isRecent = isNew || last.timeMs - archived.timeMs <= behindMs;
    return isNear && isRecent ? archived.height + 1 : Number.POSITIVE_INFINITY;
  }
}
