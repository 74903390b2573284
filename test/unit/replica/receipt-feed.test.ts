import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { type ExecutedCommit, Outcomes } from '../../../src/execution/index.ts';
import { indexReceipts } from '../../../src/replica/receipt-feed.ts';
import { MemoryReceiptIndex, StorageError } from '../../../src/storage/index.ts';
import { SILENT_LOGGER } from '../../../src/util/logger.ts';
import { commitOf, openModel, pay, signed } from '../execution/fixture.ts';

/** Two commits with a payment each, the second with a copy that is dropped. */
function history(): readonly [ExecutedCommit, ExecutedCommit] {
  const ledger = openModel();
  const first = signed(0, pay([1, 5n]));
  return [ledger.execute(commitOf(1, [first])), ledger.execute(commitOf(2, [first, signed(1, pay([0, 5n]))]))];
}

const none = (index: number): ExecutedCommit => {
  return {
    index,
    outcomes: new Outcomes(index, [], new Uint8Array(0), 0),
    transfers: 0,
    applied: 0,
    dropped: 0,
    internal: 0,
  };
};

describe('receipt feed', () => {
  it('adds what was applied, commit by commit', () => {
    const receipts = new MemoryReceiptIndex({ retainCommits: 100 });
    const results = history();
    for (const result of results) indexReceipts(receipts, result, SILENT_LOGGER);
    assert.equal(receipts.cursor, 2);
    const outcomes = results.map(({ outcomes: list }) => [...list]);
    assert.deepEqual(
      outcomes.map((list) => list.map(({ kind }) => kind)),
      [['applied'], ['dropped', 'applied']],
    );
    const id = outcomes[0]?.[0]?.id ?? assert.fail();
    assert.equal(receipts.get(id)?.commitIndex, 1, 'a dropped copy does not replace the receipt');
    assert.equal(receipts.get(outcomes[1]?.[1]?.id ?? assert.fail())?.commitIndex, 2);
  });

  it('takes no commit twice, and skips what the log no longer holds', () => {
    const receipts = new MemoryReceiptIndex({ retainCommits: 100 });
    indexReceipts(receipts, none(7), SILENT_LOGGER);
    assert.equal(receipts.cursor, 7);
    indexReceipts(receipts, none(6), SILENT_LOGGER);
    indexReceipts(receipts, none(8), SILENT_LOGGER);
    assert.equal(receipts.cursor, 8);
  });

  it('leaves a commit out when the index is busy, and fails for anything else', () => {
    class Failing extends MemoryReceiptIndex {
      error = new StorageError('INDEX_BUSY', 'flush first', {});
      override add(): void {
        throw this.error;
      }
    }
    const receipts = new Failing({ retainCommits: 100 });
    indexReceipts(receipts, none(1), SILENT_LOGGER);
    assert.equal(receipts.cursor, 1);
    receipts.error = new StorageError('INDEX_GAP', 'x', {});
    assert.throws(() => indexReceipts(receipts, none(2), SILENT_LOGGER), { code: 'INDEX_GAP' });
  });
});
