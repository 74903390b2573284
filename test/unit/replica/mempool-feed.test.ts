import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { ExecutableCommit } from '../../../src/execution/index.ts';
import type { PooledTransaction } from '../../../src/pipeline/index.ts';
import { MempoolFeed } from '../../../src/replica/mempool-feed.ts';
import { TransactionTracker } from '../../../src/replica/transaction-tracker.ts';
import type { BlockRef, SignedHeader } from '../../../src/types/block.ts';
import { type BlockId, id } from '../../../src/types/ids.ts';
import { encodePayload, parsePayload, type SignedBody } from '../../../src/types/payload.ts';
import { decodeEnvelope } from '../../../src/types/transaction-codec.ts';
import { VirtualTime } from '../../support/virtual-time.ts';
import { commitOf, hasher, openModel, pay, signed } from '../execution/fixture.ts';
import { mempoolFixture, ROOMY } from '../pipeline/mempool-fixture.ts';
import { TestAccounts } from '../pipeline/test-accounts.ts';

const OWN = 0;
const OTHER = 1;
/** Two payments of one account and their wire keys. */
const ITEMS = [signed(0, pay([1, 5n])), signed(0, { ...pay([1, 6n]), nonce: 1 })] as const;

function pooled(item: SignedBody): PooledTransaction {
  const [parsed] = parsePayload(hasher, encodePayload([item]), 1).items;
  const { sender, nonce } = decodeEnvelope(item.body);
  return { ...(parsed ?? assert.fail()), sender, nonce, fee: 10n, expiryMs: Number.MAX_SAFE_INTEGER };
}

const TXS = ITEMS.map(pooled);
const FIRST = TXS[0] as PooledTransaction;

/** A node whose mempool holds both payments. */
function feeding() {
  const accounts = new TestAccounts().set(FIRST.sender);
  const { mempool } = mempoolFixture({}, accounts);
  const tracker = new TransactionTracker({ timers: new VirtualTime() }, () => undefined);
  for (const tx of TXS) {
    assert.equal(mempool.add(tx).kind, 'accepted');
    tracker.accepted(tx.id, 0);
  }
  const feed = new MempoolFeed(OWN, { hasher, mempool, tracker });
  const levels = () => TXS.map((tx) => tracker.get(tx.id)?.level);
  const take = () => mempool.take(ROOMY).map(({ nonce }) => nonce);
  return { accounts, mempool, tracker, feed, levels, take };
}

/** A block of `author` with these transactions; the feed reads no more of a header. */
function block(author: number, items: readonly SignedBody[], round = 3): { header: SignedHeader; payload: Uint8Array } {
  const payload = encodePayload(items);
  const ref: BlockRef = { round, author, id: id<BlockId>(`${author}${round}`.repeat(32)) };
  const header = { ...ref, ref, payload: { bytes: payload.length, txCount: items.length } } as unknown as SignedHeader;
  return { header, payload };
}

