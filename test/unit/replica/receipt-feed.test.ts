import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { type ExecutableCommit, type ExecutedCommit, Outcomes } from '../../../src/execution/index.ts';
import { ReceiptFeed, replayReceipts } from '../../../src/replica/receipt-feed.ts';
import { MemoryReceiptIndex, StorageError } from '../../../src/storage/index.ts';
import { SILENT_LOGGER } from '../../../src/util/logger.ts';
import { shaHasher } from '../../support/sha-hasher.ts';
import { VirtualTime } from '../../support/virtual-time.ts';
import { commitOf, openModel, pay, signed } from '../execution/fixture.ts';
import { turns } from './stored.ts';

type History = readonly { readonly result: ExecutedCommit; readonly commit: ExecutableCommit }[];

/** Commits with a payment each, every one but the first with a copy of the one before, which is dropped. */
function history(length = 2): History {
  const ledger = openModel();
  const payments = Array.from({ length }, (_, nonce) => signed(nonce, pay([1, 5n])));
  return payments.map((payment, at) => {
    const before = payments[at - 1];
    const commit = commitOf(at + 1, before === undefined ? [payment] : [before, payment]);
    return { commit, result: ledger.execute(commit) };
  });
}

const none = (index: number): ExecutedCommit => ({
  index,
  outcomes: new Outcomes(index, [], new Uint8Array(0), 0),
  transfers: 0,
  applied: 0,
  dropped: 0,
  internal: 0,
});

/** An index that refuses when the test says so. */
class Refusing extends MemoryReceiptIndex {
  addError: Error | undefined;
  flushError: Error | undefined;
  flushes = 0;

  override add(...args: Parameters<MemoryReceiptIndex['add']>): void {
    if (this.addError !== undefined) throw this.addError;
    super.add(...args);
  }

  override async flush(): Promise<void> {
    this.flushes += 1;
    if (this.flushError !== undefined) throw this.flushError;
  }
}

const BUSY = new StorageError('INDEX_BUSY', 'flush first', {});
const FAILED = new StorageError('INDEX_FAILED', 'the disk refuses', {});

function feeding() {
  const receipts = new Refusing({ retainCommits: 100 });
  const clock = new VirtualTime();
  const feed = new ReceiptFeed({ receipts, hasher: shaHasher, clock, logger: SILENT_LOGGER });
  const take = async ({ result, commit }: History[number]): Promise<void> => {
    feed.executed(result, commit);
    feed.final(result);
    await turns();
  };
  return { receipts, clock, feed, take };
}

describe('replayed receipts', () => {
  it('are added as they were applied, commit by commit', async () => {
    const receipts = new MemoryReceiptIndex({ retainCommits: 100 });
    const results = history().map(({ result }) => result);
    for (const result of results) await replayReceipts(receipts, result);
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

  it('are taken once, and what the log no longer holds is known to be missing', async () => {
    const receipts = new MemoryReceiptIndex({ retainCommits: 100 });
    assert.equal(receipts.completeFrom, 1);
    await replayReceipts(receipts, none(7));
    assert.deepEqual([receipts.cursor, receipts.completeFrom], [7, 7]);
    await replayReceipts(receipts, none(6));
    await replayReceipts(receipts, none(8));
    assert.deepEqual([receipts.cursor, receipts.completeFrom], [8, 7]);
  });

  it('wait for the disk when the index is full, and none is left out', async () => {
    const receipts = new Refusing({ retainCommits: 100 });
    receipts.addError = BUSY;
    receipts.flush = async () => {
      receipts.addError = undefined;
    };
    for (const { result } of history()) await replayReceipts(receipts, result);
    assert.deepEqual([receipts.cursor, receipts.completeFrom], [2, 1]);
    receipts.addError = new StorageError('INDEX_GAP', 'x', {});
    await assert.rejects(replayReceipts(receipts, none(3)), { code: 'INDEX_GAP' });
  });
});

describe('receipt feed', () => {
  it('writes commits that have receipts, and no others', async () => {
    const { receipts, feed, take } = feeding();
    for (const each of history()) await take(each);
    assert.equal(receipts.flushes, 2);
    feed.final(none(3));
    await turns();
    assert.deepEqual([receipts.cursor, receipts.flushes], [3, 2]);
  });

  it('tries again a second after the disk refused, with whatever commit comes then', async () => {
    const { receipts, clock, feed, take } = feeding();
    receipts.flushError = FAILED;
    for (const each of history(5)) await take(each);
    assert.equal(receipts.flushes, 1);
    await assert.rejects(feed.kept(), { code: 'INDEX_FAILED' });
    receipts.flushError = undefined;
    clock.advance(1_000);
    feed.final(none(6));
    await turns();
    assert.equal(receipts.flushes, 3);
    await feed.kept();
  });

  it('leaves a full index as it is, and lets no snapshot believe in what it lacks', async () => {
    const { receipts, feed, take } = feeding();
    const [first, second, third] = history(3);
    await take(first as History[number]);
    receipts.addError = BUSY;
    await take(second as History[number]);
    receipts.addError = undefined;
    await take(third as History[number]);
    assert.deepEqual([receipts.cursor, receipts.completeFrom], [1, 1]);
    await assert.rejects(feed.kept(), { code: 'INDEX_BUSY', fields: { missingFrom: 2 } });
  });
});
