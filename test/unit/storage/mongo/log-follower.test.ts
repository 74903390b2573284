import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { BlockLog } from '../../../../src/storage/block-log.ts';
import type { LogEntry } from '../../../../src/storage/log-entry.ts';
import { LogFollower } from '../../../../src/storage/mongo/log-follower.ts';
import { SimulatedDisk } from '../../../support/simulated-disk.ts';
import { block, commit, entryText, hasher, LOG_OPTIONS, storageModules } from '../fixture.ts';

const PATH = `${LOG_OPTIONS.directory}/segment-0000000.log`;

async function filled(count: number) {
  const disk = new SimulatedDisk();
  const log = await BlockLog.create(LOG_OPTIONS, storageModules(disk));
  const entries: LogEntry[] = [];
  const positions = [];
  for (let i = 1; i <= count; i++) {
    const entry = i % 3 === 0 ? commit(i) : i % 7 === 0 ? certificate(i) : block(i, 'own-block', 900);
    entries.push(entry);
    positions.push(log.append(entry));
  }
  await log.flush();
  const follower = new LogFollower(LOG_OPTIONS.directory, { disk, hasher });
  follower.seek(log.firstPosition);
  return { disk, log, follower, entries, positions };
}

function certificate(number: number): LogEntry {
  return { type: 'certificate', bytes: new Uint8Array(20_000).fill(number) };
}

const isRead = ({ type }: LogEntry): boolean => type === 'commit' || type === 'certificate';

async function readAll(follower: LogFollower, durable: number): Promise<LogEntry[]> {
  const read: LogEntry[] = [];
  for (let entry = await follower.next(durable); entry !== undefined; entry = await follower.next(durable))
    read.push(entry);
  return read;
}

suite('following a log', () => {
  test('gives everything but blocks, over the borders of segments', async () => {
    const { disk, log, follower, entries } = await filled(90);
    assert.ok((await disk.list(LOG_OPTIONS.directory)).length > 3);
    const read = await readAll(follower, log.durableSequence);
    assert.deepEqual(read.map(entryText), entries.filter(isRead).map(entryText));
  });

  test('goes as far as it is told, whatever lies behind that, and on from there', async () => {
    const { log, follower, entries } = await filled(30);
    const read: LogEntry[] = [];
    for (let durable = 0; durable <= log.durableSequence; durable++) read.push(...(await readAll(follower, durable)));
    assert.deepEqual(read.map(entryText), entries.filter(isRead).map(entryText));
    log.append(commit(99));
    assert.equal(await follower.next(log.durableSequence), undefined, 'not durable');
    await log.flush();
    assert.equal((await follower.next(log.durableSequence))?.type, 'commit');
  });

  test('does not keep what it read before it was durable', async () => {
    const { disk, log, follower } = await filled(6);
    const file = await disk.open(PATH, 'existing');
    const end = await file.size();
    // As a write that is under way may look.
    await file.write(end, new Uint8Array(30_000).fill(0xee));
    await readAll(follower, log.durableSequence);
    await file.truncate(end);
    log.append(commit(77));
    await log.flush();
    const entry = await follower.next(log.durableSequence);
    assert.equal(entry?.type === 'commit' && entry.commit.index, 77);
  });

  test('begins at any record', async () => {
    const { log, follower, entries, positions } = await filled(40);
    for (const [at, position] of positions.entries()) {
      follower.seek(position);
      const expected = entries.slice(at).find(isRead);
      const entry = await follower.next(log.durableSequence);
      assert.equal(entry && entryText(entry), expected && entryText(expected));
    }
  });

  test('reads blocks by position, and nothing else as one', async () => {
    const { follower, entries, positions } = await filled(20);
    for (const [at, entry] of entries.entries()) {
      const reading = follower.block(positions[at] as (typeof positions)[0]);
      if (entry.type === 'own-block') assert.equal(entryText(await reading), entryText(entry));
      else await assert.rejects(reading, { code: 'ARCHIVE_LOG' });
    }
  });

  test('says where a record is damaged', async () => {
    const { disk, log, follower, positions } = await filled(6);
    const file = await disk.open(PATH, 'existing');
    const third = positions[2] as number;
    await file.write(third + 60, Uint8Array.of(1, 2, 3));
    await assert.rejects(readAll(follower, log.durableSequence), {
      code: 'ARCHIVE_LOG',
      fields: { segment: 0, offset: third },
    });
    await file.write((positions[0] as number) + 60, Uint8Array.of(1, 2, 3));
    await assert.rejects(follower.block(positions[0] as (typeof positions)[0]), {
      code: 'ARCHIVE_LOG',
      fields: { segment: 0, offset: positions[0] },
    });
  });

  test('a segment that was dropped is not there', async () => {
    const { log, follower, positions } = await filled(90);
    follower.seek(positions[0] as (typeof positions)[0]);
    await log.dropBefore(positions.at(-1) as (typeof positions)[0]);
    await assert.rejects(follower.next(log.durableSequence), { code: 'NOT_FOUND' });
  });
});
