/**
 * The archive against a MongoDB-wire server and real validators: `npm run test:archive`. OUTAGE_SECONDS sets how long the server is away (10),
 * LOAD_SECONDS how long the load runs (15). Everything that it starts ends with it.
 */
import assert from 'node:assert/strict';
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, suite, test } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { Long, MongoClient } from 'mongodb';
import { LAYOUT } from '../../src/storage/mongo/layout.ts';
import { MAX_TRANSFERS } from '../../src/types/limits.ts';
import { TestDevnet, until } from '../support/devnet.ts';
import { Load, percentile } from '../support/load.ts';
import { ArchivedNet, type Audit } from './archived-net.ts';
import { BatchLoad } from './batch-load.ts';
import { MongoServer } from './mongo-server.ts';
import { inventLastCommit, TAMPERINGS } from './tampering.ts';

const OUTAGE_MS = Number(process.env.OUTAGE_SECONDS ?? 10) * 1_000;
const LOAD_MS = Number(process.env.LOAD_SECONDS ?? 15) * 1_000;
const DATABASE = 'av10_blockchain';
const LAG_LIMIT_SECONDS = 2;
const SAMPLE_MS = 250;
/** What comes between two looks. */
const CAUGHT_UP_COMMITS = 60;
const CATCH_UP_LIMIT_MS = 600_000;
const LOOP_MS = 5_000;
const SATURATION_MS = 4_000;
/** Enough that as many batches are under way as three validators take. */
const ACCOUNTS = 96;
/** The server notices nothing of its own death; the archiver does at the next write. */
const NOTICE_LIMIT_MS = 40_000;

const missing = MongoServer.missing();
const skip = missing ?? false;

function mustBeSound({ altered, missing: lost, added, unjudged, problems }: Audit): void {
  assert.deepEqual(
    { altered, lost, added, unjudged, problems },
    { altered: 0, lost: 0, added: 0, unjudged: 0, problems: [] },
  );
}

