/** One contract over every backend, and each against the others. */
import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import fc from 'fast-check';
import type { CryptoBackend } from '../../../src/crypto/backend.ts';
import { HASH_DOMAINS } from '../../../src/crypto/domains.ts';
import { nativeBackend } from '../../../src/crypto/native.ts';
import { nobleBackend } from '../../../src/crypto/noble.ts';
import { nodeBackend } from '../../../src/crypto/node.ts';
import { SecretBytes } from '../../../src/crypto/secret-bytes.ts';
import { MAX_VERIFY_BATCH, type SignedMessage } from '../../../src/crypto/signer.ts';
import { concatBytes, utf8 } from '../../../src/util/bytes.ts';
import { Prng } from '../../../src/util/prng.ts';

const NATIVE = nativeBackend();
const NODE = nodeBackend();
const NOBLE = nobleBackend();
const BACKENDS: readonly CryptoBackend[] = [NATIVE, NODE, NOBLE];

/** How many of the 37,016 bits are tried a run; which ones is drawn anew each time. */
const BIT_FLIPS = { native: 500, node: 100, noble: 20 } as const;

const context = utf8('test');
const message = utf8('a message');
const seed = () => new SecretBytes(new Uint8Array(32).fill(5));
const kemSeed = () => new SecretBytes(new Uint8Array(64).fill(5));
const replaced = (bytes: Uint8Array, at: number, value: number) => {
  const copy = bytes.slice();
  copy[at] = value;
  return copy;
};

async function signed(backend: CryptoBackend): Promise<SignedMessage> {
  const signer = backend.signerFromSeed(seed());
  return { publicKey: signer.publicKey, context, message, signature: await signer.sign(context, message) };
}

function verify(backend: CryptoBackend, { publicKey, context, message, signature }: SignedMessage): Promise<boolean> {
  return backend.verifier.verify(publicKey, context, message, signature);
}

for (const backend of BACKENDS) {
  suite(`signatures on ${backend.name}`, () => {
    test('what it signs, every backend accepts', async () => {
      const item = await signed(backend);
      for (const other of BACKENDS) assert.ok(await verify(other, item), other.name);
    });

    test('one changed part makes it invalid', async () => {
      const item = await signed(backend);
      const stranger = backend.generateKeyPair().publicKey;
      const broken: readonly SignedMessage[] = [
        { ...item, publicKey: stranger },
        { ...item, context: utf8('tesT') },
        { ...item, context: new Uint8Array() },
        { ...item, message: utf8('another message') },
        { ...item, context: utf8('tes'), message: concatBytes(utf8('t'), message) },
        { ...item, signature: replaced(item.signature, 0, (item.signature[0] as number) ^ 1) },
      ];
      for (const [i, changed] of broken.entries()) assert.equal(await verify(backend, changed), false, `change ${i}`);
    });

    test('malformed input is not valid, and does not throw', async () => {
      const item = await signed(backend);
      const malformed: readonly SignedMessage[] = [
        { ...item, publicKey: item.publicKey.subarray(1) },
        { ...item, publicKey: new Uint8Array() },
        { ...item, signature: item.signature.subarray(1) },
        { ...item, signature: concatBytes(item.signature, Uint8Array.of(0)) },
        { ...item, signature: new Uint8Array() },
        { ...item, context: new Uint8Array(256) },
        { ...item, publicKey: new Uint8Array(2592).fill(255), signature: new Uint8Array(4627).fill(255) },
      ];
      for (const [i, changed] of malformed.entries()) assert.equal(await verify(backend, changed), false, `case ${i}`);
      assert.deepEqual(await backend.verifier.verifyMany(malformed), new Uint8Array(malformed.length));
    });

    test('a batch answers for each item and is bounded', async () => {
      const good = await signed(backend);
      const bad = { ...good, message: utf8('x') };
      assert.deepEqual(await backend.verifier.verifyMany([good, bad, good, bad, bad]), Uint8Array.of(1, 0, 1, 0, 0));
      assert.deepEqual(await backend.verifier.verifyMany([]), new Uint8Array());
      const many = Array<SignedMessage>(MAX_VERIFY_BATCH + 1).fill(bad);
      const error = { code: 'CRYPTO_BATCH_TOO_LARGE', fields: { limit: 1024, got: 1025 } };
      await assert.rejects(backend.verifier.verifyMany(many), error);
    });

    test('signing is hedged', async () => {
      const signer = backend.signerFromSeed(seed());
      assert.notDeepEqual(await signer.sign(context, message), await signer.sign(context, message));
    });

    test('the signer outlives the wiped seed', async () => {
      const wiped = seed();
      const signer = backend.signerFromSeed(wiped);
      wiped.wipe();
      const signature = await signer.sign(context, message);
      assert.ok(await backend.verifier.verify(signer.publicKey, context, message, signature));
    });

    test('keys: sizes, plain types, one seed one key, random by default', () => {
      const { publicKey } = backend.generateKeyPair(seed());
      assert.equal(Object.getPrototypeOf(publicKey), Uint8Array.prototype);
      assert.deepEqual(publicKey, NOBLE.generateKeyPair(seed()).publicKey);
      assert.deepEqual(backend.signerFromSeed(seed()).publicKey, publicKey);
      assert.notDeepEqual(backend.generateKeyPair().publicKey, backend.generateKeyPair().publicKey);
    });

    test('a wrong seed or context is refused with its lengths', async () => {
      const short = new SecretBytes(new Uint8Array(31));
      const error = { code: 'CRYPTO_LENGTH', fields: { what: 'ML-DSA-87 seed', expected: 32, got: 31 } };
      assert.throws(() => backend.signerFromSeed(short), error);
      assert.throws(() => backend.generateKeyPair(short), error);
      const signer = backend.signerFromSeed(seed());
      assert.equal((await signer.sign(new Uint8Array(255), message)).length, 4627);
      const tooLong = { code: 'CRYPTO_CONTEXT_TOO_LONG', fields: { limit: 255, got: 256 } };
      await assert.rejects(signer.sign(new Uint8Array(256), message), tooLong);
    });

    test('no flipped bit of a signature is accepted', async (t) => {
      const drawn = globalThis.crypto.getRandomValues(new Uint32Array(1))[0] as number;
      const prng = new Prng(drawn);
      t.diagnostic(`bits drawn with seed ${drawn}`);
      const item = await signed(backend);
      const flips = Array.from({ length: BIT_FLIPS[backend.name] }, () => prng.below(item.signature.length * 8));
      const items = flips.map((bit) => {
        const at = bit >>> 3;
        return { ...item, signature: replaced(item.signature, at, (item.signature[at] as number) ^ (1 << (bit & 7))) };
      });
      const accepted = await backend.verifier.verifyMany(items);
      assert.deepEqual(
        flips.filter((_, i) => accepted[i] !== 0),
        [],
        `accepted bits, seed ${drawn}`,
      );
    });
  });

  suite(`key encapsulation on ${backend.name}`, () => {
    test('every backend opens what it sends, and it opens what they send', () => {
      const { publicKey } = backend.kem.generateKeyPair(kemSeed());
      assert.deepEqual(publicKey, NOBLE.kem.generateKeyPair(kemSeed()).publicKey);
      for (const other of BACKENDS) {
        const { ciphertext, sharedSecret } = other.kem.encapsulate(publicKey);
        const opened = backend.kem.decapsulate(kemSeed(), ciphertext);
        assert.deepEqual(opened.reveal(), sharedSecret.reveal(), other.name);
        assert.equal(opened.length, 32);
      }
    });

    test('a changed ciphertext opens to another secret, the same on every backend', () => {
      const { publicKey } = backend.kem.generateKeyPair(kemSeed());
      const { ciphertext, sharedSecret } = backend.kem.encapsulate(publicKey);
      const changed = replaced(ciphertext, 0, (ciphertext[0] as number) ^ 1);
      const opened = BACKENDS.map((other) => other.kem.decapsulate(kemSeed(), changed).reveal());
      for (const secret of opened) {
        assert.notDeepEqual(secret, sharedSecret.reveal());
        assert.deepEqual(secret, opened[0]);
      }
    });

    test('wrong lengths and unreduced keys are refused', () => {
      const refused = (what: string, expected: number) => ({
        code: 'CRYPTO_LENGTH',
        fields: { what, expected, got: expected - 1 },
      });
      const shortSeed = new SecretBytes(new Uint8Array(63));
      assert.throws(() => backend.kem.generateKeyPair(shortSeed), refused('ML-KEM-1024 seed', 64));
      assert.throws(() => backend.kem.encapsulate(new Uint8Array(1567)), refused('ML-KEM-1024 public key', 1568));
      const short = new Uint8Array(1567);
      assert.throws(() => backend.kem.decapsulate(kemSeed(), short), refused('ML-KEM-1024 ciphertext', 1568));
      assert.throws(() => backend.kem.decapsulate(shortSeed, new Uint8Array(1568)), refused('ML-KEM-1024 seed', 64));
      const unreduced = new Uint8Array(1568).fill(255);
      assert.throws(() => backend.kem.encapsulate(unreduced), { code: 'CRYPTO_MALFORMED_KEY' });
    });
  });
}

