import type { ExecutedCommit } from '../execution/index.ts';
import type { ReceiptIndex, StorageErrorCode } from '../storage/index.ts';
import { errorText, isCoded } from '../util/errors.ts';
import type { Logger } from '../util/logger.ts';

/** Adds the receipts of a commit, live or replayed. They are derived data: an index that does not take them makes a look-up poorer, nothing else. */
export function indexReceipts(receipts: ReceiptIndex, result: ExecutedCommit, logger: Logger): void {
  if (result.index <= receipts.cursor) return;
  const found = [];
  for (const outcome of result.outcomes)
    if (outcome.kind === 'applied') found.push({ id: outcome.id, receipt: outcome.receiptBytes });
  try {
    // The log no longer holds what lies between: the state came from a snapshot.
    if (result.index > receipts.cursor + 1) receipts.skipTo(result.index - 1);
    receipts.add(result.index, found);
  } catch (error) {
    if (!isCoded<StorageErrorCode>(error, 'INDEX_BUSY')) throw error;
    logger.warn('receipts not indexed', { commit: result.index, error: errorText(error) });
    receipts.skipTo(result.index);
  }
}
