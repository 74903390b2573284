import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { after, describe, it } from 'node:test';
import { ArchiveError } from '../../../src/storage/mongo/errors.ts';
import { IndexFile } from '../../../src/storage/mongo/receipt-source.ts';
import { type KnownReceipts, ReceiptDatabase } from '../../../src/storage/receipt-database.ts';
import { SqliteReceiptIndex } from '../../../src/storage/sqlite-receipt-index.ts';
import { id, type TransactionId } from '../../../src/types/ids.ts';

const root = mkdtempSync(join(tmpdir(), 'av10-receipts-'));
after(() => rmSync(root, { recursive: true }));

const newFolder = (): string => mkdtempSync(join(root, 'index-'));
const txId = (number: number): TransactionId => id<TransactionId>(number.toString(16).padStart(64, '0'));
const open = (folder: string, retainCommits = 1_000): SqliteReceiptIndex =>
  SqliteReceiptIndex.open(folder, { retainCommits, maxPendingBytes: 1_000_000 });

/** One receipt in each of these commits, found under the commit's index. */
async function fill(index: SqliteReceiptIndex, ...commits: readonly number[]): Promise<void> {
  for (const commit of commits) index.add(commit, [{ id: txId(commit), receipt: Uint8Array.of(commit) }]);
  await index.flush();
}

function seen({ from, receipts }: KnownReceipts): [from: number, commits: (number | undefined)[]] {
  return [from, receipts.map((found) => found?.commitIndex)];
}

function mustFail(source: IndexFile, reason: RegExp): void {
  assert.throws(
    () => source.known([txId(1)]),
    (error: unknown) => {
      assert.ok(error instanceof ArchiveError);
      assert.equal(error.code, 'ARCHIVE_RECEIPTS');
      assert.match(String(error.fields.reason), reason);
      return true;
    },
  );
}

describe('receipts read beside the one who writes them', () => {
  it('are what was flushed', async () => {
    const folder = newFolder();
    const index = open(folder);
    const source = new IndexFile(folder);
    await fill(index, 1, 2);
    index.add(3, [{ id: txId(3), receipt: Uint8Array.of(3) }]);
    assert.deepEqual(seen(source.known([txId(2), txId(3), txId(1)])), [1, [2, undefined, 1]]);
    assert.equal(index.written, 2);
    await index.flush();
    assert.deepEqual(seen(source.known([txId(3)])), [1, [3]]);
    source.close();
    await index.close();
  });

  it('have no commit that is said to be written and is not', async () => {
    const folder = newFolder();
    const index = open(folder);
    const source = new IndexFile(folder);
    assert.equal(index.written, 0);
    index.add(1, []);
    assert.equal(index.written, 1, 'it has nothing to write');
    for (let commit = 2; commit <= 20; commit++) {
      index.add(commit, [{ id: txId(commit), receipt: Uint8Array.of(commit) }]);
      if (commit % 5 === 0) await index.flush();
      const written: readonly number[] = Array.from({ length: index.written - 1 }, (_, at) => at + 2);
      assert.deepEqual(seen(source.known(written.map(txId)))[1], written);
    }
    assert.equal(index.written, 20);
    source.close();
    await index.close();
  });

  it('say from where on none is forgotten, also when more are to be retained later', async () => {
    const folder = newFolder();
    const few = open(folder, 3);
    await fill(few, 1, 2, 3, 4, 5, 6);
    await few.close();
    const many = open(folder, 1_000);
    const source = new IndexFile(folder);
    assert.deepEqual(seen(source.known([3, 4, 6].map(txId))), [4, [undefined, 4, 6]]);
    await fill(many, 7);
    assert.deepEqual(seen(source.known([4, 7].map(txId))), [4, [4, 7]]);
    source.close();
    await many.close();
  });

  it('say from where on none was skipped', async () => {
    const folder = newFolder();
    const index = open(folder);
    index.skipTo(9);
    await fill(index, 10);
    const source = new IndexFile(folder);
    assert.deepEqual(seen(source.known([txId(10)])), [10, [10]]);
    source.close();
    await index.close();
  });

  it('do not make the writer wait, nor wait for it', async () => {
    const folder = newFolder();
    const index = open(folder);
    await fill(index, 1);
    const reader = ReceiptDatabase.openForReading(folder);
    const writer = new DatabaseSync(join(folder, 'receipts.sqlite'));
    writer.exec('BEGIN IMMEDIATE; DELETE FROM receipts; UPDATE progress SET completeFrom = 2');
    assert.deepEqual(seen(reader.known([txId(1)])), [1, [1]]);
    writer.exec('COMMIT');
    assert.deepEqual(seen(reader.known([txId(1)])), [2, [undefined]]);
    writer.close();
    reader.close();
    await index.close();
  });

  it('cannot be changed, and no file is made where there is none', async () => {
    const folder = newFolder();
    assert.throws(() => ReceiptDatabase.openForReading(folder));
    const index = open(folder);
    const reader = ReceiptDatabase.openForReading(folder);
    assert.throws(() => reader.add({ commits: [], cursor: 9, completeFrom: 1 }, 10), /readonly/);
    reader.close();
    await index.close();
  });

  it('are the trouble of the archive where they cannot be read, and found once they can', async () => {
    const folder = newFolder();
    const source = new IndexFile(folder);
    mustFail(source, /unable to open/);
    const index = open(folder);
    await fill(index, 1);
    assert.deepEqual(seen(source.known([txId(1)])), [1, [1]]);
    const spoiler = new DatabaseSync(join(folder, 'receipts.sqlite'));
    spoiler.exec('ALTER TABLE progress RENAME TO away');
    mustFail(source, /progress/);
    spoiler.exec('ALTER TABLE away RENAME TO progress');
    assert.deepEqual(seen(source.known([txId(1)])), [1, [1]]);
    spoiler.exec('PRAGMA user_version = 77');
    mustFail(new IndexFile(folder), /another program or version/);
    spoiler.close();
    source.close();
    await index.close();
  });
});
