import assert from 'node:assert/strict';
import { existsSync, mkdirSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { suite, test } from 'node:test';
import { runReset } from '../../../src/cli/commands/reset.ts';
import { NodeDisk } from '../../../src/storage/index.ts';
import { RecordingTerminal } from './recording-terminal.ts';
import { withFolder } from './scratch-folder.ts';

/** A data folder as a node leaves it, and its guard beside it. */
function makeState(folder: string, guardDir = join(folder, 'guard')) {
  const dataDir = join(folder, 'data');
  for (const name of ['log', 'snapshots', 'receipts']) mkdirSync(join(dataDir, name), { recursive: true });
  for (const name of ['log/segment-0000000.log', 'keys.bin', 'link-keys.json']) writeFileSync(join(dataDir, name), 'x');
  mkdirSync(guardDir, { recursive: true });
  writeFileSync(join(guardDir, 'guard'), 'x');
  return { nodeId: 'solo', dataDir, guardDir };
}

suite('reset', () => {
  test('deletes what comes back from peers, and leaves the sign guard and the link key sequences', () =>
    withFolder(async (folder) => {
      const flags = makeState(folder);
      const terminal = new RecordingTerminal();
      await runReset(flags, true, terminal);
      assert.deepEqual(readdirSync(flags.dataDir), ['link-keys.json']);
      assert.deepEqual(readdirSync(flags.guardDir), ['guard']);
      const deleted = ['log', 'snapshots', 'receipts', 'keys.bin'];
      assert.deepEqual(
        terminal.results.map(({ value }) => value),
        [{ deleted, kept: flags.guardDir }],
      );
      assert.match(terminal.notes.join(), /--recover-identity/);
      assert.deepEqual(terminal.warnings, []);
    }));

  test('goes on where one before it was interrupted', () =>
    withFolder(async (folder) => {
      const flags = makeState(folder);
      mkdirSync(join(flags.dataDir, 'log.reset'));
      await runReset(flags, true, new RecordingTerminal());
      const again = new RecordingTerminal();
      await runReset(flags, true, again);
      assert.deepEqual(again.results[0]?.lines, ['deleted: nothing was there']);
      assert.deepEqual(readdirSync(flags.dataDir), ['link-keys.json']);
    }));

  test('asks, and without a terminal to ask at changes nothing', () =>
    withFolder(async (folder) => {
      const flags = makeState(folder);
      await assert.rejects(runReset(flags, false, new RecordingTerminal()), {
        code: 'USAGE',
        fields: { option: '--yes' },
      });
      assert.ok(existsSync(join(flags.dataDir, 'log')));
    }));

  test('refuses while a process holds the data folder', () =>
    withFolder(async (folder) => {
      const flags = makeState(folder);
      const lock = await new NodeDisk(flags.dataDir).lock('.');
      try {
        const refusal = { code: 'ALREADY_RUNNING', fields: { path: flags.dataDir } };
        await assert.rejects(runReset(flags, true, new RecordingTerminal()), refusal);
      } finally {
        await lock.release();
      }
      assert.ok(existsSync(join(flags.dataDir, 'log')));
    }));

  test('refuses to delete a folder that the guard lies in', () =>
    withFolder(async (folder) => {
      const flags = makeState(folder, join(folder, 'data', 'log', 'guard'));
      const refusal = { code: 'USAGE', fields: { option: '--guard-dir' } };
      await assert.rejects(runReset(flags, true, new RecordingTerminal()), refusal);
      assert.ok(existsSync(join(flags.guardDir, 'guard')));
    }));

  test('says when there is no guard, and when there is no data', () =>
    withFolder(async (folder) => {
      const flags = makeState(folder);
      const terminal = new RecordingTerminal();
      await runReset({ ...flags, guardDir: join(folder, 'nowhere') }, true, terminal);
      assert.match(terminal.warnings.join(), /no sign guard in .*nowhere/);
      const path = join(folder, 'other');
      const refusal = { code: 'FILE_UNREADABLE', fields: { path } };
      await assert.rejects(runReset({ ...flags, dataDir: path }, true, terminal), refusal);
    }));
});
