import type { Hasher } from '../crypto/hasher.ts';
import type { ExecutableCommit, ExecutedCommit } from '../execution/index.ts';
import type { ReceiptIndex, StorageErrorCode } from '../storage/index.ts';
import type { CommitIndex } from '../types/ids.ts';
import { errorText, isCoded } from '../util/errors.ts';
import type { Logger } from '../util/logger.ts';
import { touchedAccounts } from './touched-accounts.ts';

interface ReceiptFeedModules {
  readonly receipts: ReceiptIndex;
  readonly hasher: Hasher;
  readonly logger: Logger;
}

/** Gives the index what becomes final, and writes it in batches: one at a time, with what has gathered. Nothing waits for it but a snapshot. */
export class ReceiptFeed {
  readonly #modules: ReceiptFeedModules;
  /** Of commits that are executed and not yet final. */
  readonly #touched = new Map<CommitIndex, Uint32Array>();
  #isWriting = false;

  constructor(modules: ReceiptFeedModules) {
    this.#modules = modules;
  }

  executed(result: ExecutedCommit, commit: ExecutableCommit): void {
    this.#touched.set(result.index, touchedAccounts(this.#modules.hasher, commit, result));
  }

  final(result: ExecutedCommit): void {
    const { receipts, logger } = this.#modules;
    indexReceipts(receipts, result, logger, this.#touched.get(result.index));
    this.#touched.delete(result.index);
    if (this.#isWriting) return;
    this.#isWriting = true;
    receipts
      .flush()
      .catch((error: unknown) => logger.warn('receipts not written', { error: errorText(error) }))
      .finally(() => {
        this.#isWriting = false;
      });
  }
}

/** Adds the receipts of a commit, live or replayed, and the accounts that it touched. They are derived data: an index that does not take them makes a look-up poorer, nothing else. */
export function indexReceipts(
  receipts: ReceiptIndex,
  result: ExecutedCommit,
  logger: Logger,
  accounts?: Uint32Array,
): void {
  if (result.index <= receipts.cursor) return;
  const found = [];
  for (const outcome of result.outcomes)
    if (outcome.kind === 'applied') found.push({ id: outcome.id, receipt: outcome.receiptBytes });
  try {
    // The log no longer holds what lies between: the state came from a snapshot.
    if (result.index > receipts.cursor + 1) receipts.skipTo(result.index - 1);
    receipts.add(result.index, found, accounts);
  } catch (error) {
    if (!isCoded<StorageErrorCode>(error, 'INDEX_BUSY')) throw error;
    logger.warn('receipts not indexed', { commit: result.index, error: errorText(error) });
    receipts.skipTo(result.index);
  }
}
