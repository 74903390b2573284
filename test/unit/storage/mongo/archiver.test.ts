import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import fc from 'fast-check';
import { type ArchiveReport, Archiver, type ArchiveState } from '../../../../src/storage/mongo/archiver.ts';
import { LogFollower } from '../../../../src/storage/mongo/log-follower.ts';
import type { ArchiveLevel } from '../../../../src/storage/mongo/options.ts';
import { SILENT_LOGGER } from '../../../../src/util/logger.ts';
import { eventually } from '../../../support/eventually.ts';
import { SimulatedDisk } from '../../../support/simulated-disk.ts';
import { hasher, LOG_OPTIONS } from '../fixture.ts';
import { ArchivedLog, MemoryArchive, NETWORK, TestSource } from './fixture.ts';

interface Bed {
  readonly disk: SimulatedDisk;
  readonly node: ArchivedLog;
  readonly archive: MemoryArchive;
}

async function bed(): Promise<Bed> {
  const disk = new SimulatedDisk();
  return { disk, node: await ArchivedLog.create(disk), archive: new MemoryArchive() };
}

class Running {
  readonly source: TestSource;
  readonly reports: ArchiveReport[] = [];
  readonly #archiver: Archiver;
  readonly #ended: Promise<void>;

  constructor({ disk, node, archive }: Bed, level: ArchiveLevel = 'batches') {
    this.source = new TestSource(node);
    const follower = new LogFollower(LOG_OPTIONS.directory, { disk, hasher });
    this.#archiver = new Archiver(level, {
      ...{ hasher, follower, source: this.source, receipts: this.source, logger: SILENT_LOGGER },
      open: async () => archive.open(),
      report: (report) => this.reports.push(report),
    });
    this.#ended = this.#archiver.run();
  }

  get state(): ArchiveState | undefined {
    return this.reports.at(-1)?.state;
  }

  async stop(): Promise<void> {
    this.#archiver.stop();
    this.source.tell();
    await this.#ended;
  }
}

/** A node tells its progress again and again. */
function told(running: readonly Running[]): true {
  for (const { source } of running) source.tell();
  return true;
}

async function archived(bedding: Bed, height: number, level: ArchiveLevel = 'batches'): Promise<Running> {
  const running = new Running(bedding, level);
  await eventually(() => bedding.archive.cursor.height === height && running.state === 'archiving', `commit ${height}`);
  await running.stop();
  return running;
}

