import assert from 'node:assert/strict';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { after, before, suite, test } from 'node:test';
import type { Worker } from 'node:worker_threads';
import { NodeDisk, SqliteReceiptIndex } from '../../src/storage/index.ts';
import { archiveMetrics } from '../../src/storage/metrics.ts';
import { ArchiveThread } from '../../src/storage/mongo/archive-thread.ts';
import { LogHold } from '../../src/storage/mongo/log-hold.ts';
import { RESTART_DELAY_MS } from '../../src/storage/mongo/options.ts';
import type { LogFields, Logger } from '../../src/util/logger.ts';
import { CountingInstruments } from '../support/counting-instruments.ts';
import { eventually } from '../support/eventually.ts';
import { isHello, SCRIPTED_HELLO, ScriptedMongo } from '../support/scripted-mongo.ts';
import { VirtualTime } from '../support/virtual-time.ts';
import { ArchivedLog, NETWORK } from '../unit/storage/mongo/fixture.ts';

/** A server that takes everything and holds nothing but the identity of its network. */
const TAKES_ALL = (command: Readonly<Record<string, unknown>>) => {
  if (isHello(command)) return SCRIPTED_HELLO;
  if ('insert' in command) return { ok: 1, n: (command.documents as unknown[]).length };
  if (!('find' in command)) return { ok: 1, n: 1, nModified: 1 };
  const isNetwork = (command.filter as { readonly _id?: string })._id === 'network';
  const identity = { _id: 'network', version: 1, networkId: NETWORK, level: 'batches' };
  return { ok: 1, cursor: { id: 0n, ns: 'a.state', firstBatch: isNetwork ? [identity] : [] } };
};

suite('an archive thread', () => {
  const folder = mkdtempSync(join(tmpdir(), 'av10-archive-'));
  const time = new VirtualTime();
  const instruments = new CountingInstruments();
  const workers: Worker[] = [];
  const lines: string[] = [];
  const line = (message: string, _: LogFields = {}): void => void lines.push(message);
  const logger: Logger = { debug: line, info: line, warn: line, error: line, child: () => logger };
  // The receipt index has a thread too.
  const onWorker = (worker: Worker): void => {
    if (worker.threadName === 'archive') workers.push(worker);
  };
  const hold = new LogHold({ behindMs: 1_000, behindCommits: 100 }, time);
  let node: ArchivedLog;
  let index: SqliteReceiptIndex;
  let server: ScriptedMongo;
  let thread: ArchiveThread;

  const reaches = (commit: number) =>
    eventually(() => {
      time.advance(1_000);
      return instruments.total('av10_archive_commit') === commit;
    }, `commit ${commit}`);

  const grow = async (count: number): Promise<void> => {
    await node.grow(count);
    const receipts = [...node.receipts].map(([id, indexed]) => ({ id, ...indexed }));
    for (const { index: commit } of node.commits.slice(-count)) {
      const added = receipts.filter(({ commitIndex }) => commitIndex === commit);
      index.add(commit, added);
    }
    await index.flush();
  };

  /** Somebody else spoils the index: it is there, and cannot be read. */
  const rename = (from: string, to: string): void => {
    const database = new DatabaseSync(join(folder, 'receipts', 'receipts.sqlite'));
    database.exec(`ALTER TABLE ${from} RENAME TO ${to}`);
    database.close();
  };

  before(async () => {
    process.on('worker', onWorker);
    server = await ScriptedMongo.start(TAKES_ALL);
    // The thread reads the disk of the machine.
    node = await ArchivedLog.create(new NodeDisk(folder));
    const address = { uri: server.uri, database: 'av10_test' };
    const receipts = join(folder, 'receipts');
    index = SqliteReceiptIndex.open(receipts, { retainCommits: 100, maxPendingBytes: 1_000_000 });
    const folders = { directory: join(folder, 'log').slice(1), receipts };
    const data = { address, level: 'batches', networkId: NETWORK, genesis: new Uint8Array(2), ...folders } as const;
    thread = new ArchiveThread(data, 0, {
      ...{ clock: time, timers: time, logger, metrics: archiveMetrics(instruments), hold },
      progress: () => ({ ...node.progress, receiptsFrom: index.completeFrom, receiptsThrough: index.written }),
      place: (commit) => node.place(commit),
    });
    thread.start();
  });
  after(async () => {
    await thread.stop();
    process.off('worker', onWorker);
    await index.close();
    await server.stop();
    await node.log.close();
    rmSync(folder, { recursive: true, force: true });
  });

  test('carries commits from the log to the server', async () => {
    await grow(5);
    await reaches(5);
    assert.equal(instruments.total('av10_archive_state', { state: 'archiving' }), 1);
    assert.equal(instruments.total('av10_archive_lag_commits'), 0);
    const made = server.commands.flatMap((command) => (command.insert === 'transactions' ? command.documents : []));
    assert.equal(made.length, 5);
  });

  test('moves what the log waits for', () => {
    assert.equal(hold.from({ height: 5, timeMs: 50 }), 6);
  });

  test('survives a receipt index that cannot be read, and says so', async () => {
    // The thread hears of it when time goes on.
    await grow(1);
    rename('progress', 'away');
    await eventually(() => {
      time.advance(1_000);
      return instruments.total('av10_archive_state', { state: 'refused' }) === 1;
    }, 'it stopped');
    assert.ok(lines.includes('the archive does not go on'));
    rename('away', 'progress');
    await reaches(6);
  });

  test('is replaced when it dies, and goes on', async () => {
    const [worker] = workers;
    assert.ok(worker !== undefined);
    const failures = instruments.total('av10_archive_failures_total');
    const exit = once(worker, 'exit');
    await worker.terminate();
    await exit;
    assert.equal(instruments.total('av10_archive_failures_total'), failures + 1);
    time.advance(RESTART_DELAY_MS);
    await eventually(() => workers.length === 2, 'another thread');
    await grow(2);
    await reaches(8);
  });

  test('ends when it is asked to, by itself', async () => {
    const exit = once(workers[1] as Worker, 'exit');
    await thread.stop();
    assert.deepEqual(await exit, [0]);
  });
});
