import { closeSync, existsSync, openSync, readSync } from 'node:fs';
import { join } from 'node:path';
import { type Database, open, type RootDatabase } from 'lmdb';
import { type CommitIndex, ID_BYTES, type TransactionId } from '../types/ids.ts';
import { ByteReader } from '../util/byte-reader.ts';
import { ByteWriter } from '../util/byte-writer.ts';
import { errorText } from '../util/errors.ts';
import { StorageError } from './errors.ts';
import { indexGap } from './memory-receipt-index.ts';
import type { IndexedReceipt, ReceiptIndex, ReceiptIndexOptions, ReceiptOf } from './receipt-index.ts';

const CURSOR_KEY = Buffer.from('cursor');
/** Old commits are forgotten in steps of this many a batch, so that one batch stays short. */
const MAX_FORGOTTEN_PER_BATCH = 256;

/** Of the first meta page: 0xBEEFC0DE behind the page's header. */
const META_MAGIC_OFFSET = 24;
const META_MAGIC = Buffer.from('dec0efbe', 'hex');

interface PendingCommit {
  readonly commitIndex: CommitIndex;
  readonly receipts: readonly ReceiptOf[];
  readonly bytes: number;
}

type Table = Database<Buffer, Buffer>;

/** In one LMDB environment: receipts by transaction id, transaction ids by commit (to forget them), and the cursor, written together. */
export class LmdbReceiptIndex implements ReceiptIndex {
  readonly #options: ReceiptIndexOptions;
  readonly #root: RootDatabase<Buffer, Buffer>;
  readonly #receipts: Table;
  readonly #commits: Table;
  #cursor: CommitIndex;
  #pending: PendingCommit[] = [];
  #pendingBytes = 0;
  /** What is pending, by id. */
  readonly #recent = new Map<TransactionId, IndexedReceipt>();
  #writing: Promise<void> | undefined;

  /**
   * @param path a folder of the machine's file system; made if missing
   * @throws StorageError INDEX_FAILED; deleting the folder is safe
   */
  static open(path: string, options: ReceiptIndexOptions): LmdbReceiptIndex {
    try {
      refuseForeignFile(join(path, 'data.mdb'));
      const binary = { encoding: 'binary', keyEncoding: 'binary', cache: false } as const;
      // The end of a batch of its own has a promise that nobody gets: when the disk refuses, that rejection would end the process.
      const root = open<Buffer, Buffer>({ path, ...binary, maxDbs: 2, noSubdir: false, eventTurnBatching: false });
      return new LmdbReceiptIndex(options, root, root.openDB('receipts', binary), root.openDB('commits', binary));
    } catch (error) {
      throw failed(`the receipt index at ${path} cannot be opened; delete it, it is made again from the log`, error);
    }
  }

  private constructor(
    options: ReceiptIndexOptions,
    root: RootDatabase<Buffer, Buffer>,
    receipts: Table,
    commits: Table,
  ) {
    this.#options = options;
    this.#root = root;
    this.#receipts = receipts;
    this.#commits = commits;
    const stored = root.get(CURSOR_KEY);
    this.#cursor = stored === undefined ? 0 : Number(stored.readBigUInt64BE());
  }

  get cursor(): CommitIndex {
    return this.#cursor;
  }

