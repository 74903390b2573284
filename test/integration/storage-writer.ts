/** Run by `storage-kill.test.ts`: appends to the log under the given folder and prints the sequence of what is durable, until it is killed. */
import { writeSync } from 'node:fs';
import { BlockLog } from '../../src/storage/block-log.ts';
import type { LogEntry } from '../../src/storage/log-entry.ts';
import { NodeDisk } from '../../src/storage/node-disk.ts';
import { block, executed, LOG_OPTIONS, openLog, storageModules } from '../unit/storage/fixture.ts';

/** The record with this sequence, in every life of the process. */
export function entryNumber(sequence: number): LogEntry {
  return sequence % 3 === 0 ? executed(sequence) : block(sequence, 'admitted-block', sequence % 700);
}

async function writeForEver(root: string): Promise<never> {
  const modules = storageModules(new NodeDisk(root));
  const exists = await modules.disk.exists('log');
  const log = exists ? (await openLog(modules)).log : await BlockLog.create(LOG_OPTIONS, modules);
  for (;;) {
    for (let i = 0; i < 7; i++) log.append(entryNumber(log.lastSequence + 1));
    const sequence = log.lastSequence;
    const flushed = log.flush();
    log.append(entryNumber(log.lastSequence + 1));
    await flushed;
    writeSync(1, `${sequence}\n`);
  }
}

const [, script, root] = process.argv;
if (script === import.meta.filename && root !== undefined) await writeForEver(root);
