import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { FinalityLevel, TransactionStatus } from '../../../src/replica/service.ts';
import { TransactionTracker } from '../../../src/replica/transaction-tracker.ts';
import { type BlockId, id, type TransactionId } from '../../../src/types/ids.ts';
import type { Receipt } from '../../../src/types/receipt.ts';
import { VirtualTime } from '../../support/virtual-time.ts';

const tx = (number: number): TransactionId => id<TransactionId>(number.toString(16).padStart(64, '0'));
const A = tx(1);
const BLOCK = { round: 5, author: 2, id: id<BlockId>('b1'.repeat(32)) };
const receipt = (of: TransactionId, commit: number): Receipt => ({
  id: of,
  commit,
  code: 'OK',
  kind: 'transfer-batch',
  sender: 1,
  nonce: 0,
  fee: 0n,
  detail: 0,
  transfers: 1,
  bitmap: new Uint8Array(0),
});

function tracking() {
  const time = new VirtualTime();
  const heard: { readonly level: FinalityLevel; readonly latencyMs: number | undefined }[] = [];
  const tracker = new TransactionTracker({ timers: time }, ({ level }, latencyMs) => heard.push({ level, latencyMs }));
  return { time, tracker, heard, levels: () => heard.map(({ level }) => level) };
}

/** What a promise holds by now; `open` while it waits. */
const now = <T>(promise: Promise<T>): Promise<T | 'open'> => Promise.race([promise, Promise.resolve('open' as const)]);

describe('transaction tracker', () => {
  it('follows a transaction from acceptance to its certificate', () => {
    const { tracker, heard } = tracking();
    const known = [
      (): void => tracker.accepted(A, 100),
      () => tracker.included(A, BLOCK),
      () => tracker.final(receipt(A, 7), 350),
      () => tracker.certified(7, 2),
    ].map((step): TransactionStatus | undefined => {
      step();
      return tracker.get(A);
    });
    assert.deepEqual(known, [
      { id: A, level: 'accepted' },
      { id: A, level: 'included', block: BLOCK },
      { id: A, level: 'final', receipt: receipt(A, 7), block: BLOCK },
      { id: A, level: 'certified', receipt: receipt(A, 7), block: BLOCK, checkpoint: 2 },
    ]);
    assert.deepEqual(
      heard.map(({ latencyMs }) => latencyMs),
      [undefined, undefined, 250, undefined],
    );
  });

  it('shows what others submitted elsewhere when it is final, without a latency', () => {
    const { tracker, heard } = tracking();
    tracker.included(A, BLOCK);
    assert.equal(tracker.get(A), undefined);
    tracker.final(receipt(A, 7), 350);
    assert.deepEqual(tracker.get(A), { id: A, level: 'final', receipt: receipt(A, 7) });
    assert.deepEqual(heard, [{ level: 'final', latencyMs: undefined }]);
  });

  it('never goes back from final', () => {
    const { tracker, levels } = tracking();
    tracker.final(receipt(A, 7), 1);
    tracker.included(A, BLOCK);
    tracker.requeued(A);
    tracker.dropped(A, 'NONCE_USED');
    tracker.accepted(A, 2);
    assert.deepEqual(levels(), ['final']);
    assert.equal(tracker.get(A)?.level, 'final');
  });

  it('takes back what was only included, and nothing else', () => {
    const { tracker, levels } = tracking();
    tracker.requeued(A);
    tracker.accepted(A, 0);
    tracker.requeued(A);
    tracker.included(A, BLOCK);
    tracker.requeued(A);
    assert.deepEqual(levels(), ['accepted', 'included', 'accepted']);
    assert.deepEqual(tracker.get(A), { id: A, level: 'accepted' });
  });

  it('says whether the same bytes may come again after a drop, and lets them', () => {
    const { tracker } = tracking();
    tracker.accepted(A, 0);
    tracker.dropped(A, 'NONCE_GAP');
    assert.deepEqual(tracker.get(A), { id: A, level: 'dropped', dropped: { code: 'NONCE_GAP', retryable: true } });
    tracker.dropped(A, 'EXPIRED');
    assert.deepEqual(tracker.get(A)?.dropped, { code: 'EXPIRED', retryable: false });
    tracker.accepted(A, 10);
    assert.deepEqual(tracker.get(A), { id: A, level: 'accepted' });
    tracker.dropped(tx(2), 'EXPIRED');
    assert.equal(tracker.get(tx(2)), undefined);
  });

  it('measures from the first acceptance', () => {
    const { tracker, heard } = tracking();
    tracker.accepted(A, 100);
    tracker.accepted(A, 200);
    tracker.final(receipt(A, 7), 300);
    assert.equal(heard.at(-1)?.latencyMs, 200);
  });

  it('certifies what is final up to a commit', () => {
    const { tracker } = tracking();
    for (const number of [5, 6, 7]) tracker.final(receipt(tx(number), number), 0);
    tracker.certified(6, 3);
    assert.deepEqual(
      [5, 6, 7].map((number) => tracker.get(tx(number))?.level),
      ['certified', 'certified', 'final'],
    );
    tracker.certified(7, 4);
    assert.deepEqual(
      [6, 7].map((number) => tracker.get(tx(number))?.checkpoint),
      [3, 4],
    );
  });

  it('remembers a bounded number, the newest', () => {
    const { tracker } = tracking();
    for (let number = 0; number <= 200_000; number++) tracker.accepted(tx(number), 0);
    assert.deepEqual(
      [tracker.get(tx(0)), tracker.get(tx(1))?.level, tracker.get(tx(200_000))?.level],
      [undefined, 'accepted', 'accepted'],
    );
  });
});

