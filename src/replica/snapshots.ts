import type { CoreState } from '../consensus/index.ts';
import type { Ledger, LedgerErrorCode } from '../execution/index.ts';
import { LOG_START, type SnapshotStore } from '../storage/index.ts';
import type { CommitIndex, Round } from '../types/ids.ts';
import type { Clock } from '../util/clock.ts';
import { errorText, isCoded } from '../util/errors.ts';
import type { Logger } from '../util/logger.ts';
import type { BlockStore } from './block-store.ts';
import { encodeSnapshotContent } from './snapshot-content.ts';

export interface SnapshotPoint {
  readonly state: CoreState;
  readonly gcRound: Round;
}

export interface SnapshotModules {
  readonly store: BlockStore;
  readonly snapshots: SnapshotStore;
  readonly ledger: Ledger;
  readonly clock: Clock;
  readonly logger: Logger;
  /** Receipts of what was executed so far are out of memory: a restart from the snapshot does not execute these commits again. */
  receiptsKept(): Promise<void>;
  /** Commits from here on are kept beyond `retainCommits`: somebody outside has still to read them. */
  neededFrom(): CommitIndex;
}

/** Writes a snapshot now and then, and lets go of the log behind it. One at a time; a failed one is tried again later. */
export class Snapshots {
  readonly #options: { readonly snapshotEveryMs: number; readonly retainCommits: number };
  readonly #modules: SnapshotModules;
  #lastMs: number;
  #writing: Promise<void> | undefined;
  /** The ledger could not sync its keys. A later sync that succeeds says nothing of them, so nothing may count on them before the next start. */
  #keysInDoubt = false;

  constructor(options: { readonly snapshotEveryMs: number; readonly retainCommits: number }, modules: SnapshotModules) {
    this.#options = options;
    this.#modules = modules;
    this.#lastMs = modules.clock.monotonicMs();
  }

  /** Whether the next checkpoint should become a snapshot. */
  get due(): boolean {
    return (
      !this.#keysInDoubt &&
      this.#writing === undefined &&
      this.#modules.clock.monotonicMs() - this.#lastMs >= this.#options.snapshotEveryMs
    );
  }

  /** Takes the ledger as it is in this turn; writing goes on behind. */
  take(point: SnapshotPoint): void {
    this.#lastMs = this.#modules.clock.monotonicMs();
    const parts = this.#content(point);
    if (parts === undefined) return;
    this.#writing = this.#write(point, parts)
      .catch((error: unknown) => this.#modules.logger.error('snapshot failed', { error: errorText(error) }))
      .finally(() => {
        this.#writing = undefined;
      });
  }

  /** Resolves when no snapshot is being written. */
  async idle(): Promise<void> {
    await this.#writing;
  }

  #content(point: SnapshotPoint): readonly Uint8Array[] | undefined {
    const { store, ledger, logger } = this.#modules;
    try {
      return encodeSnapshotContent({
        ...point,
        commits: store.keptCommits(),
        evidence: store.evidence(),
        ledger: ledger.snapshot(),
      });
    } catch (error) {
      if (!isCoded<LedgerErrorCode>(error, 'LEDGER_KEY_FILE')) throw error;
      this.#keysInDoubt = true;
      logger.error('no snapshot before the next start: the log grows until then', { error: errorText(error) });
      return undefined;
    }
  }

  async #write({ state }: SnapshotPoint, parts: readonly Uint8Array[]): Promise<void> {
    const { store, snapshots, ledger, logger } = this.#modules;
    const { index, digest } = state.lastCommit;
    const logPosition = store.oldestPosition() ?? store.log.endPosition;
    // The ledger goes on from here: what the snapshot says of it is read in this turn.
    const checkpointIndex = ledger.lastCheckpoint?.index ?? 0;
    await store.flush();
    await this.#modules.receiptsKept();
    await snapshots.write({ commitIndex: index, commitDigest: digest, checkpointIndex, logPosition }, parts);
    logger.info('snapshot written', { commit: index });
    await this.#dropLog(index);
  }

  /** Keeps what the older of the kept snapshots replays from, and the commits that peers may ask for. */
  async #dropLog(index: CommitIndex): Promise<void> {
    const { store, snapshots } = this.#modules;
    const oldest = (await snapshots.oldest())?.logPosition ?? LOG_START;
    const neededFrom = Math.min(index - this.#options.retainCommits, this.#modules.neededFrom());
    const keptFrom = (await store.forgetCommits(neededFrom)) ?? LOG_START;
    await store.log.dropBefore(oldest < keptFrom ? oldest : keptFrom);
  }
}
