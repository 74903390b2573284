import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Mempool } from '../../../src/pipeline/index.ts';
import { encodePayload } from '../../../src/types/payload.ts';
import { addAll, applied, dropped, mempoolFixture, PAYLOAD_BYTES, pooled, ROOMY, refusal } from './mempool-fixture.ts';
import { ALICE, address, BOB, NOW_MS, TestAccounts } from './test-accounts.ts';

const ids = (transactions: readonly { readonly id: string }[]) => transactions.map((tx) => tx.id);

test('only a gapless beginning from the next nonce is eligible', () => {
  const { mempool, accounts } = mempoolFixture();
  accounts.set(ALICE, { nextNonce: 5 });
  const [five, six, eight] = [pooled({ nonce: 5 }), pooled({ nonce: 6 }), pooled({ nonce: 8 })];
  addAll(mempool, eight, six);
  assert.equal(mempool.hasEligible, false);
  assert.deepEqual(mempool.take(ROOMY), []);
  addAll(mempool, five);
  assert.equal(mempool.hasEligible, true);
  assert.deepEqual(ids(mempool.take(ROOMY)), ids([five, six]));
  assert.equal(mempool.hasEligible, false);
});

test('what is taken is taken once', () => {
  const { mempool } = mempoolFixture();
  const tx = pooled();
  addAll(mempool, tx);
  assert.deepEqual(ids(mempool.take(ROOMY)), [tx.id]);
  assert.deepEqual(mempool.take(ROOMY), []);
  assert.equal(mempool.stats.transactions, 1);
});

test('a later nonce follows the earlier ones of the same sender into the next block', () => {
  const { mempool } = mempoolFixture();
  const [first, second] = [pooled({ nonce: 0 }), pooled({ nonce: 1 })];
  addAll(mempool, first);
  mempool.take(ROOMY);
  addAll(mempool, second);
  assert.deepEqual(ids(mempool.take(ROOMY)), [second.id]);
});

test('adding the same transaction again is known, whatever its signature', () => {
  const { mempool } = mempoolFixture();
  const tx = pooled();
  addAll(mempool, tx);
  assert.deepEqual(mempool.add(tx), { kind: 'known' });
  assert.deepEqual(mempool.add({ ...tx, wireKey: pooled().wireKey }), { kind: 'known' });
  assert.equal(mempool.stats.bytes, PAYLOAD_BYTES);
});

test('refusals name what was expected', () => {
  const { mempool, accounts } = mempoolFixture({ maxBytes: 4 * PAYLOAD_BYTES, maxSenderBytes: 2 * PAYLOAD_BYTES });
  accounts.set(ALICE, { nextNonce: 3 }).set(address(1)).set(address(2)).set(address(3));
  const stranger = refusal(mempool.add(pooled({ sender: address(99) })));
  assert.deepEqual([stranger.code, stranger.fields], ['UNKNOWN_SENDER', { sender: address(99) }]);
  const used = refusal(mempool.add(pooled({ nonce: 2 })));
  assert.deepEqual([used.code, used.fields], ['NONCE_USED', { nonce: 2, next: 3 }]);
  const far = refusal(mempool.add(pooled({ nonce: 67 })));
  assert.deepEqual([far.code, far.fields], ['NONCE_TOO_FAR', { nonce: 67, next: 3 }]);
  addAll(mempool, pooled({ nonce: 66 }), pooled({ nonce: 3 }));
  const third = refusal(mempool.add(pooled({ nonce: 4 })));
  assert.deepEqual(
    [third.code, third.fields],
    ['SENDER_LIMIT', { bytes: 2 * PAYLOAD_BYTES, limit: 2 * PAYLOAD_BYTES }],
  );
  addAll(mempool, pooled({ sender: address(1) }), pooled({ sender: address(2) }));
  const full = refusal(mempool.add(pooled({ sender: address(3), nonce: 1 })));
  assert.deepEqual([full.code, full.fields], ['MEMPOOL_FULL', { bytes: 4 * PAYLOAD_BYTES, limit: 4 * PAYLOAD_BYTES }]);
});

test('what waits behind a gap yields to what is eligible, the latest nonce first', () => {
  const { mempool, accounts } = mempoolFixture({ maxBytes: 3 * PAYLOAD_BYTES });
  accounts.set(address(1));
  const [four, nine] = [pooled({ nonce: 4 }), pooled({ nonce: 9 })];
  const [bobs, another] = [pooled({ sender: BOB }), pooled({ sender: address(1) })];
  addAll(mempool, four, nine, bobs);
  assert.deepEqual(mempool.add(another), { kind: 'accepted', displaced: [nine.id] });
  assert.equal(mempool.stats.bytes, 3 * PAYLOAD_BYTES);
  assert.deepEqual(ids(mempool.take(ROOMY)), ids([bobs, another]));
});

