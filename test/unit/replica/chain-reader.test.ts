import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { ChainReader } from '../../../src/replica/chain-reader.ts';
import { StatisticsCounter } from '../../../src/replica/statistics.ts';
import { MemoryReceiptIndex } from '../../../src/storage/index.ts';
import type { TransactionId } from '../../../src/types/ids.ts';
import { encodePayload, parsePayload } from '../../../src/types/payload.ts';
import type { Receipt } from '../../../src/types/receipt.ts';
import { Universe } from '../../dag/universe.ts';
import { appliedBatch } from '../../support/applied.ts';
import { shaHasher } from '../../support/sha-hasher.ts';
import { append, commitOf, openStore, turns } from './stored.ts';

const SIGNATURE = new Uint8Array(4_627);
const TRANSACTIONS = [0, 1, 2].map((position) =>
  appliedBatch({ commit: 2, position, sender: position, recipients: [1] }),
);

/** Four commits with leaders in rounds 1, 3, 3 and 6; the second holds three transactions, of which the first comes twice. */
async function chain(lastCommit = 4, indexed = lastCommit) {
  const { store } = await openStore();
  const universe = new Universe({ powers: [1, 1, 1, 1], leaders: 1 });
  const items = [...TRANSACTIONS, TRANSACTIONS[0] as (typeof TRANSACTIONS)[number]];
  const payload = encodePayload(items.map(({ body }) => ({ body, signature: SIGNATURE })));
  const { digest } = parsePayload(shaHasher, payload, items.length);
  for (const [i, round] of [1, 3, 3, 6].entries()) {
    const content = i === 1 ? { payload: { digest, bytes: payload.length, txCount: items.length } } : {};
    const block = append(
      store,
      universe.block(i, round, universe.roots, content),
      i === 1 ? Uint8Array.from(payload) : undefined,
    );
    store.appendCommit(commitOf(i + 1, [block]), 0, 'decided');
  }
  await store.flush();
  const receipts = new Map<TransactionId, Receipt>(TRANSACTIONS.map(({ receipt }) => [receipt.id, receipt]));
  const ledger = { lastCommit };
  const receipt = (txId: TransactionId) => receipts.get(txId);
  const index = new MemoryReceiptIndex({ retainCommits: 100 });
  const found = TRANSACTIONS.map((each) => ({ id: each.receipt.id, receipt: new Uint8Array(1) }));
  for (let commit = 1; commit <= indexed; commit++) index.add(commit, commit === 2 ? found : [], Uint32Array.of(1));
  const reader = new ChainReader({ hasher: shaHasher, store, ledger, receipts: index, receipt });
  return { reader, receipts, index, ledger, store };
}

