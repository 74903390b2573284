import assert from 'node:assert/strict';
import { existsSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { suite, test } from 'node:test';
import { backupKeys, importKeys } from '../../../src/cli/key-backup.ts';
import { generateValidatorKeys, readPublicKeys } from '../../../src/cli/validator-keys.ts';
import { nodeBackend } from '../../../src/crypto/node.ts';
import { SecretBytes } from '../../../src/crypto/secret-bytes.ts';
import { utf8 } from '../../../src/util/bytes.ts';
import { withFolder } from './scratch-folder.ts';

const COST = { memoryKiB: 8192, passes: 1, lanes: 1 };
const crypto = nodeBackend();

async function withKeys(use: (folder: string, keysDir: string, backup: string) => Promise<void>): Promise<void> {
  await withFolder(async (folder) => {
    const keysDir = join(folder, 'keys');
    await generateValidatorKeys(crypto, keysDir, new SecretBytes(utf8('correct horse')), COST);
    await use(folder, keysDir, join(folder, 'keys.backup'));
  });
}

suite('backup of keys', () => {
  test('makes the same folder again, for its owner only, and leaves everything else out', () =>
    withKeys(async (folder, keysDir, backup) => {
      writeFileSync(join(keysDir, 'passphrase'), 'correct horse\n');
      const names = ['consensus.json', 'identity.json', 'link.json', 'peer.key'];
      assert.deepEqual(await backupKeys(keysDir, backup), names);
      assert.equal(statSync(backup).mode & 0o777, 0o600);
      const copy = join(folder, 'copy');
      assert.deepEqual(await importKeys(backup, copy), names);
      assert.deepEqual(readdirSync(copy).sort(), names);
      for (const name of names) assert.equal(statSync(join(copy, name)).mode & 0o777, 0o600, name);
      assert.deepEqual(await readPublicKeys(crypto, copy), await readPublicKeys(crypto, keysDir));
    }));

  test('goes without the identity key, which is kept elsewhere, but not without the others', () =>
    withKeys(async (_folder, keysDir, backup) => {
      rmSync(join(keysDir, 'identity.json'));
      assert.equal((await backupKeys(keysDir, backup)).length, 3);
      const path = join(keysDir, 'peer.key');
      rmSync(path);
      await assert.rejects(backupKeys(keysDir, `${backup}2`), { code: 'FILE_INVALID', fields: { path } });
    }));

  test('neither takes the place of anything', () =>
    withKeys(async (_folder, keysDir, backup) => {
      await backupKeys(keysDir, backup);
      await assert.rejects(backupKeys(keysDir, backup), { code: 'FILE_EXISTS', fields: { path: backup } });
      const before = readFileSync(join(keysDir, 'peer.key'));
      await assert.rejects(importKeys(backup, keysDir), { code: 'FILE_EXISTS', fields: { path: keysDir } });
      assert.deepEqual(readFileSync(join(keysDir, 'peer.key')), before);
    }));

  for (const [name, change, field] of [
    ['another format', (backup: Backup) => ({ ...backup, format: 'zip' }), 'format'],
    ['no files', ({ format }: Backup) => ({ format }), 'format'],
    [
      'no consensus key',
      ({ format, files }: Backup) => ({ format, files: { 'peer.key': files['peer.key'] } }),
      'consensus.json',
    ],
    ['a path for a name', (backup: Backup) => withFile(backup, '../evil.json', 'AAAA'), '../evil.json'],
    ['a file that is no key', (backup: Backup) => withFile(backup, 'notes.txt', 'AAAA'), 'notes.txt'],
    ['content that is no text', (backup: Backup) => withFile(backup, 'link.json', 7), 'link.json'],
    ['a keystore that is none', (backup: Backup) => withFile(backup, 'link.json', 'AAAA'), 'link.json'],
    [
      'a keystore for something else',
      (backup: Backup) => withFile(backup, 'link.json', backup.files['consensus.json']),
      'link.json',
    ],
  ] as [string, (backup: Backup) => unknown, string][]) {
    test(`an import refuses ${name}, and makes nothing`, () =>
      withKeys(async (folder, keysDir, path) => {
        await backupKeys(keysDir, path);
        writeFileSync(path, JSON.stringify(change(JSON.parse(readFileSync(path, 'utf8')) as Backup)));
        const copy = join(folder, 'copy');
        await assert.rejects(importKeys(path, copy), { code: 'FILE_INVALID', fields: { path, field } });
        assert.deepEqual([existsSync(copy), readdirSync(folder).sort()], [false, ['keys', 'keys.backup']]);
      }));
  }
});

interface Backup {
  readonly format: string;
  readonly files: Readonly<Record<string, unknown>>;
}

function withFile(backup: Backup, name: string, content: unknown): Backup {
  return { ...backup, files: { ...backup.files, [name]: content } };
}