test('nothing yields in vain: a transaction larger than all that waits is refused', () => {
  const { mempool } = mempoolFixture({ maxBytes: 3 * PAYLOAD_BYTES });
  addAll(mempool, pooled({ nonce: 4 }), pooled({ sender: BOB }));
  const outcome = mempool.add(pooled({ sender: BOB, nonce: 1, bodyBytes: 3 * PAYLOAD_BYTES }));
  assert.equal(refusal(outcome).code, 'MEMPOOL_FULL');
  assert.equal(mempool.stats.transactions, 2);
});

test('a slot is replaced by twice the fee, and a free transaction by any fee at all', () => {
  const { mempool } = mempoolFixture();
  const cheap = pooled({ fee: 10n });
  addAll(mempool, cheap);
  const almost = refusal(mempool.add(pooled({ fee: 19n })));
  assert.deepEqual([almost.code, almost.fields], ['SLOT_TAKEN', { nonce: 0, heldBy: cheap.id, minimumFee: 20n }]);
  const dear = pooled({ fee: 20n });
  assert.deepEqual(mempool.add(dear), { kind: 'accepted', displaced: [cheap.id] });
  assert.deepEqual(ids(mempool.take(ROOMY)), [dear.id]);
  const free = pooled({ sender: BOB, fee: 0n });
  addAll(mempool, free);
  assert.equal(refusal(mempool.add(pooled({ sender: BOB, fee: 0n }))).code, 'SLOT_TAKEN');
  assert.deepEqual(mempool.add(pooled({ sender: BOB, fee: 1n })), { kind: 'accepted', displaced: [free.id] });
});

test('what is in an own block is not replaced', () => {
  const { mempool } = mempoolFixture();
  addAll(mempool, pooled({ fee: 10n }));
  const [taken] = mempool.take(ROOMY);
  const error = refusal(mempool.add(pooled({ fee: 1_000n })));
  assert.deepEqual([error.code, error.fields.heldBy], ['SLOT_TAKEN', taken?.id]);
});

test('given back, transactions go again in the order of their nonces, before later ones and other senders', () => {
  const { mempool } = mempoolFixture();
  const mine = [0, 1, 2].map((nonce) => pooled({ nonce }));
  addAll(mempool, ...mine.slice(0, 2));
  const taken = mempool.take(ROOMY);
  addAll(mempool, pooled({ sender: BOB }), mine[2] as (typeof mine)[0]);
  mempool.giveBack(ids(taken).reverse() as never);
  assert.deepEqual(ids(mempool.take(ROOMY)).slice(0, 3), ids(mine));
});

test('giving back what was never taken, or is gone, changes nothing', () => {
  const { mempool } = mempoolFixture();
  const tx = pooled();
  addAll(mempool, tx);
  mempool.giveBack([tx.id, pooled().id]);
  assert.deepEqual(ids(mempool.take(ROOMY)), [tx.id]);
});

test('a transaction of another block is skipped until it is executed, and later nonces go on', () => {
  const { mempool, accounts } = mempoolFixture();
  const [first, second] = [pooled({ nonce: 0 }), pooled({ nonce: 1 })];
  addAll(mempool, first);
  mempool.noteIncluded(ALICE, 0, first.id);
  assert.equal(mempool.hasEligible, false);
  addAll(mempool, second);
  assert.deepEqual(ids(mempool.take(ROOMY)), [second.id]);
  accounts.set(ALICE, { nextNonce: 1 });
  mempool.executed([applied(first, false)]);
  assert.deepEqual(mempool.stats, {
    transactions: 1,
    bytes: PAYLOAD_BYTES,
    senders: 1,
    readySenders: 0,
    includedNotes: 0,
  });
});

test('dropped or collected in another block, it is eligible here again', () => {
  const { mempool } = mempoolFixture();
  const tx = pooled();
  addAll(mempool, tx);
  mempool.noteIncluded(ALICE, 0, tx.id);
  mempool.executed([dropped(tx, 'NONCE_GAP', false)]);
  assert.equal(mempool.hasEligible, true);
  mempool.noteIncluded(ALICE, 0, tx.id);
  assert.equal(mempool.hasEligible, false);
  mempool.noteCollected(ALICE, 0, tx.id);
  assert.deepEqual(ids(mempool.take(ROOMY)), [tx.id]);
});

test('a nonce noted for two transactions stays noted until both are gone', () => {
  const { mempool } = mempoolFixture();
  const [one, other] = [pooled(), pooled()];
  addAll(mempool, one);
  mempool.noteIncluded(ALICE, 0, one.id);
  mempool.noteIncluded(ALICE, 0, other.id);
  mempool.noteCollected(ALICE, 0, one.id);
  assert.equal(mempool.hasEligible, false);
  mempool.noteCollected(ALICE, 0, other.id);
  assert.equal(mempool.hasEligible, true);
});

