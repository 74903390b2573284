import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync, type StatementSync } from 'node:sqlite';
import { type CommitIndex, ID_BYTES, type TransactionId } from '../types/ids.ts';
import type { AccountHandle } from '../types/transaction.ts';
import { ByteReader } from '../util/byte-reader.ts';
import { ANY_ACCOUNT, type IndexedReceipt } from './receipt-index.ts';

const FILE = 'receipts.sqlite';
/** "AV10" in the file's header, so that another program's database is not taken for ours. */
const APPLICATION_ID = 0x41_56_31_30;
const SCHEMA_VERSION = 1;
const SCHEMA = `
  CREATE TABLE receipts (id BLOB PRIMARY KEY, commitIndex INTEGER NOT NULL, receipt BLOB NOT NULL) STRICT, WITHOUT ROWID;
  CREATE INDEX receiptsByCommit ON receipts (commitIndex);
  CREATE TABLE parts (account INTEGER NOT NULL, commitIndex INTEGER NOT NULL, PRIMARY KEY (account, commitIndex)) STRICT, WITHOUT ROWID;
  CREATE INDEX partsByCommit ON parts (commitIndex);
  CREATE TABLE progress (cursor INTEGER NOT NULL, completeFrom INTEGER NOT NULL) STRICT;
  INSERT INTO progress VALUES (0, 1);
  PRAGMA application_id = ${APPLICATION_ID};
  PRAGMA user_version = ${SCHEMA_VERSION};
`;
/**
 * Readers and the writer do not wait for each other (WAL); what was committed outlives a power cut (FULL). Ids are random, hence so are the
 * pages: a longer WAL than usual writes each of them back less often.
 */
const SETTINGS = `
  PRAGMA journal_mode = WAL;
  PRAGMA synchronous = FULL;
  PRAGMA wal_autocheckpoint = 4096;
  PRAGMA journal_size_limit = ${64 * 1024 * 1024};
  PRAGMA cache_size = -${16 * 1024};
`;
/** Another connection holds a lock only while it opens or closes the file. */
const LOCK_TIMEOUT_MS = 1_000;
/** Rows of old commits that leave with a batch, beside twice as many as it adds: the index shrinks, and no batch takes long. */
const FORGOTTEN_PER_BATCH = 1_024;

/** Receipts of one commit, end to end: id 32 bytes, length u32, receipt; and the accounts that had a part in it. */
export interface PackedCommit {
  readonly commitIndex: CommitIndex;
  readonly receipts: Uint8Array;
  readonly accounts: Uint32Array;
}

/** What is written together. */
export interface ReceiptBatch {
  readonly commits: readonly PackedCommit[];
  /** The last commit that is in with them. */
  readonly cursor: CommitIndex;
  readonly completeFrom: CommitIndex;
}

/** What there is of some transactions, all of it as of one moment. */
export interface KnownReceipts {
  /** Of this commit and newer ones no receipt was skipped or forgotten. */
  readonly from: CommitIndex;
  /** In the order of what was asked. */
  readonly receipts: readonly (IndexedReceipt | undefined)[];
}

/** One connection to the receipts on the disk. Throws what SQLite says. */
export class ReceiptDatabase {
  readonly #database: DatabaseSync;
  readonly #find: StatementSync;
  readonly #findParts: StatementSync;

  /** @param folder made if missing; throws if there is a file of another program or version */
  static open(folder: string): ReceiptDatabase {
    mkdirSync(folder, { recursive: true });
    return ReceiptDatabase.#connect(folder, false);
  }

  /** Beside the one who writes, and who never waits for this reader. @throws also if there is no file */
  static openForReading(folder: string): ReceiptDatabase {
    return ReceiptDatabase.#connect(folder, true);
  }

