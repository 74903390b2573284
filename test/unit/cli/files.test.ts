import assert from 'node:assert/strict';
import { chmodSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { suite, test } from 'node:test';
import {
  createFile,
  createSecretFile,
  isOpenToOthers,
  readBounded,
  readSecretFile,
  replaceFile,
} from '../../../src/cli/files.ts';
import { withFolder } from './scratch-folder.ts';

suite('files of the command line', () => {
  test('a secret is open to its owner only, and so is the folder made for it', () =>
    withFolder(async (folder) => {
      const path = join(folder, 'keys', 'peer.key');
      await createSecretFile(path, 'secret');
      assert.equal(statSync(path).mode & 0o777, 0o600);
      assert.equal(statSync(join(folder, 'keys')).mode & 0o777, 0o700);
    }));

  for (const [name, create] of [
    ['createFile', createFile],
    ['createSecretFile', createSecretFile],
  ] as const) {
    test(`${name} overwrites nothing and leaves nothing beside it`, () =>
      withFolder(async (folder) => {
        const path = join(folder, 'file');
        await create(path, 'first');
        await assert.rejects(create(path, 'second'), { code: 'FILE_EXISTS', fields: { path } });
        assert.equal(readFileSync(path, 'utf8'), 'first');
        assert.deepEqual(readdirSync(folder), ['file']);
      }));
  }

  test('replaceFile puts the new content in the place of the old', () =>
    withFolder(async (folder) => {
      const path = join(folder, 'file');
      await replaceFile(path, 'first');
      await replaceFile(path, 'second');
      assert.equal(readFileSync(path, 'utf8'), 'second');
      assert.deepEqual(readdirSync(folder), ['file']);
    }));

  for (const bits of [0o644, 0o604, 0o660]) {
    test(`a secret with mode ${bits.toString(8)} is refused`, () =>
      withFolder(async (folder) => {
        const path = join(folder, 'secret');
        writeFileSync(path, 'x');
        chmodSync(path, bits);
        await assert.rejects(readSecretFile(path), { code: 'FILE_MODE', fields: { path } });
      }));
  }

  for (const bits of [0o600, 0o400, 0o440]) {
    test(`a secret with mode ${bits.toString(8)} is read`, () =>
      withFolder(async (folder) => {
        const path = join(folder, 'secret');
        writeFileSync(path, 'x', { mode: bits });
        assert.deepEqual(await readSecretFile(path), Uint8Array.of(0x78));
      }));
  }

  test('the mode of a secret that a container engine mounted says nothing; beside that folder it does', () => {
    assert.equal(isOpenToOthers('/run/secrets/passphrase', 0o644), false);
    for (const path of ['/run/secrets/../passphrase', '/run/secrets-of-others', 'run/secrets/passphrase'])
      assert.equal(isOpenToOthers(path, 0o644), true, path);
  });

  test('what is missing or too long is refused by name', () =>
    withFolder(async (folder) => {
      const path = join(folder, 'file');
      await assert.rejects(readBounded(path), { code: 'FILE_UNREADABLE', fields: { path } });
      writeFileSync(path, '12345');
      await assert.rejects(readBounded(path, 4), { code: 'FILE_UNREADABLE', fields: { path } });
      assert.equal((await readBounded(path, 5)).length, 5);
    }));
});