test('notes are bounded: the sender noted longest ago is forgotten', () => {
  const { mempool } = mempoolFixture({ maxIncludedNotes: 2 });
  const [alices, bobs] = [pooled(), pooled({ sender: BOB })];
  addAll(mempool, alices, bobs);
  mempool.noteIncluded(ALICE, 0, alices.id);
  mempool.noteIncluded(BOB, 0, bobs.id);
  mempool.noteIncluded(BOB, 1, pooled().id);
  assert.equal(mempool.stats.includedNotes, 2);
  mempool.noteIncluded(ALICE, 7, pooled().id);
  assert.equal(mempool.stats.includedNotes, 1);
});

test('a bad copy in another block takes nothing from the genuine one', () => {
  const { mempool } = mempoolFixture();
  const tx = pooled();
  addAll(mempool, tx);
  for (const code of ['BAD_SIGNATURE', 'MALFORMED', 'EXPIRED'] as const) mempool.executed([dropped(tx, code, false)]);
  assert.deepEqual(ids(mempool.take(ROOMY)), [tx.id]);
  mempool.executed([dropped(tx, 'BAD_SIGNATURE', false)]);
  assert.equal(mempool.stats.transactions, 1);
  assert.deepEqual(mempool.take(ROOMY), [], 'the own copy is still under way');
});

test('dropped from an own block: some go again, some leave', () => {
  const codes = {
    NONCE_GAP: 1,
    STALE_BLOCK: 1,
    UNKNOWN_SENDER: 1,
    UNKNOWN_KEY: 1,
    OPEN_LIMIT: 1,
    MALFORMED: 0,
    BAD_SIGNATURE: 0,
    NONCE_USED: 0,
    KEY_ROTATED: 0,
    EXPIRED: 0,
    FEE: 0,
    FROZEN: 0,
  } as const;
  for (const [code, left] of Object.entries(codes)) {
    const { mempool } = mempoolFixture();
    const tx = pooled();
    addAll(mempool, tx);
    mempool.take(ROOMY);
    mempool.executed([dropped(tx, code as keyof typeof codes)]);
    assert.equal(mempool.stats.transactions, left, code);
    assert.equal(mempool.hasEligible, left === 1, code);
  }
});

test('whoever had the nonce of an applied one is named, even if the ledger was asked in between', () => {
  for (const ask of [
    (mempool: Mempool) => mempool.take(ROOMY),
    (mempool: Mempool) => addAll(mempool, pooled({ nonce: 1 })),
  ]) {
    const { mempool, accounts } = mempoolFixture();
    const [mine, rival] = [pooled(), pooled()];
    addAll(mempool, mine);
    accounts.set(ALICE, { nextNonce: 1 });
    ask(mempool);
    assert.deepEqual(mempool.executed([applied(rival, false)]), [mine.id]);
  }
});

test('an applied transaction leaves, and so does whoever else had its nonce', () => {
  const { mempool, accounts } = mempoolFixture();
  const [mine, rival] = [pooled(), pooled()];
  addAll(mempool, mine);
  accounts.set(ALICE, { nextNonce: 1 });
  assert.deepEqual(mempool.executed([applied(rival, false)]), [mine.id]);
  assert.deepEqual(mempool.stats, { transactions: 0, bytes: 0, senders: 0, readySenders: 0, includedNotes: 0 });
  const bobs = pooled({ sender: BOB });
  addAll(mempool, bobs);
  accounts.set(BOB, { nextNonce: 1 });
  assert.deepEqual(mempool.executed([applied(bobs)]), []);
  assert.equal(mempool.stats.bytes, 0);
});

test('a ledger that moved further than was reported is noticed when a block is made', () => {
  const { mempool, accounts } = mempoolFixture();
  const [zero, one] = [pooled({ nonce: 0 }), pooled({ nonce: 1 })];
  addAll(mempool, zero, one);
  accounts.set(ALICE, { nextNonce: 1 });
  assert.deepEqual(ids(mempool.take(ROOMY)), [one.id]);
  assert.equal(mempool.stats.transactions, 1);
});

