import assert from 'node:assert/strict';
import { test } from 'node:test';
import { HASH_DOMAINS, hashContext, SIGNATURE_PURPOSES, signatureContext } from '../../../src/crypto/domains.ts';
import { toHex } from '../../../src/util/bytes.ts';

test('no two domains share a context, and none is the beginning of another', () => {
  const contexts = HASH_DOMAINS.map(hashContext);
  for (const [i, a] of contexts.entries()) {
    for (const [j, b] of contexts.entries()) assert.ok(i === j || !b.startsWith(a), `${a} and ${b}`);
  }
});

test('a signature context differs by purpose and by network', () => {
  const networks = [new Uint8Array(32), new Uint8Array(32).fill(1)];
  const contexts = SIGNATURE_PURPOSES.flatMap((purpose) => networks.map((id) => toHex(signatureContext(purpose, id))));
  assert.equal(new Set(contexts).size, SIGNATURE_PURPOSES.length * networks.length);
});

test('a network id has 32 bytes', () => {
  assert.throws(() => signatureContext('tx', new Uint8Array(31)), { name: 'AssertionFailure' });
});
