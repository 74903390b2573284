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

/** One connection to the receipts on the disk. Throws what SQLite says. */
export class ReceiptDatabase {
  readonly #database: DatabaseSync;
  readonly #find: StatementSync;
  readonly #findParts: StatementSync;

  /** @param folder made if missing; throws if there is a file of another program or version */
  static open(folder: string): ReceiptDatabase {
    mkdirSync(folder, { recursive: true });
    const path = join(folder, FILE);
    const database = new DatabaseSync(path, { timeout: LOCK_TIMEOUT_MS });
    try {
      database.exec(SETTINGS);
      inTransaction(database, () => prepare(database, path));
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

  /** Commits below `before` that list the account or anybody, the newest first. */
  commitsOf(account: AccountHandle, before: CommitIndex, limit: number): CommitIndex[] {
    const found = [account, ANY_ACCOUNT].flatMap((each) => this.#findParts.all(each, before, limit));
    const commits = new Set(found.map(({ commitIndex }) => commitIndex as number));
    return [...commits].sort((a, b) => b - a).slice(0, limit);
  }

  /** All of it or nothing; and commits older than the newest `retainCommits` are forgotten, a bounded number of rows at a time. */
  add({ commits, cursor, completeFrom }: ReceiptBatch, retainCommits: number): void {
    let rows = 0;
    const put = this.#database.prepare('INSERT OR REPLACE INTO receipts VALUES (?, ?, ?)');
    const putPart = this.#database.prepare('INSERT OR IGNORE INTO parts VALUES (?, ?)');
    inTransaction(this.#database, () => {
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
      this.#forget(cursor - retainCommits, FORGOTTEN_PER_BATCH + 2 * rows);
      this.#database.prepare('UPDATE progress SET cursor = ?, completeFrom = ?').run(cursor, completeFrom);
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

function prepare(database: DatabaseSync, path: string): void {
  const applicationId = number(database.prepare('SELECT application_id AS value FROM pragma_application_id').get());
  const version = number(database.prepare('SELECT user_version AS value FROM pragma_user_version').get());
  const tables = number(database.prepare('SELECT count(*) AS value FROM sqlite_schema').get());
  if (applicationId === 0 && version === 0 && tables === 0) database.exec(SCHEMA);
  else if (applicationId !== APPLICATION_ID || version !== SCHEMA_VERSION)
    throw new Error(`${path} is of another program or version (application ${applicationId}, version ${version})`);
}

function inTransaction(database: DatabaseSync, change: () => void): void {
  database.exec('BEGIN IMMEDIATE');
  try {
    change();
    database.exec('COMMIT');
  } catch (error) {
    // SQLite itself rolls back on some errors of the disk.
    if (database.isTransaction) database.exec('ROLLBACK');
    throw error;
  }
}

function number(row: Record<string, unknown> | undefined): number {
  return Number(row?.value ?? 0);
}
