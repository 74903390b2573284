import assert from 'node:assert/strict';
import { test } from 'node:test';
import { loadAddon, loadAddonFrom } from '../../../src/addon/load-addon.ts';

const bytes = new Uint8Array(32);

test('a missing addon names the file and the command that builds it', () => {
  const file = '/nonexistent/av10.node';
  assert.throws(() => loadAddonFrom(file), { code: 'ADDON_MISSING', fields: { file, command: 'npm run build' } });
});

test('an error of the native core keeps its code, thrown or rejected', async () => {
  const addon = loadAddon();
  assert.throws(() => addon.hashInto(9999, bytes, bytes), { name: 'CodedError', code: 'CRYPTO_UNKNOWN_DOMAIN' });
  const key = addon.mlDsaKeyFromSeed(bytes);
  await assert.rejects(addon.mlDsaSign(key, new Uint8Array(256), bytes), { code: 'CRYPTO_CONTEXT_TOO_LONG' });
  assert.throws(() => addon.mlDsaVerifyBatch([bytes], [], [bytes], [bytes]), { code: 'CRYPTO_BATCH_SHAPE' });
  const many = Array<Uint8Array>(1025).fill(bytes);
  assert.throws(() => addon.mlDsaVerifyBatch(many, many, many, many), { code: 'CRYPTO_BATCH_TOO_LARGE' });
});

test('an output of the wrong size is refused, and nothing is written', () => {
  const output = new Uint8Array(31);
  assert.throws(() => loadAddon().hashInto(0, bytes, output), { code: 'CRYPTO_LENGTH' });
  assert.deepEqual(output, new Uint8Array(31));
});

test('a call with wrong types is a fault of ours', () => {
  const addon = loadAddon();
  const anything: unknown = 'text';
  assert.throws(() => addon.hashInto(0, anything as Uint8Array, bytes), { code: 'NATIVE_FAULT' });
  const hasher: unknown = addon.hasherCreate(0);
  type Key = ReturnType<typeof addon.mlDsaKeyFromSeed>;
  assert.throws(() => addon.mlDsaSignSync(hasher as Key, bytes, bytes), { code: 'NATIVE_FAULT' });
});

test('the synchronous calls agree with the promises', async () => {
  const addon = loadAddon();
  const key = addon.mlDsaKeyFromSeed(bytes);
  const publicKey = addon.mlDsaPublicKey(key);
  for (const signature of [addon.mlDsaSignSync(key, bytes, bytes), await addon.mlDsaSign(key, bytes, bytes)]) {
    assert.ok(addon.mlDsaVerifySync(publicKey, bytes, bytes, signature));
    assert.ok(!addon.mlDsaVerifySync(publicKey, bytes, publicKey, signature));
  }
});

test('a batch reads its arguments before the call returns', async () => {
  const addon = loadAddon();
  const key = addon.mlDsaKeyFromSeed(bytes);
  const signature = addon.mlDsaSignSync(key, bytes, bytes);
  const pending = addon.mlDsaVerifyBatch([addon.mlDsaPublicKey(key)], [bytes], [bytes], [signature]);
  signature.fill(0);
  assert.deepEqual(await pending, Uint8Array.of(1));
});
