import assert from 'node:assert/strict';
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { suite, test } from 'node:test';
import { writeJsonLines } from '../../../src/cli/json-lines.ts';
import { withFolder } from './scratch-folder.ts';

const MANY = 20_000;

suite('JSON lines in a file', () => {
  test('each value on its line, however many', () =>
    withFolder(async (folder) => {
      const out = join(folder, 'out');
      await writeJsonLines(out, async (write) => {
        for (let i = 0; i < MANY; i++) await write({ i, text: 'a\nb' });
      });
      const lines = readFileSync(out, 'utf8').trimEnd().split('\n');
      assert.equal(lines.length, MANY);
      assert.deepEqual(JSON.parse(lines[MANY - 1] as string), { i: MANY - 1, text: 'a\nb' });
      assert.deepEqual(readdirSync(folder), ['out']);
    }));

  test('whole or not at all', () =>
    withFolder(async (folder) => {
      const failing = writeJsonLines(join(folder, 'out'), async (write) => {
        await write(1);
        throw new Error('half-way');
      });
      await assert.rejects(failing, /half-way/);
      assert.deepEqual(readdirSync(folder), []);
    }));

  test('never in the place of another file, not even of one that appears meanwhile', () =>
    withFolder(async (folder) => {
      const out = join(folder, 'out');
      const refusal = { code: 'FILE_EXISTS', fields: { path: out } };
      const late = writeJsonLines(out, async (write) => {
        await write(1);
        writeFileSync(out, 'mine');
      });
      await assert.rejects(late, refusal);
      await assert.rejects(
        writeJsonLines(out, async () => assert.fail('nothing is written')),
        refusal,
      );
      assert.equal(readFileSync(out, 'utf8'), 'mine');
      assert.deepEqual(readdirSync(folder), ['out']);
    }));

  test('a folder that is not there is an error, not a crash', () =>
    withFolder(async (folder) => {
      await assert.rejects(
        writeJsonLines(join(folder, 'none', 'out'), (write) => write(1)),
        { code: 'ENOENT' },
      );
    }));
});
