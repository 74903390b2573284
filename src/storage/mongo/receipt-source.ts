import type { TransactionId } from '../../types/ids.ts';
import { errorText } from '../../util/errors.ts';
import { type KnownReceipts, ReceiptDatabase } from '../receipt-database.ts';
import { ArchiveError } from './errors.ts';

/** Receipts, as the archiver asks for them. */
export interface ReceiptSource {
  /** @throws ArchiveError ARCHIVE_RECEIPTS */
  known(ids: readonly TransactionId[]): KnownReceipts;
}

/** Reads the receipt index of a running node over a connection of its own. An index that cannot be read is opened anew at the next question. */
export class IndexFile implements ReceiptSource {
  readonly #folder: string;
  #database: ReceiptDatabase | undefined;

  constructor(folder: string) {
    this.#folder = folder;
  }

  known(ids: readonly TransactionId[]): KnownReceipts {
    try {
      this.#database ??= ReceiptDatabase.openForReading(this.#folder);
      return this.#database.known(ids);
    } catch (cause) {
      this.close();
      const reason = errorText(cause);
      throw new ArchiveError('ARCHIVE_RECEIPTS', `the receipt index cannot be read: ${reason}`, { reason }, { cause });
    }
  }

  close(): void {
    this.#database?.close();
    this.#database = undefined;
  }
}
