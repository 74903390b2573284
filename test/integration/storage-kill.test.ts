import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { after, describe, it } from 'node:test';
import { NodeDisk } from '../../src/storage/node-disk.ts';
import { assertEntries, openLog, readAll, storageModules } from '../unit/storage/fixture.ts';
import { entryNumber } from './storage-writer.ts';

const KILLS = 5;
const WRITER = join(import.meta.dirname, 'storage-writer.ts');

const root = mkdtempSync(join(tmpdir(), 'av10-kill-'));
after(() => rmSync(root, { recursive: true }));

/** Lets a process append and acknowledge, and kills it after `acknowledgements` lines. */
async function writeUntilKilled(acknowledgements: number): Promise<number> {
  const child = spawn(process.execPath, [WRITER, root], { stdio: ['ignore', 'pipe', 'inherit'] });
  let durable = 0;
  let lines = 0;
  for await (const line of createInterface({ input: child.stdout })) {
    durable = Number(line);
    lines += 1;
    if (lines === acknowledgements) child.kill('SIGKILL');
  }
  if (child.exitCode === null && child.signalCode === null) await new Promise((resolve) => child.once('exit', resolve));
  assert.equal(child.signalCode, 'SIGKILL');
  return durable;
}

describe('a process killed while it appends', () => {
  it(`leaves every acknowledged record, ${KILLS} times in a row`, async () => {
    for (let kill = 1; kill <= KILLS; kill++) {
      const durable = await writeUntilKilled(20 * kill);
      const { log, damage } = await openLog(storageModules(new NodeDisk(root)));
      assert.deepEqual(damage, []);
      assert.ok(durable > 0 && log.lastSequence >= durable, `${log.lastSequence} records, ${durable} acknowledged`);
      const { records } = await readAll(log);
      assertEntries(
        records,
        Array.from({ length: log.lastSequence }, (_, i) => entryNumber(i + 1)),
      );
      await log.close();
    }
  });
});
