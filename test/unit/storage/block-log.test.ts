import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { setImmediate } from 'node:timers/promises';
import { BlockLog } from '../../../src/storage/block-log.ts';
import type { LogEntry } from '../../../src/storage/log-entry.ts';
import { LOG_START, type LogPosition, logPosition } from '../../../src/storage/log-position.ts';
import { SEGMENT_HEADER_BYTES } from '../../../src/storage/segment.ts';
import { concatBytes } from '../../../src/util/bytes.ts';
import { SimulatedDisk } from '../../support/simulated-disk.ts';
import type { VirtualTime } from '../../support/virtual-time.ts';
import {
  assertEntries,
  block,
  commit,
  entryText,
  executed,
  hasher,
  LOG_OPTIONS,
  openLog,
  readAll,
  refusal,
  storageModules,
} from './fixture.ts';

const SEGMENT_0 = 'log/segment-0000000.log';
const SEGMENT_1 = 'log/segment-0000001.log';

async function newLog(disk: SimulatedDisk, options = LOG_OPTIONS) {
  const modules = storageModules(disk);
  return { log: await BlockLog.create(options, modules), modules };
}

function segmentsOf(names: readonly string[]): number[] {
  return names.map((name) => Number(name.slice(8, 15)));
}

function oneOfEach(positions: readonly LogPosition[]): LogEntry[] {
  const { header, signature } = block(9);
  return [
    block(1),
    block(2, 'own-block', 0),
    commit(1, positions),
    { ...commit(2), source: 'synced' },
    executed(1),
    { type: 'certificate', bytes: hasher.plain(Uint8Array.of(1)) },
    { type: 'evidence', first: { header, signature }, second: { header: header.slice(1), signature } },
  ];
}

