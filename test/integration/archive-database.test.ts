import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import type { Document } from 'mongodb';
import { type ArchiveCursor, ArchiveDatabase } from '../../src/storage/mongo/database.ts';
import { LAYOUT } from '../../src/storage/mongo/layout.ts';
import { id, type NetworkId } from '../../src/types/ids.ts';
import { isCoded } from '../../src/util/errors.ts';
import { isHello, SCRIPTED_HELLO, ScriptedMongo } from '../support/scripted-mongo.ts';

const NETWORK = id<NetworkId>('4e'.repeat(32));
const IDENTITY = { networkId: NETWORK, level: 'batches', genesis: new Uint8Array(3) } as const;

interface Behaviour {
  /** What a router says of itself. */
  readonly msg?: 'isdbgrid';
  /** Of the network that the database holds. */
  readonly network?: Document;
  /** Answer to `shardCollection`. */
  readonly shard?: Document;
  /** Ids that are taken already. */
  readonly taken?: readonly string[];
}

/** As a server that holds nothing but the identity of its network. */
function scripted({ msg, network = {}, shard = { ok: 1 }, taken = [] }: Behaviour) {
  return ScriptedMongo.start((command) => {
    if (isHello(command)) return { ...SCRIPTED_HELLO, ...(msg === undefined ? {} : { msg }) };
    if ('shardCollection' in command) return shard;
    if ('find' in command) {
      const isNetwork = command.filter?._id === 'network';
      const found = { _id: 'network', version: 1, networkId: NETWORK, level: 'batches', ...network };
      return { ok: 1, cursor: { id: 0n, ns: 'a.state', firstBatch: isNetwork ? [found] : [] } };
    }
    if ('insert' in command) {
      const documents = command.documents as Document[];
      const writeErrors = documents.flatMap(({ _id }, index) =>
        taken.includes(_id) ? [{ index, code: 11_000, errmsg: 'E11000' }] : [],
      );
      return { ok: 1, n: documents.length - writeErrors.length, ...(writeErrors.length > 0 && { writeErrors }) };
    }
    if ('update' in command) return { ok: 1, n: 1, nModified: 1 };
    return ['createIndexes', 'enableSharding', 'endSessions', 'ping'].some((name) => name in command)
      ? { ok: 1 }
      : undefined;
  });
}

async function opened(behaviour: Behaviour, use: (database: ArchiveDatabase) => Promise<void> = async () => undefined) {
  const server = await scripted(behaviour);
  try {
    const database = await ArchiveDatabase.open({ uri: server.uri, database: 'av10_test' }, IDENTITY);
    try {
      await use(database);
    } finally {
      await database.close();
    }
    return server.commands;
  } finally {
    await server.stop();
  }
}

const named = (commands: readonly Document[], name: string): Document[] =>
  commands.filter((command) => name in command);