suite('an archiver', () => {
  for (const [level, transactions, transfers] of [
    ['blocks', 0, 0],
    ['batches', 40, 0],
    ['transfers', 40, 80],
  ] as const) {
    test(`with level ${level} makes one document of each thing, over the borders of segments`, async () => {
      const bedding = await bed();
      await bedding.node.grow(40);
      assert.ok((await bedding.disk.list(LOG_OPTIONS.directory)).length > 3, 'several segments');
      await archived(bedding, 40, level);
      const { archive, node } = bedding;
      const names = ['blocks', 'dagBlocks', 'transactions', 'transfers'] as const;
      assert.deepEqual(
        names.map((name) => archive.count(name)),
        [40, 80, transactions, transfers],
      );
      assert.equal(archive.cursor.hash, node.commits.at(-1)?.digest);
    });
  }

  test('takes what is final, and that when it is', async () => {
    const bedding = await bed();
    await bedding.node.grow(6);
    bedding.node.final = 4;
    const running = new Running(bedding);
    await eventually(() => bedding.archive.cursor.height === 4, 'four commits');
    bedding.node.final = 6;
    running.source.tell();
    await eventually(() => bedding.archive.cursor.height === 6, 'all six');
    await bedding.node.grow(3);
    running.source.tell();
    await eventually(() => bedding.archive.cursor.height === 9, 'those that came later');
    await running.stop();
  });

  test('waits for receipts that are not there yet, if its documents need them', async () => {
    const bedding = await bed();
    await bedding.node.grow(6);
    bedding.node.receiptsThrough = 3;
    await archived(bedding, 3);
    await archived({ ...bedding, archive: new MemoryArchive() }, 6, 'blocks');
    bedding.node.receiptsThrough = 6;
    await archived(bedding, 6);
    assert.equal(bedding.archive.count('transactions'), 6);
  });

  test('does without receipts where there are no transactions', async () => {
    const bedding = await bed();
    await bedding.node.grow(3, false);
    await bedding.node.grow(2);
    bedding.node.forgetReceipts(4);
    await archived(bedding, 5);
    assert.equal(bedding.archive.count('transactions'), 2);
  });

  test('waits longer and longer for a server that is away, says it once, and then goes on', async () => {
    const bedding = await bed();
    await bedding.node.grow(3);
    bedding.archive.isDown = true;
    const running = new Running(bedding);
    await eventually(() => running.source.pauses.length >= 7, 'seven attempts');
    assert.deepEqual(running.source.pauses.slice(0, 7), [250, 500, 1_000, 2_000, 4_000, 5_000, 5_000]);
    assert.equal(running.state, 'unavailable');
    bedding.archive.isDown = false;
    await eventually(() => bedding.archive.cursor.height === 3, 'all');
    await running.stop();
    const failures = running.reports.reduce((sum, report) => sum + report.failures, 0);
    assert.equal(failures, running.source.pauses.length);
  });

  test('killed at any document, goes on with nothing missing and nothing twice', async () => {
    const whole = await bed();
    await whole.node.grow(4);
    await archived(whole, 4);
    const total = whole.archive.written;
    for (let writes = 0; writes < total; writes++) {
      const bedding = { ...whole, archive: new MemoryArchive() };
      bedding.archive.writesLeft = writes;
      const running = new Running(bedding);
      await eventually(() => running.state === 'unavailable', 'it noticed');
      assert.equal(bedding.archive.cursor.height, 0, 'the cursor is never ahead of the documents');
      bedding.archive.writesLeft = Number.POSITIVE_INFINITY;
      bedding.archive.isDown = false;
      await eventually(() => bedding.archive.cursor.height === 4, 'all');
      await running.stop();
      assert.deepEqual(bedding.archive.collections, whole.archive.collections);
    }
  });

  test('certificates and evidence behind the last commit are taken after a restart too', async () => {
    const bedding = await bed();
    await bedding.node.grow(2);
    await archived(bedding, 2);
    bedding.node.certificate(1);
    bedding.node.evidence(77);
    await bedding.node.grow(1);
    bedding.node.certificate(3);
    await bedding.node.log.flush();
    await archived(bedding, 3);
    const { archive } = bedding;
    assert.deepEqual([archive.count('checkpoints'), archive.count('evidence')], [2, 1]);
    assert.deepEqual([archive.cursor.checkpoint, archive.evidence.size], [3, 1]);
  });

  test('leaves to another archiver what that one has archived', async () => {
    const bedding = await bed();
    await bedding.node.grow(5);
    const first = bedding.node.commits[3];
    bedding.archive.cursor = { height: 4, hash: first?.digest as string, timeMs: 40, checkpoint: 0 };
    await archived(bedding, 5);
    assert.equal(bedding.archive.count('blocks'), 1);
  });

  test('waits where another node is ahead of this one', async () => {
    const ahead = await bed();
    await ahead.node.grow(4);
    await archived(ahead, 4);
    const bedding = { ...(await bed()), archive: ahead.archive };
    await bedding.node.grow(2);
    const running = new Running(bedding);
    await eventually(() => running.state === 'archiving', 'it waits');
    const before = ahead.archive.written;
    await bedding.node.grow(1);
    await eventually(() => told([running]), 'it looks again');
    assert.deepEqual([running.state, ahead.archive.written], ['archiving', before]);
    await bedding.node.grow(3);
    await eventually(() => told([running]) && ahead.archive.cursor.height === 6, 'it goes on');
    await running.stop();
    assert.equal(ahead.archive.count('blocks'), 6);
  });

  test('any number of archivers end with the same documents', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(fc.integer({ min: 1, max: 4 }), { minLength: 1, maxLength: 6 }), async (steps) => {
        const bedding = await bed();
        const running = [new Running(bedding), new Running(bedding), new Running(bedding)];
        for (const step of steps) {
          await bedding.node.grow(step);
          if (step % 2 === 0) bedding.archive.writesLeft = step * 2;
          await eventually(
            () => told(running) && (bedding.archive.isDown || bedding.archive.cursor.height > 0),
            'a step',
          );
          bedding.archive.writesLeft = Number.POSITIVE_INFINITY;
          bedding.archive.isDown = false;
        }
        const { length } = bedding.node.commits;
        await eventually(() => told(running) && bedding.archive.cursor.height === length, 'all');
        for (const each of running) await each.stop();
        const alone = { ...bedding, archive: new MemoryArchive() };
        await archived(alone, length);
        assert.deepEqual(bedding.archive.collections, alone.archive.collections);
      }),
      { numRuns: 15, endOnFailure: true },
    );
  });
});

suite('an archiver stops and says why', () => {
  test('when the log begins behind what is to come', async () => {
    const bedding = await bed();
    await bedding.node.grow(9);
    bedding.node.oldest = 6;
    const running = new Running(bedding);
    await eventually(() => running.state === 'gap', 'a gap');
    assert.equal(running.reports.at(-1)?.missing, 5);
    assert.equal(bedding.archive.written, 0, 'nothing is skipped');
    // Another node, which has them, archives them.
    const at = bedding.node.commits[5];
    bedding.archive.cursor = { height: 6, hash: at?.digest as string, timeMs: 60, checkpoint: 0 };
    await eventually(() => bedding.archive.cursor.height === 9, 'the rest');
    await running.stop();
  });

  const losses: readonly (readonly [how: string, lose: (node: ArchivedLog) => void])[] = [
    [
      'never were there',
      (node) => {
        node.receiptsFrom = 2;
      },
    ],
    ['are forgotten', (node) => node.forgetReceipts(2)],
  ];
  for (const [how, lose] of losses) {
    test(`when receipts ${how} that its documents need`, async () => {
      const bedding = await bed();
      await bedding.node.grow(3);
      lose(bedding.node);
      const running = new Running(bedding);
      await eventually(() => running.state === 'gap', 'a gap');
      await running.stop();
      assert.deepEqual([running.reports.at(-1)?.missing, bedding.archive.written], [1, 0]);
      await archived({ ...bedding, archive: new MemoryArchive() }, 3, 'blocks');
    });
  }

  test('when receipts are forgotten while their window is read', async () => {
    const bedding = await bed();
    await bedding.node.grow(5);
    const running = new Running(bedding);
    running.source.beforeReceipts = () => bedding.node.forgetReceipts(4);
    await eventually(() => running.state !== undefined, 'it has tried');
    await running.stop();
    assert.deepEqual([running.state, running.reports.at(-1)?.missing, bedding.archive.written], ['gap', 3, 0]);
  });

  test('when the archive goes on from another chain', async () => {
    const bedding = await bed();
    await bedding.node.grow(2);
    bedding.archive.cursor = { height: 1, hash: NETWORK, timeMs: 10, checkpoint: 0 };
    const running = new Running(bedding);
    await eventually(() => running.state === 'refused', 'refused');
    await running.stop();
    assert.equal(bedding.archive.written, 0);
  });
});