describe('BlockLog', () => {
  it('gives every kind of record back, from memory, from disk and after reopening', async () => {
    const disk = new SimulatedDisk();
    const { log, modules } = await newLog(disk);
    const entries = oneOfEach([LOG_START, logPosition(3, 77)]);
    const positions = entries.map((entry) => log.append(entry));
    const read = async (from: BlockLog) =>
      (await Promise.all(positions.map((at) => from.read(at)))).map((r) => r.entry);
    assert.deepEqual((await read(log)).map(entryText), entries.map(entryText));
    assert.equal(log.durableSequence, 0);
    await log.flush();
    assert.deepEqual((await read(log)).map(entryText), entries.map(entryText));
    assert.equal(log.durableSequence, entries.length);
    await log.close();
    disk.restart('power-cut', 'everything');
    const reopened = await openLog(modules);
    assert.deepEqual([reopened.tail, reopened.damage], [{ cut: false, bytes: 0 }, []]);
    assert.equal(reopened.log.logId, log.logId);
    assert.deepEqual((await read(reopened.log)).map(entryText), entries.map(entryText));
    const { records } = await readAll(reopened.log);
    assertEntries(records, entries);
    assert.deepEqual(
      records.map(({ position, sequence }) => [position, sequence]),
      positions.map((position, i) => [position, i + 1]),
    );
  });

  it('is created once, and opened only where one is', async () => {
    const disk = new SimulatedDisk();
    const { modules } = await newLog(disk);
    await assert.rejects(BlockLog.create(LOG_OPTIONS, modules), refusal('LOG_EXISTS', { directory: 'log' }));
    const elsewhere = { ...LOG_OPTIONS, directory: 'other' };
    await assert.rejects(openLog(modules, elsewhere), refusal('LOG_MISSING', { directory: 'other' }));
  });

  it('shares one write and one sync among all who flush meanwhile', async () => {
    const disk = new SimulatedDisk();
    const { log } = await newLog(disk);
    const before = disk.operations;
    const release = disk.hold('sync');
    log.append(block(1));
    const first = log.flush();
    log.append(block(2));
    const second = log.flush();
    log.append(block(3));
    const third = log.flush();
    assert.equal(log.durableSequence, 0);
    release();
    await first;
    assert.equal(log.durableSequence, 1);
    await Promise.all([second, third]);
    assert.equal(log.durableSequence, 3);
    assert.equal(disk.operations - before, 4);
    await log.flush();
    assert.equal(disk.operations - before, 4);
    assert.equal(log.pendingBytes, 0);
  });

  it('says how long the disk has been at one write', async () => {
    const disk = new SimulatedDisk();
    const { log, modules } = await newLog(disk);
    const release = disk.hold('sync');
    log.append(block(1));
    const flushed = log.flush();
    (modules.clock as VirtualTime).advance(5_000);
    assert.equal(log.writingForMs, 5_000);
    release();
    await flushed;
    assert.equal(log.writingForMs, 0);
  });

  it('flushes unasked once enough waits', async () => {
    const disk = new SimulatedDisk();
    const { log } = await newLog(disk, { ...LOG_OPTIONS, flushAtBytes: 10_000 });
    const before = disk.operations;
    log.append(block(1));
    log.append(block(2));
    await setImmediate();
    assert.deepEqual([disk.operations - before, log.durableSequence], [0, 0]);
    log.append(block(3));
    await setImmediate();
    assert.deepEqual([disk.operations - before, log.durableSequence], [2, 3]);
  });

  it('refuses beyond its limits and takes records again after a flush', async () => {
    const disk = new SimulatedDisk();
    const { log } = await newLog(disk, { ...LOG_OPTIONS, maxPendingBytes: 10_000, flushAtBytes: 10_000 });
    log.append(block(1));
    log.append(block(2));
    const { pendingBytes } = log;
    assert.throws(() => log.append(block(3)), refusal('LOG_BUSY', { pendingBytes, pendingRecords: 2 }));
    await log.flush();
    log.append(block(3, 'admitted-block', 20_000));
    await log.flush();
    assertEntries((await readAll(log)).records, [block(1), block(2), block(3, 'admitted-block', 20_000)]);
    const few = await BlockLog.create({ ...LOG_OPTIONS, directory: 'few', maxPendingRecords: 1 }, storageModules(disk));
    few.append(executed(1));
    assert.throws(
      () => few.append(executed(2)),
      refusal('LOG_BUSY', { pendingBytes: few.pendingBytes, pendingRecords: 1 }),
    );
  });

  it('goes on in a new segment, and drops whole segments only', async () => {
    const disk = new SimulatedDisk();
    const { log, modules } = await newLog(disk);
    const positions: LogPosition[] = [];
    for (let i = 1; i <= 20; i++) {
      positions.push(log.append(block(i)));
      if (i % 4 === 0) await log.flush();
    }
    assert.deepEqual(
      await disk.list('log'),
      [0, 1, 2, 3].map((n) => `segment-000000${n}.log`),
    );
    const start = positions[14] as LogPosition;
    await log.dropBefore(start);
    assert.deepEqual(
      await disk.list('log'),
      [2, 3].map((n) => `segment-000000${n}.log`),
    );
    await assert.rejects(log.read(positions[0] as LogPosition), refusal('LOG_DAMAGED'));
    disk.restart('power-cut', 'everything');
    const { log: reopened, damage, tail } = await openLog(modules);
    assert.deepEqual([damage, tail.cut, reopened.lastSequence], [[], false, 20]);
    assert.equal(reopened.firstPosition, logPosition(2, SEGMENT_HEADER_BYTES));
    assertEntries(
      (await readAll(reopened, start)).records,
      [15, 16, 17, 18, 19, 20].map((i) => block(i)),
    );
    await reopened.dropBefore(logPosition(99, 64));
    assert.deepEqual(await disk.list('log'), ['segment-0000003.log']);
  });

  for (const [operation, code] of [
    ['write', 'DISK_FULL'],
    ['sync', 'IO_ERROR'],
    ['create', 'DISK_FULL'],
    ['rename', 'IO_ERROR'],
    ['sync-directory', 'IO_ERROR'],
  ] as const) {
    it(`fails when ${operation} says ${code}, reads on, and resumes with everything at its place`, async () => {
      const disk = new SimulatedDisk();
      const { log, modules } = await newLog(disk);
      const positions = [1, 2, 3, 4, 5].map((i) => log.append(block(i)));
      await log.flush();
      disk.fail({ operation, code });
      for (let i = 6; i <= 10; i++) positions.push(log.append(block(i)));
      const reason = /the disk refused .* until the log resumes/;
      await assert.rejects(log.flush(), (error: Error) => refusal('LOG_FAILED')(error) && reason.test(error.message));
      assert.throws(() => log.append(block(11)), refusal('LOG_FAILED'));
      await assert.rejects(log.flush(), refusal('LOG_FAILED'));
      const read = async (i: number) => entryText((await log.read(positions[i - 1] as LogPosition)).entry);
      assert.equal(await read(2), entryText(block(2)));
      assert.equal(await read(10), entryText(block(10)));
      await assert.rejects(log.resume());
      assert.equal(log.failure?.code, 'LOG_FAILED');
      disk.healFaults();
      await Promise.all([log.resume(), log.resume()]);
      assert.equal(log.failure, undefined);
      assert.equal(log.durableSequence, 10);
      log.append(block(11));
      await log.flush();
      disk.restart('power-cut', 'everything');
      const reopened = await openLog(modules);
      assert.deepEqual([reopened.damage, reopened.tail.cut], [[], false]);
      const { records } = await readAll(reopened.log);
      assertEntries(
        records,
        [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11].map((i) => block(i)),
      );
      assert.deepEqual(
        records.slice(0, 10).map(({ position }) => position),
        positions,
      );
    });
  }

  it('names the range of a damaged record in the middle, and goes round it', async () => {
    const disk = new SimulatedDisk();
    const { log, modules } = await newLog(disk);
    const positions: LogPosition[] = [];
    for (let i = 1; i <= 4; i++) {
      positions.push(log.append(block(i)));
      await log.flush();
    }
    const offset = (positions[1] as number) % 2 ** 32;
    disk.flip(SEGMENT_0, offset + 100, 1);
    const { log: reopened, damage, tail } = await openLog(modules);
    const bytes = (positions[2] as number) - (positions[1] as number);
    const range = { segment: 0, file: 'segment-0000000.log', offset, bytes, firstSequence: 2, lastSequence: 2 };
    assert.deepEqual([damage, tail], [[{ ...range, cause: 'record' }], { cut: false, bytes: 0 }]);
    const { records, damaged } = await readAll(reopened);
    assertEntries(
      records,
      [1, 3, 4].map((i) => block(i)),
    );
    assert.deepEqual(damaged, damage);
    const position = positions[1] as LogPosition;
    await assert.rejects(reopened.read(position), refusal('LOG_DAMAGED', { file: 'segment-0000000.log', offset }));
    reopened.append(block(2));
    await reopened.flush();
    assert.equal(reopened.lastSequence, 5);
  });

  it('notices a zeroed record, and a sound one that lies in the place of another', async () => {
    const records = [1, 2, 3, 4, 5].map(executed);
    for (const harm of ['zeroed', 'misdirected'] as const) {
      const disk = new SimulatedDisk();
      const { log, modules } = await newLog(disk);
      const offsets: number[] = [];
      for (const record of records) {
        offsets.push(log.append(record));
        await log.flush();
      }
      const [, second, third, fourth] = offsets as [number, number, number, number];
      const content = disk.contents(SEGMENT_0);
      if (harm === 'zeroed') content.fill(0, third, fourth);
      else content.copyWithin(third, second, third);
      disk.plant(SEGMENT_0, content);
      const { damage, tail, log: reopened } = await openLog(modules);
      assert.equal(tail.cut, false);
      assert.deepEqual(
        damage.map((range) => [range.offset, range.bytes, range.firstSequence, range.lastSequence]),
        [[third, fourth - third, 3, 3]],
      );
      const { records: read, damaged } = await readAll(reopened);
      assertEntries(read, [1, 2, 4, 5].map(executed));
      assert.deepEqual(damaged, damage);
      await assert.rejects(reopened.read(third as LogPosition), refusal('LOG_DAMAGED'));
    }
  });

  it('keeps the segment of the last durable own block', async () => {
    const disk = new SimulatedDisk();
    const { log, modules } = await newLog(disk);
    const own = log.append(block(1, 'own-block'));
    for (let i = 2; i <= 20; i++) log.append(block(i));
    await log.flush();
    await log.dropBefore(log.endPosition);
    assert.deepEqual([log.lastOwn, segmentsOf(await disk.list('log'))], [own, [0, 1, 2, 3]]);
    const { log: reopened } = await openLog(modules);
    assert.equal(reopened.lastOwn, own);
    const release = disk.hold('sync');
    const later = reopened.append(block(21, 'own-block'));
    const flushed = reopened.flush();
    await reopened.dropBefore(reopened.endPosition);
    assert.deepEqual([reopened.lastOwn, segmentsOf(await disk.list('log'))], [own, [0, 1, 2, 3]]);
    release();
    await flushed;
    await reopened.dropBefore(reopened.endPosition);
    assert.deepEqual([reopened.lastOwn, segmentsOf(await disk.list('log'))], [later, [3]]);
  });

  it('names a damaged payload, which the checksum leaves out', async () => {
    const disk = new SimulatedDisk();
    const { log, modules } = await newLog(disk);
    const position = log.append(block(1));
    const next = log.append(block(2));
    await log.flush();
    log.append(block(3));
    await log.flush();
    disk.flip(SEGMENT_0, (next as number) - 1, 0x80);
    const { damage } = await openLog(modules);
    assert.deepEqual(
      damage.map(({ offset, bytes, cause, firstSequence, lastSequence }) => [
        offset,
        bytes,
        cause,
        firstSequence,
        lastSequence,
      ]),
      [[position as number, (next as number) - (position as number), 'payload', 1, 1]],
    );
  });

  it('finds records that vanished from the end of an older segment, and a whole missing segment', async () => {
    const disk = new SimulatedDisk();
    const { log, modules } = await newLog(disk);
    for (let i = 1; i <= 20; i++) log.append(block(i));
    await log.flush();
    disk.plant(SEGMENT_0, disk.contents(SEGMENT_0).subarray(0, SEGMENT_HEADER_BYTES));
    await disk.remove(SEGMENT_1);
    const { damage, tail, log: reopened } = await openLog(modules);
    assert.deepEqual(
      damage.map(({ file, cause, firstSequence, lastSequence }) => [file, cause, firstSequence, lastSequence]),
      [['segment-0000001.log', 'segment', 1, 12]],
    );
    assert.equal(tail.cut, false);
    const { records, damaged } = await readAll(reopened);
    assertEntries(
      records,
      [13, 14, 15, 16, 17, 18, 19, 20].map((i) => block(i)),
    );
    assert.equal(damaged.length, 1);
  });

  it('reports records that vanished, or are damaged, up to the end of an older segment', async () => {
    for (const harm of ['truncate', 'damage'] as const) {
      const disk = new SimulatedDisk();
      const { log, modules } = await newLog(disk);
      const positions: LogPosition[] = [];
      for (let i = 1; i <= 8; i++) positions.push(log.append(block(i)));
      await log.flush();
      const offset = positions[4] as number;
      const content = disk.contents(SEGMENT_0);
      const harmed = harm === 'truncate' ? content.subarray(0, offset) : content.fill(7, offset);
      disk.plant(SEGMENT_0, harmed);
      const { damage, log: reopened } = await openLog(modules);
      const bytes = harmed.length - offset;
      const range = { segment: 0, file: 'segment-0000000.log', offset, bytes, firstSequence: 5, lastSequence: 6 };
      assert.deepEqual(damage, [{ ...range, cause: 'record' }]);
      const { records, damaged } = await readAll(reopened);
      assertEntries(
        records,
        [1, 2, 3, 4, 7, 8].map((i) => block(i)),
      );
      assert.deepEqual(damaged, damage);
    }
  });

  it('refuses a segment of another log', async () => {
    const disk = new SimulatedDisk();
    const { log, modules } = await newLog(disk);
    for (let i = 1; i <= 8; i++) log.append(block(i));
    await log.flush();
    const other = new SimulatedDisk();
    const { log: foreign } = await newLog(other);
    for (let i = 1; i <= 8; i++) foreign.append(block(i));
    await foreign.flush();
    const theirs = await BlockLog.create({ ...LOG_OPTIONS, directory: 'theirs' }, storageModules(other, 2));
    for (let i = 1; i <= 8; i++) theirs.append(block(i));
    await theirs.flush();
    disk.plant(SEGMENT_1, other.contents('theirs/segment-0000001.log'));
    await assert.rejects(
      openLog(modules),
      refusal('LOG_FOREIGN', { file: SEGMENT_1, expected: log.logId, found: theirs.logId }),
    );
  });

  it('refuses a log of a later format', async () => {
    const disk = new SimulatedDisk();
    const { modules } = await newLog(disk);
    const header = disk.contents(SEGMENT_0);
    header[8] = 2;
    const covered = header.subarray(0, SEGMENT_HEADER_BYTES - 16);
    header.set(hasher.hash('log', covered).subarray(0, 16), covered.length);
    disk.plant(SEGMENT_0, header);
    await assert.rejects(openLog(modules), refusal('LOG_VERSION', { file: SEGMENT_0, found: 2 }));
  });

  it('does not take a record inside a payload for one of the log', async () => {
    const disk = new SimulatedDisk();
    const { log, modules } = await newLog(disk);
    const other = new SimulatedDisk();
    const foreign = await BlockLog.create(LOG_OPTIONS, storageModules(other, 2));
    for (let i = 1; i <= 4; i++) foreign.append(executed(i));
    await foreign.flush();
    const payload = other.contents(SEGMENT_0).slice(SEGMENT_HEADER_BYTES);
    const carrier = { ...block(1), payload, header: concatBytes(hasher.plain(payload), new Uint8Array(20)) };
    const position = log.append(carrier);
    await log.flush();
    log.append(block(2));
    await log.flush();
    log.append(block(3));
    await log.flush();
    disk.flip(SEGMENT_0, (position as number) + 60, 1);
    const { log: reopened, damage } = await openLog(modules);
    assert.deepEqual(
      damage.map((range) => [range.firstSequence, range.lastSequence]),
      [[1, 1]],
    );
    assertEntries((await readAll(reopened)).records, [block(2), block(3)]);
  });
});

