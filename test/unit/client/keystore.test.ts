import assert from 'node:assert/strict';
import { before, suite, test } from 'node:test';
import { createKey } from '../../../src/client/index.ts';
import { openAccountKey } from '../../../src/client/node.ts';
import { encodeKeystore, type KeyPurpose } from '../../../src/crypto/keystore.ts';
import { nodeBackend } from '../../../src/crypto/node.ts';
import { SecretBytes } from '../../../src/crypto/secret-bytes.ts';
import { utf8 } from '../../../src/util/bytes.ts';
import { CodedError } from '../../../src/util/errors.ts';

const SEED = new Uint8Array(32).fill(7);
const PASSPHRASE = 'correct horse';
const COST = { memoryKiB: 8 * 1024, passes: 1, lanes: 1 };
const KEY = createKey(SEED.slice(), nodeBackend());

function keystore(purpose: KeyPurpose): Promise<Uint8Array> {
  const content = { purpose, publicKey: KEY.signer.publicKey, id: KEY.address, seed: new SecretBytes(SEED.slice()) };
  return encodeKeystore(content, new SecretBytes(utf8(PASSPHRASE)), COST);
}

function failsWith(code: string, fields: Record<string, unknown>) {
  return (error: unknown) => {
    assert.ok(error instanceof CodedError, String(error));
    assert.deepEqual([error.code, error.fields], [code, fields]);
    return true;
  };
}

suite('an account keystore', () => {
  let file: Uint8Array;
  before(async () => {
    file = await keystore('account');
  });

  test('opens to the key that it was made of', async () => {
    const { address, signer, seed } = await openAccountKey(file, PASSPHRASE);
    assert.equal(address, KEY.address);
    assert.deepEqual(signer.publicKey, KEY.signer.publicKey);
    assert.deepEqual(seed.reveal(), SEED);
  });

  test('opens with no other passphrase', async () => {
    await assert.rejects(openAccountKey(file, `${PASSPHRASE} `), failsWith('KEYSTORE_PASSPHRASE', { id: KEY.address }));
  });

  test('must be for an account', async () => {
    const link = await keystore('link');
    await assert.rejects(openAccountKey(link, PASSPHRASE), failsWith('KEYSTORE_FORMAT', { field: 'purpose' }));
  });

  test('must be one', async () => {
    await assert.rejects(openAccountKey(utf8('{}'), PASSPHRASE), (error: unknown) => {
      assert.ok(error instanceof CodedError && error.code === 'KEYSTORE_FORMAT', String(error));
      return true;
    });
  });
});