describe('mempool feed', () => {
  it('shows what the node holds as included, and keeps it out of own blocks meanwhile', () => {
    const { feed, levels, take } = feeding();
    const { header, payload } = block(OTHER, [ITEMS[0]]);
    feed.admitted(header, payload);
    assert.deepEqual(levels(), ['included', 'accepted']);
    assert.equal(feed.unexecutedInView, true);
    assert.deepEqual(take(), [1]);
  });

  it('is not misled by a copy with another signature: the genuine one still goes', () => {
    const { feed, levels, take } = feeding();
    const copy = { ...ITEMS[0], signature: ITEMS[0].signature.with(0, (ITEMS[0].signature[0] as number) ^ 1) };
    const { header, payload } = block(OTHER, [copy]);
    feed.admitted(header, payload);
    assert.deepEqual(levels(), ['accepted', 'accepted']);
    assert.deepEqual(take(), [0, 1]);
  });

  it('does not stumble over a body that is no transaction', () => {
    const { feed } = feeding();
    const { header, payload } = block(OTHER, [{ ...ITEMS[0], body: Uint8Array.of(1) }]);
    feed.admitted(header, payload);
    assert.equal(feed.unexecutedInView, true);
  });

  it('ignores blocks without transactions', () => {
    const { feed } = feeding();
    const { header, payload } = block(OTHER, []);
    feed.admitted(header, payload);
    assert.equal(feed.unexecutedInView, false);
  });

  it('gives the transactions of a collected own block back, and shows them as waiting', () => {
    const { feed, take, levels } = feeding();
    assert.deepEqual(take(), [0, 1]);
    const { header, payload } = block(OWN, ITEMS);
    feed.admitted(header, payload);
    feed.collected(2);
    assert.deepEqual([levels(), take()], [['included', 'included'], []]);
    feed.collected(3);
    assert.deepEqual(
      [levels(), take()],
      [
        ['accepted', 'accepted'],
        [0, 1],
      ],
    );
    assert.equal(feed.unexecutedInView, false);
  });

  it('offers what a collected block of another author held', () => {
    const { feed, take, levels } = feeding();
    const { header, payload } = block(OTHER, ITEMS);
    feed.admitted(header, payload);
    assert.deepEqual(take(), []);
    feed.collected(3);
    assert.deepEqual(
      [levels(), take()],
      [
        ['accepted', 'accepted'],
        [0, 1],
      ],
    );
  });

  it('lets go of what was executed, and of what can no longer be', () => {
    const { accounts, feed, mempool, tracker, levels } = feeding();
    // Another transaction of nonce 0 won; the copy that waits here is surely dead.
    const rival = signed(0, pay([1, 7n]));
    const commit: ExecutableCommit = commitOf(1, [rival]);
    const [included] = commit.blocks;
    assert.ok(included !== undefined);
    const { header } = block(OTHER, [rival]);
    feed.admitted({ ...header, ref: included.ref } as SignedHeader, included.payload);
    const result = openModel().execute(commit);
    accounts.set(FIRST.sender, { nextNonce: 1 });
    feed.executed(result, commit);
    assert.equal(feed.unexecutedInView, false);
    assert.deepEqual(levels(), ['dropped', 'accepted']);
    assert.deepEqual(tracker.get(FIRST.id)?.dropped, { code: 'NONCE_USED', retryable: false });
    assert.equal(mempool.stats.transactions, 1);
  });

  it('says of own blocks only that a transaction was dropped: another author may lie about a copy', () => {
    for (const [author, level] of [
      [OWN, 'dropped'],
      [OTHER, 'accepted'],
    ] as const) {
      const { feed, levels } = feeding();
      const bad = { ...ITEMS[0], signature: new Uint8Array(ITEMS[0].signature.length) };
      const ref = { round: 1, author, id: id<BlockId>('0e'.repeat(32)) };
      const commit = commitOf(1, [bad], { ref });
      const result = openModel().execute({ ...commit, refs: [ref], leader: ref });
      feed.executed(result, { ...commit, refs: [ref], leader: ref });
      assert.equal(levels()[0], level);
    }
  });

  it('does not call dropped what was applied from another block, before or after the own copy', () => {
    for (const authors of [
      [OTHER, OWN],
      [OWN, OTHER],
    ]) {
      const { accounts, feed, levels, tracker } = feeding();
      const refs = authors.map((author) => ({ round: 1, author, id: id<BlockId>(`0${author}`.repeat(32)) }));
      // The copy in the own block was signed badly if it comes first, and is a duplicate if it comes second.
      const bad = { ...ITEMS[0], signature: new Uint8Array(ITEMS[0].signature.length) };
      const blocks = refs.map((ref) => {
        const item = ref.author === OWN && authors[0] === OWN ? bad : ITEMS[0];
        return { ref, executedCommit: 0, payload: encodePayload([item]), txCount: 1 };
      });
      const commit = { ...commitOf(1, []), refs, leader: refs[1] as BlockRef, blocks };
      const result = openModel().execute(commit);
      assert.deepEqual([result.applied, result.dropped], [1, 1]);
      accounts.set(FIRST.sender, { nextNonce: 1 });
      feed.executed(result, commit);
      assert.equal(levels()[0], 'accepted');
      tracker.dropped(FIRST.id, 'NONCE_USED');
      assert.equal(levels()[0], 'accepted', 'nor by a later commit');
    }
  });
});
