import assert from 'node:assert/strict';
import { test } from 'node:test';
import { format, inspect } from 'node:util';
import { SecretBytes } from '../../../src/crypto/secret-bytes.ts';

const secret = () => new SecretBytes(Uint8Array.of(222, 173, 190, 239));

test('a secret shows its length and nothing else', () => {
  const nested = { key: secret() };
  const texts = [
    String(secret()),
    `${secret()}`,
    JSON.stringify(nested),
    inspect(nested),
    format('%o %s', nested, nested),
  ];
  for (const text of texts) {
    assert.match(text, /\[secret\]/);
    assert.doesNotMatch(text, /222|173|dead|de, ?ad/i);
  }
  assert.deepEqual(Object.keys(secret()), ['length']);
  assert.equal(secret().length, 4);
});

test('a structured clone carries no bytes', () => {
  assert.deepEqual(structuredClone(secret()), { length: 4 });
});

test('wiping erases the bytes and ends their use', () => {
  const wiped = secret();
  const bytes = wiped.reveal();
  wiped.wipe();
  assert.deepEqual(bytes, new Uint8Array(4));
  assert.throws(() => wiped.reveal(), { code: 'CRYPTO_SECRET_WIPED' });
});

test('random secrets have the asked length and differ', () => {
  const [a, b] = [SecretBytes.random(32), SecretBytes.random(32)];
  assert.equal(a.length, 32);
  assert.notDeepEqual(a.reveal(), b.reveal());
});