  add(commitIndex: CommitIndex, receipts: readonly ReceiptOf[]): void {
    if (commitIndex !== this.#cursor + 1) throw indexGap(this.#cursor + 1, commitIndex);
    const bytes = receipts.reduce((sum, { receipt }) => sum + ID_BYTES + receipt.length, ID_BYTES);
    if (this.#pendingBytes + bytes > this.#options.maxPendingBytes && this.#pending.length > 0) {
      const pendingBytes = this.#pendingBytes;
      throw new StorageError('INDEX_BUSY', 'the receipt index is behind: flush first', { pendingBytes });
    }
    for (const { id, receipt } of receipts) this.#recent.set(id, { commitIndex, receipt });
    this.#pending.push({ commitIndex, receipts, bytes });
    this.#pendingBytes += bytes;
    this.#cursor = commitIndex;
  }

  skipTo(commitIndex: CommitIndex): void {
    if (commitIndex < this.#cursor) throw indexGap(this.#cursor, commitIndex);
    this.#cursor = commitIndex;
  }

  get(id: TransactionId): IndexedReceipt | undefined {
    const recent = this.#recent.get(id);
    if (recent !== undefined) return recent;
    const stored = this.#receipts.get(idKey(id));
    return stored === undefined ? undefined : decodeReceipt(stored);
  }

  async flush(): Promise<void> {
    const through = this.#cursor;
    while ((this.#pending[0]?.commitIndex ?? Number.POSITIVE_INFINITY) <= through) {
      this.#writing ??= this.#writePending().finally(() => {
        this.#writing = undefined;
      });
      await this.#writing;
    }
  }

  async close(): Promise<void> {
    await this.flush();
    await this.#root.close();
  }

  async #writePending(): Promise<void> {
    const batch = this.#pending.slice();
    const newest = batch.at(-1)?.commitIndex ?? 0;
    try {
      await this.#root.transaction(() => {
        for (const commit of batch) this.#put(commit);
        this.#forget(newest - this.#options.retainCommits);
        this.#root.putSync(CURSOR_KEY, commitKey(newest));
      });
    } catch (error) {
      takeCommitError(error);
      throw failed('the receipt index cannot be written; what is pending is kept', error);
    }
    this.#pending = this.#pending.slice(batch.length);
    for (const { receipts, bytes, commitIndex } of batch) {
      this.#pendingBytes -= bytes;
      for (const { id } of receipts) if (this.#recent.get(id)?.commitIndex === commitIndex) this.#recent.delete(id);
    }
  }

  #put({ commitIndex, receipts }: PendingCommit): void {
    for (const { id, receipt } of receipts) this.#receipts.putSync(idKey(id), encodeReceipt(commitIndex, receipt));
    this.#commits.putSync(commitKey(commitIndex), Buffer.concat(receipts.map(({ id }) => idKey(id))));
  }

  /** Everything up to `commitIndex`, a bounded number at a time. */
  #forget(commitIndex: CommitIndex): void {
    if (commitIndex < 1) return;
    const range = { end: commitKey(commitIndex + 1), limit: MAX_FORGOTTEN_PER_BATCH };
    for (const { key, value } of [...this.#commits.getRange(range)]) {
      for (let at = 0; at < value.length; at += ID_BYTES) {
        const id = Buffer.from(value.subarray(at, at + ID_BYTES));
        const stored = this.#receipts.get(id);
        const isOld = stored !== undefined && decodeReceipt(stored).commitIndex <= commitIndex;
        if (isOld) this.#receipts.removeSync(id);
      }
      this.#commits.removeSync(key);
    }
  }
}

/** lmdb 3.5.6 ends the process with a segmentation fault when the file is not LMDB's; a new file is empty or not there. */
function refuseForeignFile(path: string): void {
  if (!existsSync(path)) return;
  const head = Buffer.alloc(META_MAGIC_OFFSET + META_MAGIC.length);
  const file = openSync(path, 'r');
  try {
    const length = readSync(file, head, 0, head.length, 0);
    if (length > 0 && !head.subarray(META_MAGIC_OFFSET).equals(META_MAGIC)) throw new Error(`${path} is no LMDB file`);
  } finally {
    closeSync(file);
  }
}

function encodeReceipt(commitIndex: CommitIndex, receipt: Uint8Array): Buffer {
  return Buffer.from(new ByteWriter(8 + receipt.length).u53(commitIndex).bytes(receipt).finish());
}

function decodeReceipt(stored: Buffer): IndexedReceipt {
  const reader = new ByteReader(stored);
  const commitIndex = reader.u53('commitIndex');
  return { commitIndex, receipt: reader.bytes(reader.remaining, 'receipt').slice() };
}

/** Big-endian, so that LMDB's order is that of the numbers. */
function commitKey(commitIndex: CommitIndex): Buffer {
  const key = Buffer.alloc(8);
  key.writeBigUInt64BE(BigInt(commitIndex));
  return key;
}

function idKey(id: TransactionId): Buffer {
  return Buffer.from(id, 'hex');
}

/** lmdb-js hands what LMDB said over as a promise that may reject later: untaken, that rejection would end the process. */
function takeCommitError(error: unknown): void {
  if (error instanceof Error && 'commitError' in error) Promise.resolve(error.commitError).catch(() => undefined);
}

function failed(message: string, cause: unknown): StorageError {
  return new StorageError('INDEX_FAILED', message, { reason: errorText(cause) }, { cause });
}