suite('hashing', () => {
  test('both hashers agree on any parts, however they are cut', () => {
    const parts = fc.array(fc.uint8Array({ maxLength: 3000 }), { maxLength: 5 });
    fc.assert(
      fc.property(fc.constantFrom(...HASH_DOMAINS), parts, (domain, pieces) => {
        const whole = NOBLE.hasher.hash(domain, concatBytes(...pieces));
        for (const { hasher } of BACKENDS) {
          const stream = hasher.stream(domain);
          for (const piece of pieces) stream.update(piece);
          assert.deepEqual(hasher.hash(domain, ...pieces), whole);
          assert.deepEqual(stream.digest(), whole);
        }
      }),
      { numRuns: 60 },
    );
  });

  test('parts beyond what is joined in memory are hashed all the same', () => {
    const parts = [new Uint8Array(40_000).fill(1), new Uint8Array(40_000).fill(2), new Uint8Array(3)];
    for (const { hasher } of BACKENDS) {
      assert.deepEqual(hasher.hash('log', ...parts), NATIVE.hasher.hash('log', concatBytes(...parts)));
      assert.deepEqual(hasher.plain(concatBytes(...parts)), NATIVE.hasher.plain(concatBytes(...parts)));
      const stream = hasher.stream();
      for (const part of parts) stream.update(part);
      assert.deepEqual(stream.digest(), hasher.plain(concatBytes(...parts)));
    }
  });

  test('a stream goes on after a digest, and results are not shared', () => {
    for (const { hasher } of BACKENDS) {
      const stream = hasher.stream('link').update(utf8('a'));
      const first = stream.digest();
      assert.deepEqual(first, hasher.hash('link', utf8('a')));
      assert.deepEqual(stream.update(utf8('b')).digest(), hasher.hash('link', utf8('ab')));
      assert.deepEqual(first, hasher.hash('link', utf8('a')));
    }
  });
});
