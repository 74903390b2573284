import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { suite, test } from 'node:test';
import { createContext, runInContext } from 'node:vm';

const SCRIPT = readFileSync(join(import.meta.dirname, '../../../../config/deploy/mongo/form-cluster.js'), 'utf8');

type Command = Readonly<Record<string, unknown>>;

/** Servers as `mongosh` shows them, which remember what was made of them. */
class Cluster {
  readonly sets = new Map<string, unknown>();
  readonly shards = new Map<string, string>();
  /** So many attempts to connect fail first. */
  refusals = 0;
  /** So many questions for a primary come too early. */
  elections = 0;
  slept = 0;

  run(): void {
    const context = createContext({
      Mongo: (uri: string) => ({ getDB: () => ({ runCommand: (command: Command) => this.#answer(uri, command) }) }),
      print: () => undefined,
      sleep: () => {
        this.slept += 1;
      },
    });
    // `new Mongo(...)` of an arrow function is none: mongosh has a class.
    runInContext(`const M = Mongo; Mongo = function (uri) { return M(uri); };${SCRIPT}`, context);
  }

  #answer(uri: string, command: Command): Command {
    if (this.refusals-- > 0) throw new Error('connection refused');
    if ('replSetGetStatus' in command && !this.sets.has(uri))
      throw Object.assign(new Error('no replset config'), { code: 94 });
    if ('replSetInitiate' in command) this.sets.set(uri, command.replSetInitiate);
    if ('hello' in command) return this.elections-- > 0 ? {} : { primary: uri };
    if ('addShard' in command) this.shards.set(String(command.name), String(command.addShard));
    return { ok: 1 };
  }
}

suite('the script that forms the MongoDB cluster', () => {
  const cluster = new Cluster();

  test('makes a set of three config servers, two shards, and tells the router of them', () => {
    cluster.run();
    assert.deepEqual(
      Object.fromEntries([...cluster.sets].map(([uri, made]) => [uri, JSON.parse(JSON.stringify(made))])),
      {
        'mongodb://mongo-config-1:27017/?directConnection=true': {
          _id: 'config',
          configsvr: true,
          members: [1, 2, 3].map((number) => ({ _id: number - 1, host: `mongo-config-${number}:27017` })),
        },
        'mongodb://mongo-shard-1-primary:27017/?directConnection=true': {
          _id: 'shard-1',
          members: [{ _id: 0, host: 'mongo-shard-1-primary:27017' }],
        },
        'mongodb://mongo-shard-2-primary:27017/?directConnection=true': {
          _id: 'shard-2',
          members: [{ _id: 0, host: 'mongo-shard-2-primary:27017' }],
        },
      },
    );
    assert.deepEqual(Object.fromEntries(cluster.shards), {
      'shard-1': 'shard-1/mongo-shard-1-primary:27017',
      'shard-2': 'shard-2/mongo-shard-2-primary:27017',
    });
  });

  test('makes nothing again', () => {
    const before = new Map(cluster.sets);
    cluster.run();
    for (const [uri, made] of before) assert.equal(cluster.sets.get(uri), made);
    assert.equal(cluster.shards.size, 2);
  });

  test('waits for servers that start, and for elections', () => {
    const slow = new Cluster();
    slow.refusals = 4;
    slow.elections = 2;
    slow.run();
    assert.equal(slow.sets.size, 3);
    assert.equal(slow.slept, 6);
  });
});
