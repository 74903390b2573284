import { once } from 'node:events';
import { Worker } from 'node:worker_threads';
import { type CommitIndex, ID_BYTES, type TransactionId } from '../types/ids.ts';
import type { AccountHandle } from '../types/transaction.ts';
import { ByteWriter } from '../util/byte-writer.ts';
import { fromHex } from '../util/bytes.ts';
import { errorText } from '../util/errors.ts';
import { siblingModule } from '../util/sibling-module.ts';
import { StorageError } from './errors.ts';
import { indexGap, names } from './memory-receipt-index.ts';
import { type PackedCommit, type ReceiptBatch, ReceiptDatabase } from './receipt-database.ts';
import {
  ANYBODY,
  type IndexedReceipt,
  type ReceiptIndex,
  type ReceiptIndexOptions,
  type ReceiptOf,
} from './receipt-index.ts';
import type { ReceiptWriterAnswer, ReceiptWriterData, ReceiptWriterRequest } from './receipt-writer.ts';

/** One batch: bounds what the disk takes at a time, and how long room for more is waited for. */
const MAX_BATCH_BYTES = 4 * 1024 * 1024;

interface PendingCommit extends PackedCommit {
  readonly ids: readonly TransactionId[];
  /** What it counts for against `maxPendingBytes`. */
  readonly bytes: number;
}

/** In SQLite: read by this thread, written by one of its own that starts with the first flush. */
export class SqliteReceiptIndex implements ReceiptIndex {
  readonly #folder: string;
  readonly #options: ReceiptIndexOptions;
  readonly #database: ReceiptDatabase;
  #cursor: CommitIndex;
  /** The cursor on the disk. */
  #flushed: CommitIndex;
  #completeFrom: CommitIndex;
  #pending: PendingCommit[] = [];
  #pendingBytes = 0;
  /** What is pending, by id. */
  readonly #recent = new Map<TransactionId, IndexedReceipt>();
  #writer: Worker | undefined;
  /** Of the writer, to the batch that it has; one at a time. */
  #answer = Promise.withResolvers<ReceiptWriterAnswer>();
  #writing: Promise<void> | undefined;

  /**
   * @param folder of the machine's file system; made if missing
   * @throws StorageError INDEX_FAILED
   */
  static open(folder: string, options: ReceiptIndexOptions): SqliteReceiptIndex {
    try {
      return new SqliteReceiptIndex(folder, options, ReceiptDatabase.open(folder));
    } catch (error) {
      const advice = 'if its file is damaged or foreign, delete it: receipts behind the newest snapshot are made again';
      throw failed(`the receipt index in ${folder} cannot be opened; ${advice}`, error);
    }
  }

  private constructor(folder: string, options: ReceiptIndexOptions, database: ReceiptDatabase) {
    this.#folder = folder;
    this.#options = options;
    this.#database = database;
    const { cursor, completeFrom } = database.progress();
    this.#cursor = cursor;
    this.#flushed = cursor;
    this.#completeFrom = completeFrom;
  }

  get cursor(): CommitIndex {
    return this.#cursor;
  }

  /** Commits without receipts have nothing to write. */
  get written(): CommitIndex {
    const [next] = this.#pending;
    return next === undefined ? this.#cursor : next.commitIndex - 1;
  }

