/** The public vectors through the one interface that the house uses, over every backend. */
import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import type { CryptoBackend } from '../../../src/crypto/backend.ts';
import { nativeBackend } from '../../../src/crypto/native.ts';
import { nobleBackend } from '../../../src/crypto/noble.ts';
import { nodeBackend } from '../../../src/crypto/node.ts';
import { SecretBytes } from '../../../src/crypto/secret-bytes.ts';
import { concatBytes } from '../../../src/util/bytes.ts';
import { assertCovered, COVERAGE } from './coverage.ts';
import { bytes, isValid, label, optionalBytes, readVectors, secret, type Vector } from './vector-files.ts';

type Run = (backend: CryptoBackend, vectors: readonly Vector[]) => Promise<number>;

/** Each returns how many cases it ran. */
const RUNS: Readonly<Record<string, Run>> = {
  'wycheproof/mldsa_87_verify_test': runVerify,
  'wycheproof/mldsa_87_sign_seed_test': runSignWithSeed,
  'wycheproof/mldsa_87_sign_noseed_test': runSignWithoutSeed,
  'wycheproof/mlkem_1024_test': runDecapsulate,
  'wycheproof/mlkem_1024_encaps_test': runRefusedKeys,
  'wycheproof/mlkem_1024_keygen_seed_test': runKemKeygen,
  'acvp/ML-DSA-keyGen-FIPS204': runAcvpKeygen,
  'acvp/ML-KEM-keyGen-FIPS203': runAcvpKemKeygen,
};

test('every set that the interface can run is run', () => {
  const runnable = Object.keys(COVERAGE).filter((set) => COVERAGE[set]?.native !== 0);
  assert.deepEqual(Object.keys(RUNS).sort(), runnable.sort());
});

for (const backend of [nativeBackend(), nodeBackend(), nobleBackend()]) {
  suite(`vectors on ${backend.name}`, () => {
    for (const [set, run] of Object.entries(RUNS)) {
      if (isLeftToOracle(backend, set)) continue;
      test(set, async () => assertCovered(set, backend.name, await run(backend, readVectors(set))));
    }
  });
}

/** Sets of which noble runs more than this interface can: `noble-oracle.test.ts` runs them whole. */
function isLeftToOracle(backend: CryptoBackend, set: string): boolean {
  return backend.name === 'noble' && COVERAGE[set]?.native !== COVERAGE[set]?.noble;
}

async function runVerify({ verifier }: CryptoBackend, vectors: readonly Vector[]): Promise<number> {
  for (const vector of vectors) {
    const { group, test } = vector;
    const accepted = await verifier.verify(
      bytes(group.publicKey),
      optionalBytes(test.ctx),
      bytes(test.msg),
      bytes(test.sig),
    );
    assert.equal(accepted, isValid(vector), label(vector));
  }
  return vectors.length;
}

/** Signing is hedged, so the expected signature is verified, and one of our own for the same input. */
async function runSignWithSeed(backend: CryptoBackend, vectors: readonly Vector[]): Promise<number> {
  const runnable = vectors.filter(hasMessage);
  for (const vector of runnable) {
    const { group, test } = vector;
    const [context, message] = [optionalBytes(test.ctx), bytes(test.msg)];
    const sign = async () => backend.signerFromSeed(secret(group.privateSeed)).sign(context, message);
    if (!isValid(vector)) {
      await assert.rejects(sign, { code: /^CRYPTO_(LENGTH|CONTEXT_TOO_LONG)$/ }, label(vector));
      continue;
    }
    const { publicKey } = backend.generateKeyPair(secret(group.privateSeed));
    assert.deepEqual(publicKey, bytes(group.publicKey), label(vector));
    for (const signature of [bytes(test.sig), await sign()]) {
      assert.ok(await backend.verifier.verify(publicKey, context, message, signature), label(vector));
    }
  }
  return runnable.length;
}

/** Expanded private keys are no form of the house: only the expected signatures are verified. */
async function runSignWithoutSeed({ verifier }: CryptoBackend, vectors: readonly Vector[]): Promise<number> {
  const runnable = vectors.filter((vector) => isValid(vector) && hasMessage(vector));
  for (const vector of runnable) {
    const { group, test } = vector;
    const [publicKey, context] = [bytes(group.publicKey), optionalBytes(test.ctx)];
    assert.ok(await verifier.verify(publicKey, context, bytes(test.msg), bytes(test.sig)), label(vector));
  }
  return runnable.length;
}

async function runDecapsulate({ kem }: CryptoBackend, vectors: readonly Vector[]): Promise<number> {
  for (const vector of vectors) {
    const { test } = vector;
    if (isValid(vector)) {
      const { publicKey, seed } = kem.generateKeyPair(secret(test.seed));
      assert.deepEqual(publicKey, bytes(test.ek), label(vector));
      assert.deepEqual(Uint8Array.from(kem.decapsulate(seed, bytes(test.c)).reveal()), bytes(test.K), label(vector));
    } else {
      assert.throws(() => kem.decapsulate(secret(test.seed), bytes(test.c)), { code: 'CRYPTO_LENGTH' }, label(vector));
    }
  }
  return vectors.length;
}

/** Encapsulation draws its own randomness here: what can be run is which public keys are refused. */
async function runRefusedKeys({ kem }: CryptoBackend, vectors: readonly Vector[]): Promise<number> {
  const refused = vectors.filter((vector) => !isValid(vector));
  for (const vector of refused) {
    const code = /^CRYPTO_(LENGTH|MALFORMED_KEY)$/;
    assert.throws(() => kem.encapsulate(bytes(vector.test.ek)), { code }, label(vector));
  }
  return refused.length;
}

async function runKemKeygen({ kem }: CryptoBackend, vectors: readonly Vector[]): Promise<number> {
  for (const vector of vectors) {
    const { publicKey } = kem.generateKeyPair(secret(vector.test.seed));
    assert.deepEqual(publicKey, bytes(vector.test.ek), label(vector));
  }
  return vectors.length;
}

async function runAcvpKeygen(backend: CryptoBackend, vectors: readonly Vector[]): Promise<number> {
  for (const vector of vectors) {
    const { publicKey } = backend.generateKeyPair(secret(vector.test.seed));
    assert.deepEqual(publicKey, bytes(vector.expected.pk), label(vector));
  }
  return vectors.length;
}

async function runAcvpKemKeygen({ kem }: CryptoBackend, vectors: readonly Vector[]): Promise<number> {
  for (const vector of vectors) {
    const seed = new SecretBytes(concatBytes(bytes(vector.test.d), bytes(vector.test.z)));
    assert.deepEqual(kem.generateKeyPair(seed).publicKey, bytes(vector.expected.ek), label(vector));
  }
  return vectors.length;
}

function hasMessage({ test }: Vector): boolean {
  return test.msg !== undefined;
}