describe('the chain as clients read it', () => {
  it('finds a block by index, hash and as the latest', async () => {
    const { reader } = await chain();
    const latest = await reader.block('latest');
    assert.equal(latest?.commit.index, 4);
    assert.deepEqual(await reader.block({ hash: latest?.commit.digest ?? '' }), latest);
    assert.deepEqual(
      (await reader.block(2))?.transactions.slice(0, 3),
      TRANSACTIONS.map(({ receipt }) => receipt.id),
    );
    assert.equal(await reader.block(5), undefined);
    assert.equal(await reader.block({ hash: '00'.repeat(32) }), undefined);
  });

  it('speaks of nothing that is not executed', async () => {
    const { reader } = await chain(1);
    assert.equal(await reader.block(2), undefined);
    assert.deepEqual(
      (await reader.commits(1, 10)).map(({ index }) => index),
      [1],
    );
  });

  it('reads ranges and passes over what is no longer kept', async () => {
    const { reader, store } = await chain();
    assert.deepEqual(
      (await reader.commits(2, 2)).map(({ index }) => index),
      [2, 3],
    );
    await store.forgetCommits(3);
    assert.equal(reader.oldest, 3);
    assert.deepEqual(
      (await reader.commits(1, 10)).map(({ index }) => index),
      [3, 4],
    );
  });

  it('finds the commits of a round', async () => {
    const { reader } = await chain();
    const found = async (round: number) => (await reader.commitsOfRound(round)).map(({ index }) => index);
    assert.deepEqual(await Promise.all([0, 1, 2, 3, 4, 6, 7].map(found)), [[], [1], [], [2, 3], [], [4], []]);
  });

  it('gives what a commit applied, each once, with its place among all', async () => {
    const { reader, receipts } = await chain();
    receipts.delete(TRANSACTIONS[1]?.receipt.id as TransactionId);
    const content = await reader.content(2);
    assert.equal(content?.count, 4);
    assert.deepEqual(content?.applied, [TRANSACTIONS[0], TRANSACTIONS[2]]);
    assert.deepEqual((await reader.content(3))?.applied, []);
    assert.equal(await reader.content(9), undefined);
  });

  it('says nothing of what commits applied whose receipts may be missing', async () => {
    const { reader, index } = await chain(4, 2);
    assert.deepEqual([reader.contentFrom, reader.contentThrough], [1, 2]);
    assert.deepEqual(reader.touching(1, 5, 10), [2]);
    assert.equal((await reader.content(2))?.applied.length, 3);
    assert.equal(await reader.content(3), undefined, 'the index is behind');
    assert.equal(await reader.knownSinceMs(), Number.POSITIVE_INFINITY);
    index.skipTo(3);
    assert.deepEqual([reader.contentFrom, reader.contentThrough], [4, 3]);
    assert.deepEqual(reader.touching(1, 5, 10), []);
    assert.equal(await reader.content(2), undefined, 'the index was begun again');
    assert.equal((await reader.block(2))?.commit.index, 2);
    index.add(4, []);
    assert.deepEqual((await reader.content(4))?.applied, []);
    assert.equal(await reader.knownSinceMs(), (await reader.block(4))?.commit.timeMs);
  });

  it('knows every transaction since the genesis while nothing is forgotten', async () => {
    assert.equal(await (await chain()).reader.knownSinceMs(), 0);
  });

  it('gives the bytes of a final transaction', async () => {
    const { reader, receipts } = await chain();
    const { receipt, body } = TRANSACTIONS[2] as (typeof TRANSACTIONS)[number];
    assert.deepEqual(await reader.body(receipt.id), body);
    receipts.clear();
    assert.equal(await reader.body(receipt.id), undefined);
  });

  it('settles when it may speak of all that was executed when it was asked', async () => {
    const { reader, ledger } = await chain();
    await reader.settled();
    ledger.lastCommit = 6;
    let isSettled = false;
    void reader.settled().then(() => {
      isSettled = true;
    });
    ledger.lastCommit = 7;
    reader.final(5);
    await turns();
    assert.equal(isSettled, false);
    reader.final(6);
    await turns();
    assert.equal(isSettled, true);
  });
});

describe('statistics', () => {
  for (const accounts of [0, 1, 2, 3, 7, 8, 1_000]) {
    it(`count ${accounts} accounts, and those opened later`, () => {
      let count = accounts;
      const accountByHandle = (handle: number) => (handle < count ? ({} as never) : undefined);
      const counter = new StatisticsCounter({ lastCommit: 5, accountByHandle });
      assert.equal(counter.current().accounts, accounts);
      count += 3;
      assert.equal(counter.current().accounts, accounts + 3);
    });
  }

  it('count what was executed since the start', () => {
    const ledger = { lastCommit: 5, accountByHandle: () => undefined };
    const counter = new StatisticsCounter(ledger);
    ledger.lastCommit = 7;
    counter.executed({ applied: 2, dropped: 1, transfers: 9 });
    counter.executed({ applied: 3, dropped: 0, transfers: 3 });
    assert.deepEqual(counter.current(), { commit: 7, since: 5, applied: 5, dropped: 1, transfers: 12, accounts: 0 });
  });
});