describe('waiting for a transaction', () => {
  it('ends at the level, or beyond it', async () => {
    const { tracker } = tracking();
    const waits = (['accepted', 'included', 'final', 'certified'] as const).map((level) =>
      tracker.waitFor(A, level, 1_000),
    );
    const levels = () =>
      Promise.all(
        waits.map(async (wait) => {
          const status = await now(wait);
          return status === 'open' ? 'open' : status?.level;
        }),
      );
    tracker.accepted(A, 0);
    assert.deepEqual(await levels(), ['accepted', 'open', 'open', 'open']);
    tracker.final(receipt(A, 7), 0);
    assert.deepEqual(await levels(), ['accepted', 'final', 'final', 'open']);
    tracker.certified(7, 1);
    assert.deepEqual(await levels(), ['accepted', 'final', 'final', 'certified']);
  });

  it('ends at once when the level is reached already, or there is no time', async () => {
    const { tracker } = tracking();
    tracker.accepted(A, 0);
    assert.equal((await tracker.waitFor(A, 'accepted', 1_000))?.level, 'accepted');
    assert.equal((await tracker.waitFor(A, 'final', 0))?.level, 'accepted');
  });

  it('ends when the transaction is dropped, whatever was waited for', async () => {
    const { tracker } = tracking();
    tracker.accepted(A, 0);
    const wait = tracker.waitFor(A, 'certified', 1_000);
    tracker.dropped(A, 'EXPIRED');
    assert.equal((await wait)?.level, 'dropped');
  });

  it('ends with what is known when its time is over', async () => {
    const { tracker, time } = tracking();
    tracker.accepted(A, 0);
    const waits = [tracker.waitFor(A, 'final', 1_000), tracker.waitFor(tx(2), 'final', 1_000)];
    time.advance(999);
    assert.equal(await now(waits[0] as Promise<unknown>), 'open');
    time.advance(1);
    assert.deepEqual(await Promise.all(waits), [{ id: A, level: 'accepted' }, undefined]);
  });

  it('ends when the node stops', async () => {
    const { tracker } = tracking();
    const wait = tracker.waitFor(A, 'final', 1_000);
    tracker.stop();
    assert.equal(await wait, undefined);
  });

  it('is for a bounded number; the next one hears the status as it is, until one has left', async () => {
    const { tracker } = tracking();
    const waits = Array.from({ length: 20_000 }, (_, i) => tracker.waitFor(i === 0 ? A : tx(2), 'final', 1_000));
    assert.equal(await tracker.waitFor(tx(3), 'final', 1_000), undefined);
    tracker.final(receipt(A, 1), 0);
    assert.equal((await waits[0])?.level, 'final');
    assert.equal(await now(tracker.waitFor(tx(3), 'final', 1_000)), 'open');
    tracker.stop();
  });
});
