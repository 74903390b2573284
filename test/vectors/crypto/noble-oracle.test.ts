/**
 * noble is the opinion the other backends are held against, so it runs whole the sets that need more than the house's
 * interface: chosen randomness, expanded keys, FIPS 204's internal interface and external mu.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ml_dsa87 } from '@noble/post-quantum/ml-dsa.js';
import { ml_kem1024 } from '@noble/post-quantum/ml-kem.js';
import { assertCovered, COVERAGE } from './coverage.ts';
import { bytes, isValid, label, optionalBytes, readVectors, type Vector } from './vector-files.ts';

const declared: string[] = [];

test('every set that the common interface runs only in part is run here', () => {
  const needed = Object.keys(COVERAGE).filter((set) => COVERAGE[set]?.noble !== COVERAGE[set]?.native);
  assert.deepEqual(declared.sort(), needed.sort());
});

function oracle(set: string, check: (vector: Vector) => void): void {
  declared.push(set);
  test(`noble library: ${set}`, () => {
    const vectors = readVectors(set);
    for (const vector of vectors) check(vector);
    assertCovered(set, 'noble', vectors.length);
  });
}

oracle('wycheproof/mldsa_87_sign_seed_test', (vector) => {
  checkSignature(vector, () => ml_dsa87.keygen(bytes(vector.group.privateSeed)).secretKey);
});

oracle('wycheproof/mldsa_87_sign_noseed_test', (vector) => {
  checkSignature(vector, () => bytes(vector.group.privateKey));
});

/** The signature is exactly the expected one, made with the given randomness or with none. */
function checkSignature(vector: Vector, secretKey: () => Uint8Array): void {
  const { test } = vector;
  const extraEntropy = test.rnd === undefined ? (false as const) : bytes(test.rnd);
  const sign = () =>
    test.msg === undefined
      ? ml_dsa87.internal.sign(bytes(test.mu), secretKey(), { externalMu: true, extraEntropy })
      : ml_dsa87.sign(bytes(test.msg), secretKey(), { context: optionalBytes(test.ctx), extraEntropy });
  if (isValid(vector)) assert.deepEqual(sign(), bytes(test.sig), label(vector));
  else assert.throws(sign, label(vector));
}

oracle('wycheproof/mlkem_1024_encaps_test', (vector) => {
  const { ek, m, c, K } = vector.test;
  if (!isValid(vector)) {
    assert.throws(() => ml_kem1024.encapsulate(bytes(ek), bytes(m)), label(vector));
    return;
  }
  const { cipherText, sharedSecret } = ml_kem1024.encapsulate(bytes(ek), bytes(m));
  assert.deepEqual([cipherText, sharedSecret], [bytes(c), bytes(K)], label(vector));
});

oracle('wycheproof/mlkem_1024_semi_expanded_decaps_test', (vector) => {
  const { dk, c, K } = vector.test;
  const decapsulate = () => ml_kem1024.decapsulate(bytes(c), bytes(dk));
  if (!isValid(vector)) assert.throws(decapsulate, label(vector));
  else if (K === undefined) assert.doesNotThrow(decapsulate, label(vector));
  else assert.deepEqual(decapsulate(), bytes(K), label(vector));
});

oracle('acvp/ML-DSA-sigGen-FIPS204', (vector) => {
  const { sk, message, rnd } = vector.test;
  const extraEntropy = vector.group.deterministic === true ? (false as const) : bytes(rnd);
  const signature = ml_dsa87.internal.sign(bytes(message), bytes(sk), { extraEntropy });
  assert.deepEqual(signature, bytes(vector.expected.signature), label(vector));
});

oracle('acvp/ML-DSA-sigVer-FIPS204', (vector) => {
  const { message, signature } = vector.test;
  const accepted = ml_dsa87.internal.verify(bytes(signature), bytes(message), bytes(vector.group.pk));
  assert.equal(accepted, vector.expected.testPassed, label(vector));
});

oracle('acvp/ML-KEM-encapDecap-FIPS203', (vector) => {
  const { test, group, expected } = vector;
  if (group.function === 'encapsulation') {
    const { cipherText, sharedSecret } = ml_kem1024.encapsulate(bytes(test.ek), bytes(test.m));
    assert.deepEqual([cipherText, sharedSecret], [bytes(expected.c), bytes(expected.k)], label(vector));
  } else {
    assert.deepEqual(ml_kem1024.decapsulate(bytes(test.c), bytes(group.dk)), bytes(expected.k), label(vector));
  }
});