describe('BlockLog tail', () => {
  /** Three durable records, then a group of three that the power cut reached. */
  async function withUnsyncedGroup() {
    const disk = new SimulatedDisk();
    const { log, modules } = await newLog(disk);
    const positions: number[] = [];
    for (let i = 1; i <= 3; i++) positions.push(log.append(executed(i)));
    await log.flush();
    for (let i = 4; i <= 6; i++) positions.push(log.append(executed(i)));
    await log.flush();
    return { disk, modules, positions };
  }

  it('is cut from the first bad record of the unsynced group on, sound ones behind it included', async () => {
    const { disk, modules, positions } = await withUnsyncedGroup();
    const size = disk.contents(SEGMENT_0).length;
    disk.flip(SEGMENT_0, (positions[4] as number) + 50, 4);
    const { log, tail, damage } = await openLog(modules);
    assert.deepEqual([tail, damage], [{ cut: true, bytes: size - (positions[4] as number) }, []]);
    assert.equal(log.lastSequence, 4);
    assert.equal(disk.contents(SEGMENT_0).length, positions[4]);
    assertEntries((await readAll(log)).records, [1, 2, 3, 4].map(executed));
    log.append(executed(50));
    await log.flush();
    const again = await openLog(modules);
    assert.deepEqual([again.tail.cut, again.log.lastSequence], [false, 5]);
  });

  it('is not cut where a later record proves that the bad one had been durable', async () => {
    const { disk, modules, positions } = await withUnsyncedGroup();
    disk.flip(SEGMENT_0, (positions[2] as number) + 50, 4);
    const { log, tail, damage } = await openLog(modules);
    assert.equal(tail.cut, false);
    assert.deepEqual(
      damage.map((range) => [range.firstSequence, range.lastSequence]),
      [[3, 3]],
    );
    assertEntries((await readAll(log)).records, [1, 2, 4, 5, 6].map(executed));
  });

  it('takes zeros behind the last record for space that was never written', async () => {
    const { disk, modules, positions } = await withUnsyncedGroup();
    const content = disk.contents(SEGMENT_0).fill(0, positions[5] as number);
    disk.plant(SEGMENT_0, Buffer.concat([content, Buffer.alloc(5_000)]));
    const { log, tail, damage } = await openLog(modules);
    assert.deepEqual([tail.cut, damage, log.lastSequence], [true, [], 5]);
    assert.equal(disk.contents(SEGMENT_0).length, positions[5]);
  });
});
