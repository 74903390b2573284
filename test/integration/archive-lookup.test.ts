import assert from 'node:assert/strict';
import { after, afterEach, before, beforeEach, describe, it } from 'node:test';
import { Binary, BSONRegExp, type Document, MongoClient } from 'mongodb';
import { ArchiveDatabase } from '../../src/storage/mongo/database.ts';
import { documentsOf, MongoLookup } from '../../src/storage/mongo/index.ts';
import { type Address, id, type NetworkId, type TransactionId } from '../../src/types/ids.ts';
import { SILENT_LOGGER } from '../../src/util/logger.ts';
import { MongoServer } from '../archive/mongo-server.ts';
import { APPLIED, archivedCommit } from '../support/archived-commit.ts';
import { isHello, SCRIPTED_HELLO, ScriptedMongo } from '../support/scripted-mongo.ts';
import { shaHasher } from '../support/sha-hasher.ts';
import { SYSTEM_CLOCK, SYSTEM_TIMERS } from '../support/system-time.ts';

const DATABASE = 'lookup';
const NETWORK = id<NetworkId>('ab'.repeat(32));
const archived = archivedCommit();
const CURSOR = { height: 1, hash: archived.commit.digest, timeMs: archived.commit.timeMs, checkpoint: 0 };
const receipts = new Map(APPLIED.map(({ receipt }) => [receipt.id, receipt]));
const ids = APPLIED.map(({ receipt }) => receipt.id);
const [ID] = ids as [TransactionId];

function lookupAt(uri: string, networkId: NetworkId = NETWORK): MongoLookup {
  const modules = { hasher: shaHasher, clock: SYSTEM_CLOCK, timers: SYSTEM_TIMERS, logger: SILENT_LOGGER };
  return new MongoLookup({ uri, database: DATABASE }, { networkId, level: 'batches' }, modules);
}

describe('questions to an archive', {
  skip: MongoServer.missing() === undefined ? false : 'mongodb: not installed',
}, () => {
  let server: MongoServer;
  let client: MongoClient;
  let lookup: MongoLookup;

  before(async () => {
    server = await MongoServer.prepare();
    await server.start();
    const identity = { networkId: NETWORK, level: 'batches', genesis: new Uint8Array(0) } as const;
    const database = await ArchiveDatabase.open({ uri: server.uri, database: DATABASE }, identity);
    await database.write([documentsOf(shaHasher, archived, 'batches', receipts)]);
    await database.advance(CURSOR, []);
    await database.close();
    client = new MongoClient(server.uri);
    lookup = lookupAt(server.uri);
  });
  after(async () => {
    await lookup?.close();
    await client?.close();
    await server?.stop();
  });

  it('gives nothing of another network', async () => {
    const foreign = lookupAt(server.uri, id<NetworkId>('ba'.repeat(32)));
    assert.deepEqual([await foreign.block(1), await foreign.receipt(ID)], [undefined, undefined]);
    await foreign.close();
  });

  it('gives no block that was tampered with', async () => {
    const dagBlocks = client.db(DATABASE).collection<{ _id: string; payload: Binary }>('dagBlocks');
    const { header, payload } = archived.blocks[1] as (typeof archived.blocks)[number];
    const flipped = payload.slice();
    flipped[10] = (flipped[10] as number) ^ 1;
    for (const wrong of [flipped, payload.subarray(1), new Uint8Array(0)]) {
      await dagBlocks.updateOne({ _id: header.ref.id }, { $set: { payload: new Binary(wrong) } });
      assert.deepEqual([await lookup.block(1), await lookup.body(ID)], [undefined, undefined]);
    }
    await dagBlocks.updateOne({ _id: header.ref.id }, { $set: { payload: new Binary(payload) } });
    assert.ok(await lookup.block(1));
  });

  it('knows nothing while the server is away, within a bounded time, and finds it again', async () => {
    await server.kill();
    const startMs = performance.now();
    for (let i = 0; i < 20; i++) assert.equal(await lookup.receipt(ID), undefined);
    const awayMs = performance.now() - startMs;
    assert.ok(awayMs < 8_000, `20 questions took ${awayMs} ms`);
    await server.start();
    const untilMs = performance.now() + 20_000;
    let found: unknown;
    while (found === undefined && performance.now() < untilMs) found = await lookup.receipt(ID);
    assert.ok(found, 'found again');
  });
});

/** A server that holds what a test wants: by collection, the documents that any question to it finds. */
class LyingArchive {
  readonly collections: Record<string, Document[]>;
  height = 1n;
  #server: ScriptedMongo | undefined;

  constructor() {
    const documents = Object.entries(documentsOf(shaHasher, archived, 'batches', receipts));
    this.collections = Object.fromEntries(documents.map(([name, found]) => [name, [...found]]));
  }

  get uri(): string {
    return this.#server?.uri ?? '';
  }

  /** The commands that asked a collection. */
  asked(collection: string): readonly Document[] {
    return this.#server?.commands.filter(({ find }) => find === collection) ?? [];
  }

