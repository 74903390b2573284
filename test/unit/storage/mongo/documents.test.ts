import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { Decimal128 } from 'mongodb';
import { documentBytes, documentsOf, itemsOf } from '../../../../src/storage/mongo/documents.ts';
import { type Commit, commitDigest } from '../../../../src/types/commit.ts';
import { type CommitDigest, id } from '../../../../src/types/ids.ts';
import { MAX_BLOCK_BYTES, MAX_TRANSFERS } from '../../../../src/types/limits.ts';
import type { Receipt } from '../../../../src/types/receipt.ts';
import type { Transaction } from '../../../../src/types/transaction.ts';
import { hasher } from '../fixture.ts';
import { batch, blockOf, NETWORK, receiptOf } from './fixture.ts';

const MONGO_DOCUMENT_BYTES = 16 * 1024 * 1024;
const U64_MAX = 2n ** 64n - 1n;

function archivedOf(...transactions: readonly Transaction[]) {
  const blocks = [blockOf(2, 5, transactions)];
  const refs = blocks.map(({ header }) => header.ref);
  const previousDigest = id<CommitDigest>(NETWORK);
  const content = { index: 1, epoch: 1, leader: refs[0] as (typeof refs)[0], timeMs: 77, previousDigest, refs };
  const commit: Commit = { ...content, digest: commitDigest(hasher, content) };
  return { commit, gcRound: 3, blocks };
}

/** Receipts of all of them, changed by their place. */
function receiptsOf(
  archived: ReturnType<typeof archivedOf>,
  transactions: readonly Transaction[],
  changes: readonly Partial<Receipt>[] = [],
): ReadonlyMap<string, Receipt> {
  return new Map(
    itemsOf(hasher, archived).map((item, at) => {
      return [item.id, { ...receiptOf(transactions[at] as Transaction, item.id, 1), ...changes[at] }];
    }),
  );
}

suite('documents of a commit', () => {
  test('are its canonical bytes, and what can be looked for beside them', () => {
    const archived = archivedOf(batch(4));
    const { blocks, dagBlocks, transactions, transfers } = documentsOf(
      hasher,
      archived,
      'transfers',
      receiptsOf(archived, [batch(4)]),
    );
    const [commit] = [...(blocks ?? [])];
    assert.equal(commit?._id, archived.commit.digest);
    assert.deepEqual([commit?.height, commit?.previous, commit?.gcRound], [1n, NETWORK, 3]);
    const [block] = [...(dagBlocks ?? [])];
    assert.deepEqual([block?._id, block?.author, block?.position], [archived.blocks[0]?.header.ref.id, 2, 0]);
    const [transaction, ...others] = [...(transactions ?? [])];
    assert.equal(others.length, 0);
    assert.deepEqual([transaction?.nonce, transaction?.transfers, transaction?.to], [4n, 2, [0, 1]]);
    const made = [...(transfers ?? [])];
    assert.deepEqual(
      made.map(({ _id, to, succeeded }) => [_id, to, succeeded]),
      [0, 1].map((index) => [`${transaction?._id}/${index}`, index, true]),
    );
  });

  test('hold the largest amounts', () => {
    const transaction = batch(1, [U64_MAX, U64_MAX]);
    const archived = archivedOf(transaction);
    const { transactions, transfers } = documentsOf(hasher, archived, 'transfers', receiptsOf(archived, [transaction]));
    assert.deepEqual([...(transactions ?? [])][0]?.amount, Decimal128.fromString(String(2n * U64_MAX)));
    assert.deepEqual([...(transfers ?? [])][1]?.amount, Decimal128.fromString(String(U64_MAX)));
  });

  test('say of each transfer whether it was made', () => {
    const transaction = batch(1, [1n, 2n, 3n]);
    const archived = archivedOf(transaction);
    for (const [change, succeeded] of [
      [{ code: 'OK' }, [true, true, true]],
      [{ code: 'INSUFFICIENT_BALANCE' }, [false, false, false]],
      [{ code: 'PARTIAL', bitmap: Uint8Array.of(0b101) }, [true, false, true]],
    ] as const) {
      const { transfers } = documentsOf(hasher, archived, 'transfers', receiptsOf(archived, [transaction], [change]));
      assert.deepEqual(
        [...(transfers ?? [])].map((transfer) => transfer.succeeded),
        succeeded,
      );
    }
  });

  test('leave out what was dropped, and copies of what was applied', () => {
    const transactions = [batch(1), batch(2), batch(1)];
    const archived = archivedOf(...transactions);
    const [, second] = itemsOf(hasher, archived);
    const receipts = new Map(receiptsOf(archived, transactions));
    receipts.delete(second?.id as string);
    const { transactions: made } = documentsOf(hasher, archived, 'batches', receipts);
    assert.deepEqual(
      [...(made ?? [])].map(({ nonce, position }) => [nonce, position]),
      [[1n, 0]],
    );
  });

  test('list recipients while they are few', () => {
    for (const [count, listed] of [
      [16, true],
      [17, false],
      [MAX_TRANSFERS, false],
    ] as const) {
      const transaction = batch(1, Array<bigint>(count).fill(1n));
      const archived = archivedOf(transaction);
      const { transactions } = documentsOf(hasher, archived, 'batches', receiptsOf(archived, [transaction]));
      assert.equal(Object.hasOwn([...(transactions ?? [])][0] as object, 'to'), listed);
    }
  });

  test('fit into a document of MongoDB, the largest block too', () => {
    const { blocks } = archivedOf(batch(1));
    const [block] = blocks;
    assert.ok(block !== undefined);
    const largest = { header: block.header, payload: new Uint8Array(MAX_BLOCK_BYTES) };
    const { dagBlocks } = documentsOf(hasher, { ...archivedOf(), blocks: [largest] }, 'blocks', new Map());
    const [document] = [...(dagBlocks ?? [])];
    assert.ok(document !== undefined);
    const { length } = documentBytes(document);
    assert.ok(length > MAX_BLOCK_BYTES && length < MONGO_DOCUMENT_BYTES / 4);
  });
});
