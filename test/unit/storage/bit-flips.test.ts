import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { BlockLog } from '../../../src/storage/block-log.ts';
import { StorageError } from '../../../src/storage/errors.ts';
import type { LogEntry } from '../../../src/storage/log-entry.ts';
import { offsetOf } from '../../../src/storage/log-position.ts';
import { SEGMENT_HEADER_BYTES } from '../../../src/storage/segment.ts';
import { SimulatedDisk } from '../../support/simulated-disk.ts';
import { block, commit, entryText, executed, LOG_OPTIONS, openLog, readAll, storageModules } from './fixture.ts';

const SEGMENT = 'log/segment-0000000.log';
const ENTRIES: readonly LogEntry[] = [executed(1), block(1, 'own-block'), commit(1), executed(2)];

describe('a flipped bit in any byte of the log', () => {
  it('is damage where the record had been durable, and a cut tail in the last one; the others are read as written', async () => {
    const disk = new SimulatedDisk();
    const modules = storageModules(disk);
    const log = await BlockLog.create(LOG_OPTIONS, modules);
    const starts: number[] = [];
    for (const entry of ENTRIES) {
      starts.push(offsetOf(log.append(entry)));
      await log.flush();
    }
    const content = disk.contents(SEGMENT);
    const seen = { header: 0, damage: 0, tail: 0 };
    for (let offset = 0; offset < content.length; offset++) {
      disk.plant(SEGMENT, content);
      disk.flip(SEGMENT, offset, 1 << (offset % 8));
      if (offset < SEGMENT_HEADER_BYTES) {
        await assert.rejects(
          openLog(modules),
          (error) => error instanceof StorageError && error.code === 'LOG_DAMAGED',
        );
        seen.header += 1;
        continue;
      }
      const hit = starts.findLastIndex((start) => start <= offset);
      const { log: reopened, tail, damage } = await openLog(modules);
      const isLast = hit === ENTRIES.length - 1;
      assert.deepEqual([tail.cut, damage.length], isLast ? [true, 0] : [false, 1], `byte ${offset}`);
      const range = damage[0];
      if (range !== undefined) {
        assert.ok(range.offset <= offset && offset < range.offset + range.bytes, `byte ${offset} is in the range`);
        assert.deepEqual([range.firstSequence, range.lastSequence], [hit + 1, hit + 1]);
      }
      const left = ENTRIES.filter((_, i) => i !== hit).map(entryText);
      assert.deepEqual(
        (await readAll(reopened)).records.map(({ entry }) => entryText(entry)),
        left,
      );
      seen[isLast ? 'tail' : 'damage'] += 1;
    }
    assert.deepEqual(seen.header, SEGMENT_HEADER_BYTES);
    assert.ok(seen.damage > 4_000 && seen.tail > 50, JSON.stringify(seen));
  });
});
