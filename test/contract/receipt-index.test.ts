import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, it } from 'node:test';
import type { StorageErrorCode } from '../../src/storage/errors.ts';
import { LmdbReceiptIndex } from '../../src/storage/lmdb-receipt-index.ts';
import { MemoryReceiptIndex } from '../../src/storage/memory-receipt-index.ts';
import type { ReceiptIndex, ReceiptOf } from '../../src/storage/receipt-index.ts';
import { id, type TransactionId } from '../../src/types/ids.ts';
import type { ErrorFields } from '../../src/util/errors.ts';

const root = mkdtempSync(join(tmpdir(), 'av10-index-'));
after(() => rmSync(root, { recursive: true }));

const OPTIONS = { retainCommits: 3, maxPendingBytes: 10_000 };

const implementations: Readonly<Record<string, () => ReceiptIndex>> = {
  LmdbReceiptIndex: () => LmdbReceiptIndex.open(mkdtempSync(join(root, 'lmdb-')), OPTIONS),
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

describe('LmdbReceiptIndex', () => {
  it('goes on where it was flushed', async () => {
    const path = mkdtempSync(join(root, 'lmdb-'));
    const index = LmdbReceiptIndex.open(path, OPTIONS);
    index.add(1, [receiptOf(1)]);
    index.add(2, [receiptOf(2)]);
    await index.close();
    const reopened = LmdbReceiptIndex.open(path, OPTIONS);
    assert.equal(reopened.cursor, 2);
    assert.deepEqual(stored(reopened, 2), [2, [2, 1, 2]]);
    await reopened.close();
  });

  it('refuses more than its limit until it was flushed', async () => {
    const index = LmdbReceiptIndex.open(mkdtempSync(join(root, 'lmdb-')), { ...OPTIONS, maxPendingBytes: 100 });
    index.add(1, [receiptOf(1), receiptOf(2)]);
    assert.throws(() => index.add(2, [receiptOf(3)]), refusal('INDEX_BUSY', { pendingBytes: 102 }));
    await index.flush();
    index.add(2, [receiptOf(3)]);
    await index.close();
  });

  it('says what to do when the files are not its own', () => {
    const path = mkdtempSync(join(root, 'lmdb-'));
    writeFileSync(join(path, 'data.mdb'), Buffer.alloc(8_192, 7));
    assert.throws(
      () => LmdbReceiptIndex.open(path, OPTIONS),
      (error: Error & { code?: string }) => error.code === 'INDEX_FAILED' && /delete it/.test(error.message),
    );
  });
});