test('expired ones leave at their time, unless a block under way holds them', () => {
  const { mempool } = mempoolFixture();
  const [taken, noted, waiting, later] = [
    pooled({ expiryMs: NOW_MS }),
    pooled({ nonce: 1, expiryMs: NOW_MS }),
    pooled({ sender: BOB, expiryMs: NOW_MS }),
    pooled({ sender: BOB, nonce: 1, expiryMs: NOW_MS + 1 }),
  ];
  addAll(mempool, taken);
  mempool.take(ROOMY);
  addAll(mempool, noted, waiting, later);
  mempool.noteIncluded(ALICE, 1, noted.id);
  assert.deepEqual(mempool.expire(NOW_MS), [], 'an expiry is the last moment');
  assert.deepEqual(mempool.expire(NOW_MS + 1), [waiting.id]);
  assert.equal(mempool.hasEligible, false, 'the later one of Bob has a gap before it');
  mempool.giveBack([taken.id]);
  assert.deepEqual(mempool.expire(NOW_MS + 1), [taken.id]);
  assert.equal(mempool.stats.bytes, 2 * PAYLOAD_BYTES);
  assert.deepEqual(mempool.expire(NOW_MS + 2), [later.id]);
  mempool.noteCollected(ALICE, 1, noted.id);
  assert.deepEqual(mempool.expire(NOW_MS + 2), [noted.id]);
});

test('limits of a block hold, and the payload that they promise is the payload encoded', () => {
  const { mempool } = mempoolFixture();
  addAll(mempool, ...Array.from({ length: 20 }, (_, nonce) => pooled({ nonce })));
  const three = mempool.take({ maxBytes: 4 * PAYLOAD_BYTES - 1, maxTransactions: 400 });
  assert.equal(three.length, 3);
  assert.equal(encodePayload(three).length, 3 * PAYLOAD_BYTES);
  assert.equal(mempool.take({ maxBytes: 2 ** 21, maxTransactions: 5 }).length, 5);
  assert.equal(mempool.take({ maxBytes: 2 ** 21, maxTransactions: 0 }).length, 0);
  assert.equal(mempool.take(ROOMY).length, 12);
});

test('senders share a block by bytes, and one that floods only delays itself', () => {
  const accounts = new TestAccounts();
  const { mempool } = mempoolFixture({}, accounts);
  const senders = [1, 2, 3, 4].map(address);
  for (const sender of senders) accounts.set(sender);
  for (const sender of senders) {
    const bodyBytes = sender === senders[0] ? 60_000 : 100;
    addAll(mempool, ...Array.from({ length: 64 }, (_, nonce) => pooled({ sender, nonce, bodyBytes })));
  }
  const bytesOf = new Map(senders.map((sender) => [sender, 0]));
  for (const tx of mempool.take({ maxBytes: 700_000, maxTransactions: 400 })) {
    bytesOf.set(tx.sender, (bytesOf.get(tx.sender) as number) + tx.body.length + tx.signature.length);
  }
  for (const [sender, bytes] of bytesOf) assert.ok(bytes > 100_000 && bytes < 250_000, `${sender}: ${bytes}`);
});

test('a large transaction that does not fit the rest of a block goes ahead in the next one', () => {
  const accounts = new TestAccounts();
  const { mempool } = mempoolFixture({}, accounts);
  for (const index of [1, 2, 3]) accounts.set(address(index));
  const large = pooled({ sender: address(2), bodyBytes: 100_000 });
  addAll(mempool, ...[0, 1, 2, 3, 4, 5].map((nonce) => pooled({ sender: address(1), nonce })), large);
  addAll(mempool, ...[0, 1, 2, 3, 4, 5].map((nonce) => pooled({ sender: address(3), nonce })));
  const small = mempool.take({ maxBytes: 50_000, maxTransactions: 400 });
  assert.ok(small.length >= 9 && small.every((tx) => tx !== large));
  const next = ids(mempool.take({ maxBytes: 105_000 + 2 * PAYLOAD_BYTES, maxTransactions: 400 }));
  assert.ok(next.includes(large.id));
});

test('a sender whose turn was cut short goes first in the next block', () => {
  const { mempool } = mempoolFixture();
  const [zero, one] = [pooled({ nonce: 0 }), pooled({ nonce: 1 })];
  addAll(mempool, zero, one, pooled({ sender: BOB }));
  assert.deepEqual(ids(mempool.take({ ...ROOMY, maxTransactions: 1 })), [zero.id]);
  assert.deepEqual(ids(mempool.take({ ...ROOMY, maxTransactions: 1 })), [one.id]);
});

test('what is in an own block is not evicted, although a gap opened before it', () => {
  const { mempool } = mempoolFixture({ maxBytes: 2 * PAYLOAD_BYTES });
  const [zero, one] = [pooled({ nonce: 0 }), pooled({ nonce: 1 })];
  addAll(mempool, zero, one);
  assert.equal(mempool.take(ROOMY).length, 2);
  mempool.executed([dropped(zero, 'FEE')]);
  addAll(mempool, pooled({ sender: BOB }));
  assert.equal(refusal(mempool.add(pooled({ sender: BOB, nonce: 1 }))).code, 'MEMPOOL_FULL');
  mempool.giveBack([one.id]);
  assert.deepEqual(mempool.add(pooled({ sender: BOB, nonce: 1 })), { kind: 'accepted', displaced: [one.id] });
});
