import type { Hasher } from '../crypto/hasher.ts';
import type { ExecutableCommit, ExecutedCommit } from '../execution/index.ts';
import { type ReceiptIndex, StorageError, type StorageErrorCode } from '../storage/index.ts';
import type { CommitIndex } from '../types/ids.ts';
import type { Clock } from '../util/clock.ts';
import { errorText, isCoded } from '../util/errors.ts';
import type { Logger } from '../util/logger.ts';
import { touchedAccounts } from './touched-accounts.ts';

interface ReceiptFeedModules {
  readonly receipts: ReceiptIndex;
  readonly hasher: Hasher;
  readonly clock: Clock;
  readonly logger: Logger;
}

/** After a disk refused: each try costs the main thread the copy of a batch. */
const RETRY_MS = 1_000;

/**
 * Gives the index what becomes final, and writes it in batches: one at a time, with what has gathered. Nothing waits for it but a snapshot. An
 * index that takes no more is left as it is until the next start, which replays what it lacks from the log.
 */
export class ReceiptFeed {
  readonly #modules: ReceiptFeedModules;
  /** Of commits that are executed and not yet final. */
  readonly #touched = new Map<CommitIndex, Uint32Array>();
  #isWriting = false;
  #isUnwritten = false;
  #retryAtMs = 0;
  /** The first commit that the index did not take. */
  #missing: CommitIndex | undefined;

  constructor(modules: ReceiptFeedModules) {
    this.#modules = modules;
  }

  executed(result: ExecutedCommit, commit: ExecutableCommit): void {
    this.#touched.set(result.index, touchedAccounts(this.#modules.hasher, commit, result));
  }

  final(result: ExecutedCommit): void {
    const accounts = this.#touched.get(result.index);
    this.#touched.delete(result.index);
    if (this.#missing === undefined) this.#add(result, accounts);
    this.#write();
  }

  /** Resolves when the receipts of all that is final are on the disk: what a restart does not execute again must be found. */
  async kept(): Promise<void> {
    if (this.#missing !== undefined) {
      const message = `receipts are missing from commit ${this.#missing} on: start the validator again, which adds them`;
      throw new StorageError('INDEX_BUSY', message, { missingFrom: this.#missing });
    }
    await this.#modules.receipts.flush();
    this.#isUnwritten = false;
  }

  #add(result: ExecutedCommit, accounts: Uint32Array | undefined): void {
    const { receipts, logger } = this.#modules;
    try {
      if (addReceipts(receipts, result, accounts)) this.#isUnwritten = true;
    } catch (error) {
      if (!isCoded<StorageErrorCode>(error, 'INDEX_BUSY')) throw error;
      this.#missing = result.index;
      logger.error('receipts are not indexed any more, and no snapshots written: start the validator again', {
        commit: result.index,
        error: errorText(error),
      });
    }
  }

  #write(): void {
    const { receipts, clock, logger } = this.#modules;
    if (!this.#isUnwritten || this.#isWriting || clock.monotonicMs() < this.#retryAtMs) return;
    this.#isWriting = true;
    this.#isUnwritten = false;
    receipts
      .flush()
      .catch((error: unknown) => {
        this.#isUnwritten = true;
        this.#retryAtMs = clock.monotonicMs() + RETRY_MS;
        logger.warn('receipts not written', { error: errorText(error) });
      })
      .finally(() => {
        this.#isWriting = false;
      });
  }
}

/** Adds what a restart replays; waits for the disk where the index is full. */
export async function replayReceipts(
  receipts: ReceiptIndex,
  result: ExecutedCommit,
  accounts?: Uint32Array,
): Promise<void> {
  try {
    addReceipts(receipts, result, accounts);
  } catch (error) {
    if (!isCoded<StorageErrorCode>(error, 'INDEX_BUSY')) throw error;
    await receipts.flush();
    addReceipts(receipts, result, accounts);
  }
}

/** The receipts of a commit, and the accounts that it touched. @returns whether there were any that the index did not have */
function addReceipts(receipts: ReceiptIndex, result: ExecutedCommit, accounts?: Uint32Array): boolean {
  if (result.index <= receipts.cursor) return false;
  const found = [];
  for (const outcome of result.outcomes)
    if (outcome.kind === 'applied') found.push({ id: outcome.id, receipt: outcome.receiptBytes });
  // The log no longer holds what lies between: the state came from a snapshot.
  if (result.index > receipts.cursor + 1) receipts.skipTo(result.index - 1);
  receipts.add(result.index, found, accounts);
  return found.length > 0;
}