  static #connect(folder: string, readOnly: boolean): ReceiptDatabase {
    const path = join(folder, FILE);
    const database = new DatabaseSync(path, { readOnly, timeout: LOCK_TIMEOUT_MS });
    try {
      if (!readOnly) prepare(database);
      mustBeOurs(database, path);
      return new ReceiptDatabase(database);
    } catch (error) {
      database.close();
      throw error;
    }
  }

  private constructor(database: DatabaseSync) {
    this.#database = database;
    this.#find = database.prepare('SELECT commitIndex, receipt FROM receipts WHERE id = ?');
    this.#findParts = database.prepare(
      'SELECT commitIndex FROM parts WHERE account = ? AND commitIndex < ? ORDER BY commitIndex DESC LIMIT ?',
    );
  }

  progress(): Pick<ReceiptBatch, 'cursor' | 'completeFrom'> {
    const row = this.#database.prepare('SELECT cursor, completeFrom FROM progress').get();
    return { cursor: Number(row?.cursor), completeFrom: Number(row?.completeFrom) };
  }

  get(id: TransactionId): IndexedReceipt | undefined {
    const row = this.#find.get(Buffer.from(id, 'hex'));
    return row && { commitIndex: row.commitIndex as number, receipt: row.receipt as Uint8Array };
  }

  /** In one short transaction: while it lasts, nothing of the write-ahead log is overwritten. */
  known(ids: readonly TransactionId[]): KnownReceipts {
    return inTransaction(this.#database, 'DEFERRED', () => ({
      from: this.progress().completeFrom,
      receipts: ids.map((each) => this.get(each)),
    }));
  }

  /** Commits below `before` that list the account or anybody, the newest first. */
  commitsOf(account: AccountHandle, before: CommitIndex, limit: number): CommitIndex[] {
    const found = [account, ANY_ACCOUNT].flatMap((each) => this.#findParts.all(each, before, limit));
    const commits = new Set(found.map(({ commitIndex }) => commitIndex as number));
    return [...commits].sort((a, b) => b - a).slice(0, limit);
  }

  /**
   * All of it or nothing; and commits older than the newest `retainCommits` are forgotten, a bounded number of rows at a time. `completeFrom` counts
   * all of them as gone, and says so for good: more may be retained later.
   */
  add({ commits, cursor, completeFrom }: ReceiptBatch, retainCommits: number): void {
    let rows = 0;
    const put = this.#database.prepare('INSERT OR REPLACE INTO receipts VALUES (?, ?, ?)');
    const putPart = this.#database.prepare('INSERT OR IGNORE INTO parts VALUES (?, ?)');
    const forgotten = cursor - retainCommits;
    inTransaction(this.#database, 'IMMEDIATE', () => {
      for (const { commitIndex, receipts, accounts } of commits) {
        for (const account of accounts) putPart.run(account, commitIndex);
        rows += accounts.length;
        const reader = new ByteReader(receipts);
        while (reader.remaining > 0) {
          const id = reader.bytes(ID_BYTES, 'id');
          put.run(id, commitIndex, reader.bytes(reader.u32('length'), 'receipt'));
          rows += 1;
        }
      }
      this.#forget(forgotten, FORGOTTEN_PER_BATCH + 2 * rows);
      const from = Math.max(completeFrom, forgotten + 1);
      this.#database.prepare('UPDATE progress SET cursor = ?, completeFrom = ?').run(cursor, from);
    });
  }

  close(): void {
    this.#database.close();
  }

  #forget(through: CommitIndex, limit: number): void {
    if (through < 1) return;
    const chosen = (key: string, table: string): string =>
      `DELETE FROM ${table} WHERE (${key}) IN (SELECT ${key} FROM ${table} WHERE commitIndex <= ? LIMIT ?)`;
    this.#database.prepare(chosen('id', 'receipts')).run(through, limit);
    this.#database.prepare(chosen('account, commitIndex', 'parts')).run(through, limit);
  }
}

function prepare(database: DatabaseSync): void {
  database.exec(SETTINGS);
  inTransaction(database, 'IMMEDIATE', () => {
    const { applicationId, version } = markOf(database);
    const tables = number(database.prepare('SELECT count(*) AS value FROM sqlite_schema').get());
    if (applicationId === 0 && version === 0 && tables === 0) database.exec(SCHEMA);
  });
}

function mustBeOurs(database: DatabaseSync, path: string): void {
  const { applicationId, version } = markOf(database);
  if (applicationId !== APPLICATION_ID || version !== SCHEMA_VERSION)
    throw new Error(`${path} is of another program or version (application ${applicationId}, version ${version})`);
}

function markOf(database: DatabaseSync): { readonly applicationId: number; readonly version: number } {
  return {
    applicationId: number(database.prepare('SELECT application_id AS value FROM pragma_application_id').get()),
    version: number(database.prepare('SELECT user_version AS value FROM pragma_user_version').get()),
  };
}

function inTransaction<T>(database: DatabaseSync, kind: 'IMMEDIATE' | 'DEFERRED', action: () => T): T {
  database.exec(`BEGIN ${kind}`);
  try {
    const result = action();
    database.exec('COMMIT');
    return result;
  } catch (error) {
    // SQLite itself rolls back on some errors of the disk.
    if (database.isTransaction) database.exec('ROLLBACK');
    throw error;
  }
}

function number(row: Record<string, unknown> | undefined): number {
  return Number(row?.value ?? 0);
}