suite('an archive that two of four validators write', { skip }, () => {
  let net: ArchivedNet;
  let server: MongoServer;
  let devnet: TestDevnet;
  let client: MongoClient;
  const folder = mkdtempSync(join(tmpdir(), 'av10-restored-'));

  before(async () => {
    server = await MongoServer.prepare();
    await server.start();
    devnet = await TestDevnet.start();
    net = new ArchivedNet(devnet, server, DATABASE, 'transfers');
    client = new MongoClient(server.uri);
    await net.archiveAt(2);
    await net.archiveAt(3);
  });
  after(async () => {
    await client?.close();
    await devnet?.stop();
    await server?.stop();
    rmSync(folder, { recursive: true, force: true });
  });

  test('holds every commit once, with every document that it must have', async (context) => {
    const load = await Load.start(devnet, [0, 1, 2]);
    await until(() => load.finals.length >= 60, 'sixty final transfers');
    await load.stop();
    const last = Math.max(...load.finals.map(({ commit }) => commit));
    await Promise.all([net.untilArchived(2, last), net.untilArchived(3, last)]);
    const { status, value } = await net.verify();
    assert.equal(status, 0);
    mustBeSound(value);
    assert.ok(value.commits >= last && value.comparedCheckpoints > 0);
    assert.ok(value.transactions >= load.finals.length && value.transfers >= load.finals.length);
    context.diagnostic(`${value.commits} commits, ${value.dagBlocks} DAG blocks, ${value.transactions} transactions`);
  });

  test('the server away under load: consensus does not notice, and the archive catches up', async (context) => {
    const load = await Load.start(devnet, [0, 1]);
    await until(() => load.finals.length >= 20, 'twenty final transfers');
    await server.kill();
    const atKill = load.finals.length;
    const isNoticed = async (): Promise<boolean> =>
      (await net.metric(3, 'av10_archive_state{state="unavailable"}')) === 1;
    await until(isNoticed, 'the archiver sees it', NOTICE_LIMIT_MS);
    await delay(OUTAGE_MS);
    for (const validator of [0, 1, 2, 3]) assert.equal((await devnet.health(validator)).status, 200);
    const atReturn = load.finals.length;
    const behind = await net.metric(3, 'av10_archive_lag_commits');
    assert.ok(behind > 0 && (await net.metric(3, 'av10_archive_lag_seconds')) >= OUTAGE_MS / 1_000);
    const before = await net.metric(3, 'av10_archive_commit');
    const startedMs = performance.now();
    await server.start();
    const isUpToDate = async (): Promise<boolean> =>
      (await net.metric(3, 'av10_archive_lag_commits')) < CAUGHT_UP_COMMITS;
    await until(isUpToDate, 'the archive has caught up, so it is faster than the chain', CATCH_UP_LIMIT_MS);
    const tookMs = performance.now() - startedMs;
    const archived = (await net.metric(3, 'av10_archive_commit')) - before;
    await load.stop();
    context.diagnostic(
      `${atReturn - atKill} transfers meanwhile; ${behind} commits behind, ${archived} archived in ${Math.round(tookMs)} ms while the chain grew by ${archived - behind}`,
    );
    assert.ok(atReturn > atKill);
    const { status, value } = await net.verify();
    assert.equal(status, 0);
    mustBeSound(value);
    assert.deepEqual(devnet.alarms(), []);
  });

  test('a validator that lost its data is restored to an equal root', async () => {
    await devnet.kill(2);
    const dataDir = join(folder, 'data');
    const { status, value, errors } = await net.restore(2, dataDir);
    assert.equal(status, 0, errors);
    mustBeSound(value);
    assert.notEqual((await net.restore(2, dataDir)).status, 0, 'never over a log that is there');
    devnet.restart(2, '--data-dir', dataDir, '--recover-identity');
    await devnet.untilHealthy(2);
    const checkpoints = await Promise.all(
      [0, 2].map(
        async (validator) => (await devnet.client(validator).checkpoint(value.checkpoint as number)).statement,
      ),
    );
    assert.equal(new Set(checkpoints).size, 1);
    const { index, statements } = await devnet.checkpointStatements([0, 1, 2, 3]);
    assert.ok(index >= (value.checkpoint as number));
    assert.equal(new Set(statements).size, 1);
  });

  test('a killed archiver goes on where the database says', async () => {
    await devnet.kill(3);
    devnet.restart(3, ...net.flags);
    await devnet.untilHealthy(3);
    const { lastExecuted } = await devnet.client(3).status();
    await net.untilArchived(3, lastExecuted);
    const { status, value } = await net.verify();
    assert.equal(status, 0);
    mustBeSound(value);
    assert.ok(value.commits >= lastExecuted);
  });

  test('what is gone is written again once the cursor is set back', async () => {
    await devnet.kill(3);
    const database = client.db(DATABASE);
    for (const { name } of LAYOUT) if (name !== 'state') await database.collection(name).deleteMany({});
    const start = { height: Long.fromNumber(0), hash: devnet.file.networkId, checkpoint: Long.fromNumber(0) };
    await database.collection('state').updateOne({ key: 'cursor' }, { $set: start });
    devnet.restart(3, ...net.flags);
    await devnet.untilHealthy(3);
    const { lastExecuted } = await devnet.client(3).status();
    await net.untilArchived(3, lastExecuted);
    const { status, value } = await net.verify();
    assert.equal(status, 0);
    mustBeSound(value);
    assert.ok(value.comparedCheckpoints > 0);
  });

  suite('when nobody archives any more', () => {
    before(async () => {
      await devnet.kill(2);
      await devnet.kill(3);
    });

    for (const { name, make } of TAMPERINGS) {
      test(`${name} is found`, async () => {
        const { expected, undo } = await make(client.db(DATABASE));
        try {
          const { status, value } = await net.verify();
          assert.equal(status, 5);
          const found = value.problems.map(({ finding, collection, id }) => ({ finding, collection, id }));
          assert.deepEqual(found, expected);
        } finally {
          await undo();
        }
      });
    }

    test('with everything as it was, nothing is found', async () => {
      const { status, value } = await net.verify();
      assert.equal(status, 0);
      mustBeSound(value);
    });

    test('a database that claims a lower level than it must have is found, and the level is told', async () => {
      const database = client.db(DATABASE);
      const state = database.collection('state');
      const claim = async (level: string): Promise<void> =>
        void (await state.updateOne({ key: 'network' }, { $set: { level } }));
      await claim('blocks');
      try {
        const { status, errors } = await net.verify();
        assert.equal(status, 5);
        assert.match(errors, /ARCHIVE_LEVEL/);
        const { value } = await net.verify('off');
        const { level, levelFrom, added, height } = value;
        assert.deepEqual([level, levelFrom], ['blocks', 'database']);
        const archived = { height: { $lte: Long.fromNumber(height) } };
        const outside = ['transactions', 'transfers'].map((name) => database.collection(name).countDocuments(archived));
        assert.equal(
          added,
          (await Promise.all(outside)).reduce((sum, count) => sum + count, 0),
        );
      } finally {
        await claim('transfers');
      }
    });

    test('a restore ends at the newest certificate: a commit that nobody signed is not taken over', async () => {
      const { height, bytes, undo } = await inventLastCommit(client.db(DATABASE));
      const dataDir = join(folder, 'certified');
      const { status, value, errors } = await net.restore(2, dataDir);
      const [certified] = await client
        .db(DATABASE)
        .collection('blocks')
        .find({ height: Long.fromNumber(value?.certifiedCommit ?? 0) })
        .toArray();
      await undo();
      assert.equal(status, 0, errors);
      assert.equal(value.commits, value.certifiedCommit);
      assert.equal(value.leftOut, height - value.certifiedCommit);
      assert.ok(value.leftOut > 0);
      const log = join(dataDir, 'log');
      const restored = Buffer.concat(readdirSync(log).map((name) => readFileSync(join(log, name))));
      assert.ok(restored.includes(Buffer.from(certified?.bytes.buffer)), 'the last that a quorum signed');
      assert.ok(!restored.includes(bytes));
    });

    test('no node is restored from an archive that is not sound', async () => {
      const altered = TAMPERINGS.find(({ name }) => name.includes('payload'));
      assert.ok(altered !== undefined);
      const { undo } = await altered.make(client.db(DATABASE));
      const dataDir = join(folder, 'refused');
      const { status, errors } = await net.restore(2, dataDir);
      await undo();
      assert.equal(status, 5);
      assert.match(errors, /VERIFICATION_FAILED/);
    });
  });
});

