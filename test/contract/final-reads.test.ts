import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { ChainReader } from '../../src/replica/chain-reader.ts';
import type { BlockView, CommitContent } from '../../src/replica/service.ts';
import { MemoryReceiptIndex } from '../../src/storage/index.ts';
import { ArchiveDatabase } from '../../src/storage/mongo/database.ts';
import { documentsOf, MongoLookup } from '../../src/storage/mongo/index.ts';
import { markVerified } from '../../src/types/block.ts';
import { type Address, type CommitDigest, id, type NetworkId, type TransactionId } from '../../src/types/ids.ts';
import { decodeReceipt, encodeReceipt, type Receipt } from '../../src/types/receipt.ts';
import { SILENT_LOGGER } from '../../src/util/logger.ts';
import { MongoServer } from '../archive/mongo-server.ts';
import { APPLIED, archivedCommit } from '../support/archived-commit.ts';
import { shaHasher } from '../support/sha-hasher.ts';
import { SYSTEM_CLOCK, SYSTEM_TIMERS } from '../support/system-time.ts';
import { append, openStore } from '../unit/replica/stored.ts';

/** What clients can ask about what is final, whoever answers. */
interface FinalReads {
  receipt(id: TransactionId): Promise<Receipt | undefined>;
  block(key: number | { readonly hash: string }): Promise<BlockView | undefined>;
  body(id: TransactionId): Promise<Uint8Array | undefined>;
  content(index: number): Promise<CommitContent | 'unavailable' | undefined>;
  /** Commits of an account below a height. */
  commitsOf(account: number, before: number): Promise<readonly number[]>;
}

const UNKNOWN = id<TransactionId>('cd'.repeat(32));
/** As made up by `appliedBatch`. */
const addressOf = (account: number) => id<Address>(account.toString(16).padStart(64, '0'));
const archived = archivedCommit();
const ends: (() => Promise<void>)[] = [];
after(async () => {
  for (const end of ends.reverse()) await end();
});

/** The node itself: its log and its receipts. */
async function embedded(): Promise<FinalReads> {
  const { store } = await openStore();
  for (const { header, payload } of archived.blocks) append(store, markVerified(header), payload.slice());
  store.appendCommit(archived.commit, 0, 'decided');
  await store.flush();
  const receipts = new MemoryReceiptIndex({ retainCommits: 100 });
  receipts.add(
    1,
    APPLIED.map(({ receipt }) => ({ id: receipt.id, receipt: encodeReceipt(receipt) })),
    Uint32Array.of(3, 4, 1, 2),
  );
  const receipt = (txId: TransactionId): Receipt | undefined => {
    const found = receipts.get(txId);
    return found && decodeReceipt(found.receipt);
  };
  const reader = new ChainReader({ hasher: shaHasher, store, ledger: { lastCommit: 1 }, receipts, receipt });
  return {
    receipt: async (txId) => receipt(txId),
    block: (key) => reader.block(key),
    body: (txId) => reader.body(txId),
    content: (index) => reader.content(index),
    commitsOf: async (account, before) => reader.touching(account, before, 10),
  };
}

async function mongo(): Promise<FinalReads> {
  const server = await MongoServer.prepare();
  await server.start();
  ends.push(() => server.stop());
  const address = { uri: server.uri, database: 'reads' };
  const networkId = id<NetworkId>('ab'.repeat(32));
  const database = await ArchiveDatabase.open(address, { networkId, level: 'batches', genesis: new Uint8Array(0) });
  const receipts = new Map(APPLIED.map(({ receipt }) => [receipt.id, receipt]));
  await database.write([documentsOf(shaHasher, archived, 'batches', receipts)]);
  await database.advance(
    { height: 1, hash: archived.commit.digest, timeMs: archived.commit.timeMs, checkpoint: 0 },
    [],
  );
  await database.close();
  const modules = { hasher: shaHasher, clock: SYSTEM_CLOCK, timers: SYSTEM_TIMERS, logger: SILENT_LOGGER };
  const lookup = new MongoLookup(address, { networkId, level: 'batches' }, modules);
  ends.push(() => lookup.close());
  return {
    receipt: (txId) => lookup.receipt(txId),
    block: (key) => lookup.block(key),
    body: (txId) => lookup.body(txId),
    content: (index) => lookup.content(index),
    async commitsOf(account, before) {
      const part = { account, address: addressOf(account), before, toMs: Number.POSITIVE_INFINITY, limit: 10 };
      const found = await lookup.touching(part);
      assert.ok(found !== 'unavailable' && found.isAll);
      return found.commits;
    },
  };
}

const implementations = [
  { name: 'the node', make: embedded, skip: undefined },
  {
    name: 'MongoLookup',
    make: mongo,
    skip: MongoServer.missing() === undefined ? undefined : 'mongodb: not installed',
  },
] as const;

for (const { name, make, skip } of implementations) {
  describe(`Reads of what is final, contract: ${name}`, { skip: skip ?? false }, () => {
    let reads: FinalReads;
    before(async () => {
      reads = await make();
    });

    it('finds receipts as they were, bitmaps included', async () => {
      for (const { receipt } of APPLIED) {
        const found = await reads.receipt(receipt.id);
        assert.deepEqual(found && encodeReceipt(found).toHex(), encodeReceipt(receipt).toHex());
      }
      assert.equal(await reads.receipt(UNKNOWN), undefined);
    });

    it('finds blocks by height and hash, with the ids of their transactions', async () => {
      const expected = { commit: archived.commit, transactions: APPLIED.map(({ receipt }) => receipt.id) };
      assert.deepEqual(await reads.block(1), expected);
      assert.deepEqual(await reads.block({ hash: archived.commit.digest }), expected);
      assert.equal(await reads.block(2), undefined);
      assert.equal(await reads.block({ hash: id<CommitDigest>('ef'.repeat(32)) }), undefined);
    });

    it('gives what a commit applied, in its order', async () => {
      const content = await reads.content(1);
      assert.ok(content !== undefined && content !== 'unavailable');
      assert.deepEqual([content.commit, content.count], [archived.commit, APPLIED.length]);
      const facts = ({ position, body, receipt }: (typeof APPLIED)[number]) =>
        [position, body.toHex(), encodeReceipt(receipt).toHex()] as const;
      assert.deepEqual(content.applied.map(facts), APPLIED.map(facts));
      assert.equal(await reads.content(2), undefined);
    });

    it('finds the commits of senders and recipients', async () => {
      for (const account of [1, 2, 3, 4])
        assert.deepEqual(await reads.commitsOf(account, 2), [1], `account ${account}`);
      assert.deepEqual(await reads.commitsOf(3, 1), []);
      assert.deepEqual(await reads.commitsOf(9, 2), []);
    });

    it('finds the bytes of a transaction', async () => {
      for (const { receipt, body } of APPLIED) assert.equal((await reads.body(receipt.id))?.toHex(), body.toHex());
      assert.equal(await reads.body(UNKNOWN), undefined);
    });
  });
}