  get completeFrom(): CommitIndex {
    return Math.max(this.#completeFrom, this.#cursor - this.#options.retainCommits + 1);
  }

  add(commitIndex: CommitIndex, receipts: readonly ReceiptOf[], accounts = ANYBODY): void {
    if (commitIndex !== this.#cursor + 1) throw indexGap(this.#cursor + 1, commitIndex);
    if (receipts.length === 0) {
      this.#cursor = commitIndex;
      return;
    }
    const packedBytes = receipts.reduce((sum, { receipt }) => sum + ID_BYTES + 4 + receipt.length, 0);
    const bytes = ID_BYTES + packedBytes + accounts.byteLength;
    if (this.#pendingBytes + bytes > this.#options.maxPendingBytes && this.#pending.length > 0) {
      const pendingBytes = this.#pendingBytes;
      throw new StorageError('INDEX_BUSY', 'the receipt index is behind: flush first', { pendingBytes });
    }
    const packed = new ByteWriter(packedBytes);
    for (const { id, receipt } of receipts) {
      packed.bytes(fromHex(id)).u32(receipt.length).bytes(receipt);
      this.#recent.set(id, { commitIndex, receipt });
    }
    this.#pending.push({ commitIndex, receipts: packed.finish(), accounts, ids: receipts.map(({ id }) => id), bytes });
    this.#pendingBytes += bytes;
    this.#cursor = commitIndex;
  }

  skipTo(commitIndex: CommitIndex): void {
    if (commitIndex < this.#cursor) throw indexGap(this.#cursor, commitIndex);
    this.#cursor = commitIndex;
    this.#completeFrom = commitIndex + 1;
  }

  get(id: TransactionId): IndexedReceipt | undefined {
    const recent = this.#recent.get(id);
    if (recent !== undefined) return recent;
    try {
      return this.#database.get(id);
    } catch (error) {
      throw failed('the receipt index cannot be read', error);
    }
  }

  commitsOf(account: AccountHandle, before: CommitIndex, limit: number): CommitIndex[] {
    const pending = this.#pending.filter(
      ({ commitIndex, accounts }) => commitIndex < before && names(accounts, account),
    );
    const recent = pending.map(({ commitIndex }) => commitIndex).reverse();
    try {
      // What is pending may be in the database already, until the writer has answered.
      return [...new Set([...recent, ...this.#database.commitsOf(account, before, limit)])].slice(0, limit);
    } catch (error) {
      throw failed('the receipt index cannot be read', error);
    }
  }

  async flush(): Promise<void> {
    const through = this.#cursor;
    while (this.#flushed < through) {
      this.#writing ??= this.#writePending().finally(() => {
        this.#writing = undefined;
      });
      await this.#writing;
    }
  }

  async close(): Promise<void> {
    try {
      await this.flush();
    } finally {
      this.#database.close();
      await this.#endWriter();
    }
  }

  async #writePending(): Promise<void> {
    const batch = this.#nextBatch();
    const isAll = batch.length === this.#pending.length;
    const cursor = isAll ? this.#cursor : (batch.at(-1) as PendingCommit).commitIndex;
    const commits = batch.map(({ commitIndex, receipts, accounts }) => ({ commitIndex, receipts, accounts }));
    try {
      await this.#write({ commits, cursor, completeFrom: this.#completeFrom });
    } catch (error) {
      throw failed('the receipt index cannot be written; what is pending is kept', error);
    }
    this.#flushed = cursor;
    this.#pending = this.#pending.slice(batch.length);
    for (const { ids, bytes, commitIndex } of batch) {
      this.#pendingBytes -= bytes;
      for (const id of ids) if (this.#recent.get(id)?.commitIndex === commitIndex) this.#recent.delete(id);
    }
  }

  #nextBatch(): PendingCommit[] {
    let bytes = 0;
    const end = this.#pending.findIndex((commit) => {
      bytes += commit.bytes;
      return bytes > MAX_BATCH_BYTES;
    });
    return this.#pending.slice(0, end < 0 ? this.#pending.length : Math.max(1, end));
  }

  /** A thread that ended, because it could not open the file, is followed by a new one at the next flush. */
  async #write(batch: ReceiptBatch): Promise<void> {
    this.#writer ??= this.#startWriter();
    this.#answer = Promise.withResolvers();
    this.#writer.postMessage(batch satisfies ReceiptWriterRequest);
    const { failure } = await this.#answer.promise;
    if (failure !== undefined) throw new Error(failure);
  }

  #startWriter(): Worker {
    const workerData: ReceiptWriterData = { folder: this.#folder, retainCommits: this.#options.retainCommits };
    const writer = new Worker(siblingModule('./receipt-writer', import.meta.url), { workerData });
    writer.on('message', (answer: ReceiptWriterAnswer) => this.#answer.resolve(answer));
    const end = (reason: unknown): void => {
      if (this.#writer !== writer) return;
      this.#writer = undefined;
      this.#answer.reject(reason);
    };
    writer.on('error', end);
    writer.on('exit', () => end(new Error('the thread that writes it ended')));
    return writer;
  }

  async #endWriter(): Promise<void> {
    const writer = this.#writer;
    if (writer === undefined) return;
    const exit = once(writer, 'exit');
    writer.postMessage('close' satisfies ReceiptWriterRequest);
    await exit;
  }
}

function failed(message: string, cause: unknown): StorageError {
  return new StorageError('INDEX_FAILED', message, { reason: errorText(cause) }, { cause });
}
