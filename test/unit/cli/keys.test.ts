import assert from 'node:assert/strict';
import { existsSync, mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { suite, test } from 'node:test';
import { generateAccountKey, openAccountKey, readAccountKey } from '../../../src/cli/account-keys.ts';
import { generateValidatorKeys, readPublicKeys } from '../../../src/cli/validator-keys.ts';
import { openKeystore } from '../../../src/crypto/keystore.ts';
import { nodeBackend } from '../../../src/crypto/node.ts';
import { SecretBytes } from '../../../src/crypto/secret-bytes.ts';
import { utf8 } from '../../../src/util/bytes.ts';
import { withFolder } from './scratch-folder.ts';

const COST = { memoryKiB: 8192, passes: 1, lanes: 1 };
const crypto = nodeBackend();
const passphrase = (): SecretBytes => new SecretBytes(utf8('correct horse'));

suite('keys of a validator', () => {
  test('four files, each for its owner only, with the public parts that were reported', () =>
    withFolder(async (folder) => {
      const keysDir = join(folder, 'keys');
      const made = await generateValidatorKeys(crypto, keysDir, passphrase(), COST);
      const names = ['consensus.json', 'identity.json', 'link.json', 'peer.key'];
      assert.deepEqual(readdirSync(keysDir).sort(), names);
      for (const name of names) assert.equal(statSync(join(keysDir, name)).mode & 0o777, 0o600, name);
      assert.deepEqual(await readPublicKeys(crypto, keysDir), made);
      const opened = await openKeystore(new Uint8Array(readFileSync(join(keysDir, 'consensus.json'))), passphrase());
      assert.deepEqual(crypto.signerFromSeed(opened.seed).publicKey, made.consensusKey);
      assert.equal(opened.id, made.validatorId);
    }));

  test('a folder that holds anything is left as it is', () =>
    withFolder(async (folder) => {
      const keysDir = join(folder, 'keys');
      mkdirSync(keysDir);
      writeFileSync(join(keysDir, 'note'), '');
      await assert.rejects(generateValidatorKeys(crypto, keysDir, passphrase(), COST), {
        code: 'FILE_EXISTS',
        fields: { path: keysDir },
      });
      assert.deepEqual(readdirSync(folder), ['keys']);
      assert.deepEqual(readdirSync(keysDir), ['note']);
    }));

  test('a keystore for something else is refused by name', () =>
    withFolder(async (folder) => {
      const keysDir = join(folder, 'keys');
      await generateValidatorKeys(crypto, keysDir, passphrase(), COST);
      const link = join(keysDir, 'link.json');
      writeFileSync(link, readFileSync(join(keysDir, 'consensus.json')));
      await assert.rejects(readPublicKeys(crypto, keysDir), {
        code: 'FILE_INVALID',
        fields: { path: link, field: 'purpose' },
      });
    }));
});

suite('key of an account', () => {
  test('its public part is readable, its signer needs the passphrase', () =>
    withFolder(async (folder) => {
      const path = join(folder, 'alice.json');
      const made = await generateAccountKey(crypto, path, passphrase(), COST);
      assert.deepEqual(await readAccountKey(path), made);
      const { address, signer } = await openAccountKey(crypto, path, passphrase());
      assert.deepEqual([address, signer.publicKey], [made.address, made.publicKey]);
      await assert.rejects(openAccountKey(crypto, path, new SecretBytes(utf8('wrong'))), {
        code: 'KEYSTORE_PASSPHRASE',
      });
      await assert.rejects(generateAccountKey(crypto, path, passphrase(), COST), { code: 'FILE_EXISTS' });
      assert.ok(existsSync(path));
    }));

  test('a key of a validator signs no transaction', () =>
    withFolder(async (folder) => {
      const keysDir = join(folder, 'keys');
      await generateValidatorKeys(crypto, keysDir, passphrase(), COST);
      const path = join(keysDir, 'consensus.json');
      await assert.rejects(openAccountKey(crypto, path, passphrase()), {
        code: 'FILE_INVALID',
        fields: { path, field: 'purpose' },
      });
    }));
});
