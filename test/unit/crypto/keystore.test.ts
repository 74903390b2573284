import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import fc from 'fast-check';
import {
  encodeKeystore,
  type KeystoreContent,
  MAX_KEYSTORE_BYTES,
  openKeystore,
  readKeystoreLabel,
} from '../../../src/crypto/keystore.ts';
import { nodeBackend } from '../../../src/crypto/node.ts';
import { SecretBytes } from '../../../src/crypto/secret-bytes.ts';
import { utf8 } from '../../../src/util/bytes.ts';
import { isCoded } from '../../../src/util/errors.ts';

/** The cheapest cost that a reader accepts. */
const COST = { memoryKiB: 8192, passes: 1, lanes: 1 };

const seed = () => new SecretBytes(new Uint8Array(32).fill(9));
const passphrase = () => new SecretBytes(utf8('correct horse'));
const content: KeystoreContent = {
  purpose: 'consensus',
  publicKey: nodeBackend().generateKeyPair(seed()).publicKey,
  id: 'ab'.repeat(32),
  seed: seed(),
};
const valid = await encodeKeystore(content, passphrase(), COST);

interface FileJson {
  [field: string]: unknown;
  publicKey: string;
  kdf: Record<string, unknown>;
  cipher: Record<string, unknown> & { tag: string };
}

function changed(change: (file: FileJson) => void): Uint8Array {
  const file = JSON.parse(new TextDecoder().decode(valid)) as FileJson;
  change(file);
  return utf8(JSON.stringify(file));
}

const isRefused = (field: string) => ({ code: 'KEYSTORE_FORMAT', fields: { field } });
const wrongPassphrase = { code: 'KEYSTORE_PASSPHRASE', fields: { id: content.id } };

suite('keystore', () => {
  test('what was encoded opens with the passphrase', async () => {
    const opened = await openKeystore(valid, passphrase());
    assert.deepEqual(opened.seed.reveal(), content.seed.reveal());
    assert.deepEqual({ ...opened, seed: null }, { ...content, seed: null });
  });

  test('the readable part needs no passphrase, and the secret part is not readable', () => {
    const { seed: _, ...label } = content;
    assert.deepEqual(readKeystoreLabel(valid), label);
    assert.doesNotMatch(new TextDecoder().decode(valid), /0909/);
  });

  test('two encodings share neither salt nor nonce', async () => {
    const [a, b] = [valid, await encodeKeystore(content, passphrase(), COST)].map((bytes) => {
      const { kdf, cipher } = JSON.parse(new TextDecoder().decode(bytes)) as FileJson;
      return [kdf.salt, cipher.nonce, cipher.ciphertext];
    });
    for (const i of [0, 1, 2]) assert.notEqual(a?.[i], b?.[i]);
  });

  test('a wrong passphrase is refused', async () => {
    await assert.rejects(openKeystore(valid, new SecretBytes(utf8('correct horsf'))), wrongPassphrase);
    await assert.rejects(openKeystore(valid, new SecretBytes(utf8(''))), wrongPassphrase);
  });

  test('the readable part and the cost are authenticated', async () => {
    const flip = (hex: string) => (hex.startsWith('0') ? '1' : '0') + hex.slice(1);
    const changes: readonly ((file: FileJson) => void)[] = [
      (file) => Object.assign(file, { purpose: 'link' }),
      (file) => Object.assign(file, { publicKey: flip(file.publicKey) }),
      (file) => Object.assign(file.kdf, { passes: 2 }),
      (file) => Object.assign(file.cipher, { tag: flip(file.cipher.tag) }),
      (file) => Object.assign(file.cipher, { ciphertext: '00'.repeat(32) }),
    ];
    for (const change of changes) await assert.rejects(openKeystore(changed(change), passphrase()), wrongPassphrase);
  });

  const refusals: readonly [name: string, field: string, change: (file: FileJson) => void][] = [
    ['another version', 'version', (file) => Object.assign(file, { version: 2 })],
    ['an unknown field', 'comment', (file) => Object.assign(file, { comment: 'x' })],
    ['an unknown field inside', 'kdf.pepper', (file) => Object.assign(file.kdf, { pepper: 'x' })],
    ['a missing field', 'id', (file) => delete file.id],
    ['a missing part', 'cipher.', (file) => Object.assign(file, { cipher: null })],
    ['an unknown purpose', 'purpose', (file) => Object.assign(file, { purpose: 'root' })],
    ['a short key', 'publicKey', (file) => Object.assign(file, { publicKey: file.publicKey.slice(2) })],
    ['upper-case digits', 'id', (file) => Object.assign(file, { id: 'AB'.repeat(32) })],
    ['another function', 'kdf.name', (file) => Object.assign(file.kdf, { name: 'scrypt' })],
    ['a cost that exhausts memory', 'kdf.memoryKiB', (file) => Object.assign(file.kdf, { memoryKiB: 2 ** 21 })],
    ['a cost that guards nothing', 'kdf.memoryKiB', (file) => Object.assign(file.kdf, { memoryKiB: 64 })],
    ['a fractional cost', 'kdf.passes', (file) => Object.assign(file.kdf, { passes: 1.5 })],
    ['too many passes', 'kdf.passes', (file) => Object.assign(file.kdf, { passes: 17 })],
    ['too many lanes', 'kdf.lanes', (file) => Object.assign(file.kdf, { lanes: 17 })],
    ['another cipher', 'cipher.name', (file) => Object.assign(file.cipher, { name: 'aes-128-gcm' })],
    ['a short tag', 'cipher.tag', (file) => Object.assign(file.cipher, { tag: '00' })],
  ];
  for (const [name, field, change] of refusals) {
    test(`refused before any work: ${name}`, async () => {
      assert.throws(() => readKeystoreLabel(changed(change)), isRefused(field));
      await assert.rejects(openKeystore(changed(change), passphrase()), isRefused(field));
    });
  }

  test('an oversized file is not parsed', () => {
    assert.throws(() => readKeystoreLabel(new Uint8Array(MAX_KEYSTORE_BYTES + 1).fill(0x20)), isRefused(''));
  });

  test('any other bytes are refused with a code', () => {
    const inputs = fc.oneof(fc.uint8Array({ maxLength: 200 }), fc.json().map(utf8));
    fc.assert(
      fc.property(inputs, (bytes) => {
        assert.throws(
          () => readKeystoreLabel(bytes),
          (error) => isCoded(error, 'KEYSTORE_FORMAT'),
        );
      }),
    );
  });

  test('a cost, a seed or a label that no reader would accept is not written', async () => {
    await assert.rejects(encodeKeystore(content, passphrase(), { ...COST, memoryKiB: 1 }), isRefused('kdf.memoryKiB'));
    await assert.rejects(encodeKeystore({ ...content, id: 'x' }, passphrase(), COST), isRefused('id'));
    const short = { ...content, seed: new SecretBytes(new Uint8Array(31)) };
    await assert.rejects(encodeKeystore(short, passphrase(), COST), { code: 'CRYPTO_LENGTH' });
  });
});