suite('batches of 8,192 transfers on three validators', { skip }, () => {
  const [LIVE, DEAD] = [2, 1];
  let server: MongoServer;
  let nowhere: MongoServer;
  let devnet: TestDevnet;
  let net: ArchivedNet;
  let load: BatchLoad;

  before(async () => {
    [server, nowhere] = [await MongoServer.prepare(), await MongoServer.prepare()];
    devnet = await TestDevnet.start({ validators: 3, accounts: ACCOUNTS });
    net = new ArchivedNet(devnet, server, DATABASE, 'batches');
    await server.start();
    await net.archiveAt(LIVE);
    await new ArchivedNet(devnet, nowhere, DATABASE, 'batches').archiveAt(DEAD);
    load = await BatchLoad.start(devnet, [0, 1, 2], Number.POSITIVE_INFINITY);
  });
  after(async () => {
    await load?.stop();
    await devnet?.stop();
    await server?.stop();
    await nowhere?.stop();
  });

  test('at half of what they can, the archive is less than two seconds behind', async (context) => {
    await load.measure(SATURATION_MS);
    const saturated = await load.measure(SATURATION_MS);
    load.pace(saturated / 2 / MAX_TRANSFERS);
    const isUpToDate = async (): Promise<boolean> =>
      (await net.metric(LIVE, 'av10_archive_lag_seconds')) < LAG_LIMIT_SECONDS / 2;
    await until(isUpToDate, 'what piled up at saturation is archived', CATCH_UP_LIMIT_MS);
    const before = await net.metrics(LIVE);
    const measured = load.measure(LOAD_MS);
    const lags: number[] = [];
    const endMs = performance.now() + LOAD_MS;
    while (performance.now() < endMs) {
      lags.push(await net.metric(LIVE, 'av10_archive_lag_seconds'));
      await delay(SAMPLE_MS);
    }
    const perSecond = await measured;
    const now = await net.metrics(LIVE);
    const grown = (name: string): number => (now.get(name) ?? 0) - (before.get(name) ?? 0);
    const millions = grown('av10_transactions_total') / 1e6;
    context.diagnostic(
      `${Math.round(perSecond)} of ${Math.round(saturated)} transfers/s; lag p50 ${percentile(lags, 0.5)} s, p90 ${percentile(lags, 0.9)} s, max ${Math.max(...lags)} s; ` +
        `a million transfers: ${(grown('av10_archive_cpu_seconds_total') / millions).toFixed(2)} s CPU, ` +
        `${Math.round(grown('av10_archive_documents_total') / millions)} documents, ${Math.round(grown('av10_archive_bytes_total') / millions / 1024)} KiB`,
    );
    // A scrape begins the measuring of the event loop anew.
    await Promise.all([net.metrics(LIVE), net.metrics(0)]);
    await delay(LOOP_MS);
    const [archiving, plain] = await Promise.all(
      [LIVE, 0].map((validator) => net.metric(validator, 'nodejs_eventloop_lag_p99_seconds')),
    );
    context.diagnostic(`event loop p99: ${archiving} s with the archive, ${plain} s without`);
    assert.ok(Math.max(...lags) < LAG_LIMIT_SECONDS, `${Math.max(...lags)} s`);
  });

  test('a validator whose archive never was there only shows it in its metrics', async () => {
    assert.equal((await devnet.health(DEAD)).status, 200);
    assert.ok((await net.metric(DEAD, 'av10_archive_lag_commits')) > 0);
    assert.ok((await net.metric(DEAD, 'av10_archive_lag_seconds')) > 0);
    assert.equal(await net.metric(DEAD, 'av10_archive_state{state="unavailable"}'), 1);
    const lines = devnet.logLines(DEAD).filter(({ room }) => room === 'archive');
    assert.deepEqual(
      lines.map(({ level, msg }) => [level, msg]),
      [['warn', 'the archive is not available']],
    );
    assert.deepEqual(devnet.alarms(), []);
  });

  test('nothing of it is missing, altered or there twice', async () => {
    await load.stop();
    const { lastExecuted } = await devnet.client(LIVE).status();
    await net.untilArchived(LIVE, lastExecuted);
    const { status, value } = await net.verify();
    assert.equal(status, 0);
    mustBeSound(value);
    const { index, statements } = await devnet.checkpointStatements([0, 1, 2]);
    assert.ok(index > 0);
    assert.equal(new Set(statements).size, 1);
  });
});
