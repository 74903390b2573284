import assert from 'node:assert/strict';
import { readdirSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { suite, test } from 'node:test';
import { rotateLinkKey } from '../../../src/cli/link-rotation.ts';
import { generateValidatorKeys } from '../../../src/cli/validator-keys.ts';
import { nodeBackend } from '../../../src/crypto/node.ts';
import { SecretBytes } from '../../../src/crypto/secret-bytes.ts';
import { isCertifiedBy } from '../../../src/network/index.ts';
import { LINK_CERTIFICATE_FILE, openLinkKey } from '../../../src/node/key-files.ts';
import { Committee, type Member } from '../../../src/params/committee.ts';
import type { Genesis } from '../../../src/params/genesis.ts';
import { id, type NetworkId } from '../../../src/types/ids.ts';
import { utf8 } from '../../../src/util/bytes.ts';
import { withFolder } from './scratch-folder.ts';

const COST = { memoryKiB: 8192, passes: 1, lanes: 1 };
const DAY_MS = 24 * 60 * 60 * 1_000;
const NETWORK = id<NetworkId>(new Uint8Array(32).fill(1));
const crypto = nodeBackend();
const secret = (text = 'correct horse'): SecretBytes => new SecretBytes(utf8(text));

async function validator(folder: string): Promise<{ keysDir: string; member: Member; genesis: Genesis }> {
  const keysDir = join(folder, 'keys');
  const keys = await generateValidatorKeys(crypto, keysDir, secret(), COST);
  const member = { ...keys, name: 'A', power: 1, address: '127.0.0.1:1' };
  return { keysDir, member, genesis: { networkId: NETWORK, committee: new Committee([member]) } as Genesis };
}

function rotation(keysDir: string, identityFile = join(keysDir, 'identity.json')) {
  return { keysDir, identityFile, identityPassphrase: secret(), passphrase: secret('another'), days: 2, cost: COST };
}

suite('rotation of a link key', () => {
  test('the key of the genesis is in use until the first, then always the last', () =>
    withFolder(async (folder) => {
      const { keysDir, member, genesis } = await validator(folder);
      const first = await openLinkKey(keysDir, member, secret());
      assert.equal(first.certificate, undefined);
      assert.deepEqual(crypto.signerFromSeed(first.seed).publicKey, member.linkKey);
      for (const sequence of [1, 2]) {
        const made = await rotateLinkKey(crypto, genesis, rotation(keysDir));
        assert.equal(made.sequence, sequence);
        assert.ok(await isCertifiedBy(crypto.verifier, member.identityKey, NETWORK, made));
        assert.ok(Math.abs(made.notAfterMs - Date.now() - 2 * DAY_MS) < 60_000);
        const { seed, certificate } = await openLinkKey(keysDir, member, secret('another'));
        assert.deepEqual(certificate, made);
        assert.deepEqual(crypto.signerFromSeed(seed).publicKey, made.key);
      }
      assert.ok(readdirSync(keysDir).includes('link-2.json'));
      assert.equal(statSync(join(keysDir, 'link-2.json')).mode & 0o777, 0o600);
    }));

  test('an identity of another network, or with another passphrase, certifies nothing', () =>
    withFolder(async (folder) => {
      const { keysDir, genesis } = await validator(folder);
      const other = join(folder, 'other');
      await generateValidatorKeys(crypto, other, secret(), COST);
      const identityFile = join(other, 'identity.json');
      await assert.rejects(rotateLinkKey(crypto, genesis, rotation(keysDir, identityFile)), {
        code: 'FILE_INVALID',
        fields: { path: identityFile, field: 'publicKey' },
      });
      const wrong = { ...rotation(keysDir), identityPassphrase: secret('wrong') };
      await assert.rejects(rotateLinkKey(crypto, genesis, wrong), { code: 'KEYSTORE_PASSPHRASE' });
      assert.ok(!readdirSync(keysDir).includes(LINK_CERTIFICATE_FILE));
    }));

  test('a certificate that is none, or that names another key, is refused with its path', () =>
    withFolder(async (folder) => {
      const { keysDir, member, genesis } = await validator(folder);
      const path = join(keysDir, LINK_CERTIFICATE_FILE);
      writeFileSync(path, 'text');
      await assert.rejects(openLinkKey(keysDir, member, secret()), { code: 'KEY_MISMATCH', fields: { path } });
      writeFileSync(path, new Uint8Array(0));
      await assert.rejects(rotateLinkKey(crypto, genesis, rotation(keysDir)), {
        code: 'KEY_MISMATCH',
        fields: { path },
      });
    }));

  test('a link keystore that the genesis does not name is refused', () =>
    withFolder(async (folder) => {
      const { keysDir, member } = await validator(folder);
      const other = { ...member, linkKey: member.consensusKey };
      await assert.rejects(openLinkKey(keysDir, other, secret()), {
        code: 'KEY_MISMATCH',
        fields: { path: join(keysDir, 'link.json'), validator: 'A' },
      });
    }));
});
