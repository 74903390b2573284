import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, renameSync, rmdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { after, describe, it } from 'node:test';
import type { StorageErrorCode } from '../../src/storage/errors.ts';
import { MemoryReceiptIndex } from '../../src/storage/memory-receipt-index.ts';
import { ANY_ACCOUNT, type ReceiptIndex, type ReceiptOf } from '../../src/storage/receipt-index.ts';
import { SqliteReceiptIndex } from '../../src/storage/sqlite-receipt-index.ts';
import { id, type TransactionId } from '../../src/types/ids.ts';
import type { ErrorFields } from '../../src/util/errors.ts';

const root = mkdtempSync(join(tmpdir(), 'av10-index-'));
after(() => rmSync(root, { recursive: true }));

const OPTIONS = { retainCommits: 3, maxPendingBytes: 10_000 };

const implementations: Readonly<Record<string, () => ReceiptIndex>> = {
  SqliteReceiptIndex: () => SqliteReceiptIndex.open(mkdtempSync(join(root, 'sqlite-')), OPTIONS),
  MemoryReceiptIndex: () => new MemoryReceiptIndex(OPTIONS),
};

const txId = (number: number): TransactionId => id<TransactionId>(number.toString(16).padStart(64, '0'));
const receiptOf = (number: number, text = number): ReceiptOf => ({
  id: txId(number),
  receipt: Uint8Array.of(text, 1, 2),
});

function refusal(code: StorageErrorCode, fields: ErrorFields) {
  return (error: unknown): boolean => {
    const found = error as { code: string; fields: ErrorFields };
    assert.deepEqual([found.code, found.fields], [code, fields]);
    return true;
  };
}

function stored(index: ReceiptIndex, number: number) {
  const found = index.get(txId(number));
  return found === undefined ? undefined : [found.commitIndex, [...found.receipt]];
}

for (const [name, make] of Object.entries(implementations)) {
  describe(`ReceiptIndex contract: ${name}`, () => {
    it('finds receipts by id, before and after a flush', async () => {
      const index = make();
      assert.equal(index.cursor, 0);
      index.add(1, [receiptOf(10), receiptOf(11)]);
      index.add(2, []);
      const check = (): void => {
        assert.deepEqual(stored(index, 10), [1, [10, 1, 2]]);
        assert.deepEqual(stored(index, 11), [1, [11, 1, 2]]);
        assert.equal(stored(index, 12), undefined);
        assert.equal(index.cursor, 2);
      };
      check();
      await index.flush();
      check();
      assert.equal(index.written, 2);
      await index.close();
    });

    it('takes commits one after the other only, and skips on request', async () => {
      const index = make();
      assert.throws(() => index.add(2, []), refusal('INDEX_GAP', { expected: 1, found: 2 }));
      index.skipTo(9);
      index.add(10, [receiptOf(1)]);
      assert.throws(() => index.add(10, []), refusal('INDEX_GAP', { expected: 11, found: 10 }));
      assert.throws(() => index.skipTo(9), refusal('INDEX_GAP', { expected: 10, found: 9 }));
      await index.close();
    });

    it('replaces the receipt of a transaction that was dropped before', async () => {
      const index = make();
      index.add(1, [receiptOf(5, 1)]);
      await index.flush();
      index.add(2, [receiptOf(5, 2)]);
      assert.deepEqual(stored(index, 5), [2, [2, 1, 2]]);
      await index.flush();
      assert.deepEqual(stored(index, 5), [2, [2, 1, 2]]);
      await index.close();
    });

    it('finds the commits of an account, the newest first, before and after a flush', async () => {
      const index = make();
      index.skipTo(1);
      index.add(2, [], Uint32Array.of(7)); // nothing was applied
      index.add(3, [receiptOf(3)], Uint32Array.of(7));
      index.add(4, [receiptOf(4)]);
      index.add(5, [receiptOf(5)], Uint32Array.of(6, ANY_ACCOUNT));
      const check = (): void => {
        assert.deepEqual(index.commitsOf(7, 100, 10), [5, 4, 3]);
        assert.deepEqual(index.commitsOf(8, 100, 10), [5, 4]);
        assert.deepEqual(index.commitsOf(8, 5, 10), [4]);
        assert.deepEqual(index.commitsOf(7, 4, 10), [3]);
        assert.deepEqual(index.commitsOf(7, 100, 2), [5, 4]);
        assert.deepEqual(index.commitsOf(7, 1, 10), []);
      };
      check();
      await index.flush();
      check();
      await index.close();
    });

    it('forgets commits beyond its limit, but not a receipt that came again later', async () => {
      const index = make();
      index.add(1, [receiptOf(1), receiptOf(99, 1)]);
      index.add(2, [receiptOf(2)]);
      index.add(3, [receiptOf(99, 3)]);
      await index.flush();
      index.add(4, [receiptOf(4)]);
      await index.flush();
      assert.deepEqual(
        [1, 2, 4, 99].map((number) => stored(index, number)?.[0]),
        [undefined, 2, 4, 3],
      );
      await index.close();
    });
  });
}