  async start(): Promise<void> {
    this.#server = await ScriptedMongo.start((command) => {
      if (isHello(command)) return SCRIPTED_HELLO;
      if ('find' in command)
        return { ok: 1, cursor: { id: 0n, ns: `${DATABASE}.${command.find}`, firstBatch: this.#found(command) } };
      return { ok: 1 };
    });
  }

  async stop(): Promise<void> {
    await this.#server?.stop();
  }

  #found({ find, filter }: Document): Document[] {
    if (filter._id === 'network') return [{ _id: 'network', version: 1, networkId: NETWORK, level: 'batches' }];
    if (filter._id === 'cursor') return [{ _id: 'cursor', height: this.height }];
    const found = this.collections[find] ?? [];
    return typeof filter._id === 'string' ? found.filter(({ _id }) => _id === filter._id) : found;
  }
}

describe('questions to a database that anybody may have written to', () => {
  let archive: LyingArchive;
  let lookup: MongoLookup;
  const part = { account: 3, address: id<Address>('03'.padStart(64, '0')), toMs: 9e15, limit: 10 };

  beforeEach(async () => {
    archive = new LyingArchive();
    await archive.start();
    lookup = lookupAt(archive.uri);
  });
  afterEach(async () => {
    await lookup.close();
    await archive.stop();
  });

  it('end at a limit of documents, fields and time', async () => {
    await Promise.all([
      lookup.receipt(ID),
      lookup.body(ID),
      lookup.content(1),
      lookup.touching({ ...part, before: 2 }),
    ]);
    const asked = ['blocks', 'dagBlocks', 'transactions', 'state'].flatMap((name) => archive.asked(name));
    assert.ok(asked.length >= 9, `${asked.length} questions`);
    for (const { find, limit, maxTimeMS, projection } of asked) {
      assert.deepEqual([maxTimeMS, typeof projection], [1_000, 'object'], find);
      assert.ok(limit <= 11, `${find}: ${limit}`);
    }
    const limits = (name: string) => new Set(archive.asked(name).map(({ limit }) => limit));
    assert.deepEqual(limits('dagBlocks'), new Set([1, archived.blocks.length + 1]));
    assert.deepEqual(limits('transactions'), new Set([1, ids.length + 1, 10]));
  });

  it('find nothing where there is more than the commit names', async () => {
    const { dagBlocks = [], transactions = [] } = archive.collections;
    archive.collections.transactions = [...transactions, ...transactions];
    assert.equal(await lookup.content(1), undefined);
    assert.ok(await lookup.block(1));
    archive.collections.dagBlocks = [...dagBlocks, ...dagBlocks];
    assert.equal(await lookup.block(1), undefined);
  });

  for (const [collection, changes] of [
    ['transactions', { nonce: 'text' }],
    ['transactions', { fee: 5 }],
    ['transactions', { code: new BSONRegExp('(') }],
    ['transactions', { bitmap: new Binary(new Uint8Array(5)) }],
    ['dagBlocks', { header: null }],
    ['dagBlocks', { payload: 'text' }],
    ['blocks', { bytes: 7 }],
  ] as const) {
    it(`find nothing in ${collection} with another ${Object.keys(changes)[0]}, and go on`, async () => {
      const sound = archive.collections[collection] as Document[];
      archive.collections[collection] = sound.map((document) => ({ ...document, ...changes }));
      // More often than a server may fail.
      for (let i = 0; i < 5; i++) {
        assert.equal(await lookup.content(1), undefined);
        if (collection !== 'blocks') assert.equal(await lookup.body(ID), undefined);
      }
      archive.collections[collection] = sound;
      assert.ok(await lookup.block(1));
      assert.ok(await lookup.body(ID));
    });
  }

  it('find nothing above the cursor', async () => {
    archive.height = 0n;
    const none = [await lookup.receipt(ID), await lookup.body(ID), await lookup.block(1), await lookup.content(1)];
    assert.deepEqual(none, [undefined, undefined, undefined, undefined]);
    assert.equal(await lookup.block({ hash: archived.commit.digest }), undefined);
    archive.height = 1n;
    assert.ok((await lookup.receipt(ID)) && (await lookup.block({ hash: archived.commit.digest })));
  });

  it('tell a history only where all of it is archived, and ask for the cursor no more often than it takes', async () => {
    archive.collections.transactions = [{ height: 1n }];
    assert.deepEqual(await lookup.touching({ ...part, before: 2 }), { commits: [1], isAll: true });
    assert.equal(await lookup.touching({ ...part, before: 7 }), 'unavailable');
    archive.height = 6n;
    assert.deepEqual(await lookup.touching({ ...part, before: 7 }), { commits: [1], isAll: true });
    const asked = archive.asked('state').length;
    for (const before of [1, 3, 7]) assert.notEqual(await lookup.touching({ ...part, before }), 'unavailable');
    assert.equal(archive.asked('state').length, asked);
  });
});
