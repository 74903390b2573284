import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { Binary, MongoClient } from 'mongodb';
import { ArchiveDatabase } from '../../src/storage/mongo/database.ts';
import { documentsOf, MongoLookup } from '../../src/storage/mongo/index.ts';
import { id, type NetworkId, type TransactionId } from '../../src/types/ids.ts';
import { SILENT_LOGGER } from '../../src/util/logger.ts';
import { MongoServer } from '../archive/mongo-server.ts';
import { APPLIED, archivedCommit } from '../support/archived-commit.ts';
import { shaHasher } from '../support/sha-hasher.ts';
import { SYSTEM_CLOCK, SYSTEM_TIMERS } from '../support/system-time.ts';

const DATABASE = 'lookup';
const NETWORK = id<NetworkId>('ab'.repeat(32));
describe('questions to an archive', {
  skip: MongoServer.missing() === undefined ? false : 'mongodb: not installed',
}, () => {
  const archived = archivedCommit();
  const receipts = new Map(APPLIED.map(({ receipt }) => [receipt.id, receipt]));
  const ids = APPLIED.map(({ receipt }) => receipt.id);
  let server: MongoServer;
  let client: MongoClient;
  let lookup: MongoLookup;

  const lookupOf = (networkId: NetworkId): MongoLookup => {
    const modules = { hasher: shaHasher, clock: SYSTEM_CLOCK, timers: SYSTEM_TIMERS, logger: SILENT_LOGGER };
    return new MongoLookup({ uri: server.uri, database: DATABASE }, { networkId, level: 'batches' }, modules);
  };

  before(async () => {
    server = await MongoServer.prepare();
    await server.start();
    const identity = { networkId: NETWORK, level: 'batches', genesis: new Uint8Array(0) } as const;
    const database = await ArchiveDatabase.open({ uri: server.uri, database: DATABASE }, identity);
    await database.write([documentsOf(shaHasher, archived, 'batches', receipts)]);
    await database.close();
    client = new MongoClient(server.uri);
    lookup = lookupOf(NETWORK);
  });
  after(async () => {
    await lookup?.close();
    await client?.close();
    await server?.stop();
  });

  it('gives nothing of another network', async () => {
    const foreign = lookupOf(id<NetworkId>('ba'.repeat(32)));
    assert.deepEqual([await foreign.block(1), await foreign.receipt(ids[0] as TransactionId)], [undefined, undefined]);
    await foreign.close();
  });

  it('gives no block that was tampered with', async () => {
    const dagBlocks = client.db(DATABASE).collection<{ _id: string; payload: Binary }>('dagBlocks');
    const { header, payload } = archived.blocks[1] as (typeof archived.blocks)[number];
    const flipped = payload.slice();
    flipped[10] = (flipped[10] as number) ^ 1;
    for (const wrong of [flipped, payload.subarray(1), new Uint8Array(0)]) {
      await dagBlocks.updateOne({ _id: header.ref.id }, { $set: { payload: new Binary(wrong) } });
      assert.deepEqual([await lookup.block(1), await lookup.body(ids[0] as TransactionId)], [undefined, undefined]);
    }
    await dagBlocks.updateOne({ _id: header.ref.id }, { $set: { payload: new Binary(payload) } });
    assert.ok(await lookup.block(1));
  });

  it('knows nothing while the server is away, within a bounded time, and finds it again', async () => {
    await server.kill();
    const startMs = performance.now();
    for (let i = 0; i < 20; i++) assert.equal(await lookup.receipt(ids[0] as TransactionId), undefined);
    const awayMs = performance.now() - startMs;
    assert.ok(awayMs < 8_000, `20 questions took ${awayMs} ms`);
    await server.start();
    const untilMs = performance.now() + 20_000;
    let found: unknown;
    while (found === undefined && performance.now() < untilMs) found = await lookup.receipt(ids[0] as TransactionId);
    assert.ok(found, 'found again');
  });
});