describe('SqliteReceiptIndex', () => {
  it('goes on where it was flushed', async () => {
    const path = mkdtempSync(join(root, 'sqlite-'));
    const index = SqliteReceiptIndex.open(path, OPTIONS);
    index.add(1, [receiptOf(1)]);
    index.add(2, [receiptOf(2)]);
    await index.close();
    const reopened = SqliteReceiptIndex.open(path, OPTIONS);
    assert.equal(reopened.cursor, 2);
    assert.deepEqual(stored(reopened, 2), [2, [2, 1, 2]]);
    await reopened.close();
  });

  it('refuses more than its limit until it was flushed', async () => {
    const index = SqliteReceiptIndex.open(mkdtempSync(join(root, 'sqlite-')), { ...OPTIONS, maxPendingBytes: 120 });
    index.add(1, [receiptOf(1), receiptOf(2)]);
    assert.throws(() => index.add(2, [receiptOf(3)]), refusal('INDEX_BUSY', { pendingBytes: 114 }));
    await index.flush();
    index.add(2, [receiptOf(3)]);
    await index.close();
  });

  it('writes at the next flush what it could not, with a new thread', async () => {
    const path = mkdtempSync(join(root, 'sqlite-'));
    const index = SqliteReceiptIndex.open(path, OPTIONS);
    index.add(1, [receiptOf(1)]);
    const file = join(path, 'receipts.sqlite');
    renameSync(file, `${file}.away`);
    mkdirSync(file);
    await assert.rejects(index.flush(), { code: 'INDEX_FAILED' });
    assert.deepEqual(stored(index, 1), [1, [1, 1, 2]]);
    rmdirSync(file);
    renameSync(`${file}.away`, file);
    await index.flush();
    assert.deepEqual(stored(index, 1), [1, [1, 1, 2]]);
    await index.close();
  });

  it('takes more than one batch, and remembers how far it is and from where on it is complete', async () => {
    const path = mkdtempSync(join(root, 'sqlite-'));
    const options = { retainCommits: 1_000, maxPendingBytes: 64 * 1024 * 1024 };
    const index = SqliteReceiptIndex.open(path, options);
    index.skipTo(4);
    for (let commit = 5; commit <= 14; commit++)
      index.add(commit, [{ id: txId(commit), receipt: new Uint8Array(1024 * 1024).fill(commit) }]);
    for (let commit = 15; commit <= 20; commit++) index.add(commit, []);
    await index.close();
    const reopened = SqliteReceiptIndex.open(path, options);
    assert.deepEqual([reopened.cursor, reopened.completeFrom], [20, 5]);
    for (let commit = 5; commit <= 14; commit++) assert.equal(reopened.get(txId(commit))?.receipt[0], commit);
    await reopened.close();
  });

  it('gets smaller when it is to hold fewer commits, some at each batch', async () => {
    const path = mkdtempSync(join(root, 'sqlite-'));
    const many = SqliteReceiptIndex.open(path, { ...OPTIONS, maxPendingBytes: 1_000_000, retainCommits: 1_000 });
    many.add(
      1,
      Array.from({ length: 2_000 }, (_, number) => receiptOf(number, 1)),
    );
    many.add(2, [receiptOf(5_000, 2)]);
    await many.close();
    const few = SqliteReceiptIndex.open(path, { ...OPTIONS, retainCommits: 1 });
    const left = () => Array.from({ length: 2_000 }, (_, number) => few.get(txId(number))).filter(Boolean).length;
    few.add(3, [receiptOf(5_001, 3)]);
    await few.flush();
    // Two rows were added: the receipt, and who had a part.
    assert.equal(left(), 2_000 - 1_024 - 2 * 2);
    few.add(4, [receiptOf(5_002, 4)]);
    await few.flush();
    assert.equal(left(), 0);
    await few.close();
  });

  it('says what to do when the file is not its own', () => {
    const path = mkdtempSync(join(root, 'sqlite-'));
    writeFileSync(join(path, 'receipts.sqlite'), Buffer.alloc(8_192, 7));
    assert.throws(
      () => SqliteReceiptIndex.open(path, OPTIONS),
      (error: Error & { code?: string }) => error.code === 'INDEX_FAILED' && /delete it/.test(error.message),
    );
  });

  it('refuses the database of another program', () => {
    const path = mkdtempSync(join(root, 'sqlite-'));
    const foreign = new DatabaseSync(join(path, 'receipts.sqlite'));
    foreign.exec('CREATE TABLE receipts (id TEXT)');
    foreign.close();
    assert.throws(
      () => SqliteReceiptIndex.open(path, OPTIONS),
      (error: Error & { fields?: ErrorFields }) => /another program/.test(String(error.fields?.reason)),
    );
  });
});