suite('an archive database', () => {
  test('shards its collections through a router, before any index of them is made', async () => {
    const commands = await opened({ msg: 'isdbgrid' });
    assert.deepEqual(
      named(commands, 'enableSharding').map(({ enableSharding, $db }) => [enableSharding, $db]),
      [['av10_test', 'admin']],
    );
    const sharded = named(commands, 'shardCollection').map(({ shardCollection, key }) => [shardCollection, key]);
    assert.deepEqual(sharded, [
      ['av10_test.blocks', { _id: 'hashed' }],
      ['av10_test.dagBlocks', { _id: 'hashed' }],
      ['av10_test.transactions', { _id: 'hashed' }],
      ['av10_test.transfers', { _id: 'hashed' }],
      ['av10_test.checkpoints', { _id: 'hashed' }],
      ['av10_test.state', { key: 'hashed' }],
    ]);
    for (const { name } of LAYOUT.filter(({ shardKey }) => shardKey !== undefined)) {
      const at = commands.findIndex(({ shardCollection }) => shardCollection === `av10_test.${name}`);
      const index = commands.findIndex(({ createIndexes }) => createIndexes === name);
      assert.ok(index === -1 || at < index, name);
    }
  });

  test('asks no unique index of a sharded collection, which would be refused', async () => {
    const commands = await opened({ msg: 'isdbgrid' });
    const indexes = named(commands, 'createIndexes').flatMap(({ indexes: made }) => made as Document[]);
    assert.ok(indexes.length >= 8);
    assert.deepEqual(
      indexes.filter(({ unique }) => unique === true),
      [],
    );
  });

  test('is content with what is sharded already, and with nothing else', async () => {
    await opened({ msg: 'isdbgrid', shard: { ok: 0, code: 23, codeName: 'AlreadyInitialized', errmsg: 'sharded' } });
    await assert.rejects(
      opened({ msg: 'isdbgrid', shard: { ok: 0, code: 13, codeName: 'Unauthorized', errmsg: 'no rights' } }),
      (error) => isCoded(error, 'ARCHIVE_REFUSED') && error.fields.reason === 'no rights',
    );
  });

  test('has indexes only on a plain server', async () => {
    const commands = await opened({});
    assert.deepEqual([named(commands, 'enableSharding'), named(commands, 'shardCollection')], [[], []]);
    assert.ok(named(commands, 'createIndexes').length >= 8);
  });

  for (const [code, network, fields] of [
    ['ARCHIVE_FOREIGN', { networkId: '00' }, { expected: NETWORK, found: '00' }],
    ['ARCHIVE_LEVEL', { level: 'blocks' }, { expected: 'batches', found: 'blocks' }],
    ['ARCHIVE_VERSION', { version: 2 }, { expected: 1, found: 2 }],
  ] as const) {
    test(`of another ${Object.keys(network)[0]} is refused with ${code}`, async () => {
      await assert.rejects(opened({ network }), (error) => {
        assert.ok(isCoded(error, code), String(error));
        assert.deepEqual(error.fields, fields);
        return true;
      });
    });
  }

  test('inserts what is new, replaces what is there, and has both acknowledged by a majority', async () => {
    const documents = ['a', 'b', 'c'].map((_id) => ({ _id, height: 1n }));
    const commands = await opened({ taken: ['b'] }, async (database) => {
      assert.equal((await database.write([{ blocks: documents }])).documents, 3);
    });
    const [insert, ...others] = named(commands, 'insert');
    assert.equal(others.length, 0);
    assert.deepEqual(insert?.writeConcern, { w: 'majority', j: true });
    const replaced = named(commands, 'update').flatMap(({ update, updates, writeConcern }) =>
      update === 'blocks' ? (updates as Document[]).map(({ q, upsert }) => [q._id, upsert, writeConcern.w]) : [],
    );
    assert.deepEqual(replaced, [['b', true, 'majority']]);
  });

  test('moves its cursor forward only', async () => {
    const cursor: ArchiveCursor = { height: 7, hash: 'ab', timeMs: 70, checkpoint: 2 };
    const commands = await opened({}, async (database) => {
      assert.deepEqual(await database.advance(cursor, []), cursor);
    });
    const [moved] = named(commands, 'update').filter(({ updates }) => updates[0].q._id === 'cursor');
    assert.deepEqual(moved?.updates[0].q, { _id: 'cursor', key: 'cursor', height: { $lte: 7 } });
    assert.equal(moved?.writeConcern.w, 'majority');
  });

  test('that nobody serves, or whose address is none, says so', async () => {
    const server = await scripted({});
    const { uri } = server;
    await server.stop();
    const open = (address: string) => ArchiveDatabase.open({ uri: address, database: 'a' }, IDENTITY);
    await assert.rejects(open(uri), (error) => isCoded(error, 'ARCHIVE_UNAVAILABLE'));
    await assert.rejects(open('no address'), (error) => isCoded(error, 'ARCHIVE_URI'));
  });
});
