import type { CryptoBackend } from '../../../src/crypto/backend.ts';
import { SecretBytes } from '../../../src/crypto/secret-bytes.ts';
import { PUBLIC_KEY_BYTES, SEED_BYTES, SIGNATURE_BYTES, type SignedMessage } from '../../../src/crypto/signer.ts';
import { assert } from '../../../src/util/assert.ts';
import { equalBytes } from '../../../src/util/bytes.ts';
import type { Prng } from '../../../src/util/prng.ts';

/** A signature and whether it must be accepted. */
export interface Sample {
  readonly what: string;
  readonly item: SignedMessage;
  readonly isValid: boolean;
}

// Fields of a signature: FIPS 204 algorithm 26 (sigEncode) for ML-DSA-87.
const Z_AT = 64;
const HINTS_AT = Z_AT + 7 * 640;
const MAX_HINTS = 75;
const ENDS_AT = HINTS_AT + MAX_HINTS;
/** Bytes of two coefficients of z. */
const PAIR_BYTES = 5;
const MAX_MESSAGE_BYTES = 1_000;

type Break = (item: SignedMessage, prng: Prng) => SignedMessage;

/** Each breaks one thing that verification looks at. */
const BREAKS: Readonly<Record<string, Break>> = {
  'commitment hash': (item, prng) => changed(item, (signature) => flip(signature.subarray(0, Z_AT), prng)),
  z: (item, prng) => changed(item, (signature) => flip(signature.subarray(Z_AT, HINTS_AT), prng)),
  'z at the ends of its encoding': (item, prng) =>
    changed(item, (signature) => {
      const at = Z_AT + PAIR_BYTES * prng.below((HINTS_AT - Z_AT) / PAIR_BYTES);
      signature.fill(prng.pick([0, 255]), at, at + PAIR_BYTES);
    }),
  'hint moved': (item, prng) =>
    changed(item, (signature) => flip(signature.subarray(HINTS_AT, HINTS_AT + hintCount(signature)), prng)),
  'hints swapped': (item) => changed(item, (signature) => signature.subarray(HINTS_AT, HINTS_AT + 2).reverse()),
  'hint repeated': (item) => changed(item, (signature) => signature.copyWithin(HINTS_AT + 1, HINTS_AT, HINTS_AT + 1)),
  'hint left out': (item) =>
    changed(item, (signature) => {
      signature[HINTS_AT + hintCount(signature) - 1] = 0;
      signature[SIGNATURE_BYTES - 1] = hintCount(signature) - 1;
    }),
  'ends of hints': (item, prng) => changed(item, (signature) => flip(signature.subarray(ENDS_AT), prng)),
  'too many hints': (item, prng) =>
    changed(item, (signature) => signature.fill(MAX_HINTS + 1 + prng.below(180), SIGNATURE_BYTES - 1)),
  'behind the hints': (item, prng) =>
    changed(item, (signature) => {
      const count = hintCount(signature);
      if (count === MAX_HINTS) signature[SIGNATURE_BYTES - 1] = MAX_HINTS - 1;
      else signature[HINTS_AT + count + prng.below(MAX_HINTS - count)] = 1 + prng.below(255);
    }),
  'random signature': (item, prng) => ({ ...item, signature: prng.bytes(SIGNATURE_BYTES) }),
  'random z': (item, prng) => changed(item, (signature) => signature.set(prng.bytes(HINTS_AT - Z_AT), Z_AT)),
  'seed of A': (item, prng) => ({ ...item, publicKey: flipped(item.publicKey, prng, 0, 32) }),
  t1: (item, prng) => ({ ...item, publicKey: flipped(item.publicKey, prng, 32, PUBLIC_KEY_BYTES) }),
  context: (item, prng) => ({ ...item, context: prng.bytes(item.context.length === 0 ? 1 : item.context.length - 1) }),
  message: (item, prng) =>
    item.message.length === 0
      ? { ...item, message: new Uint8Array(1) }
      : { ...item, message: flipped(item.message, prng, 0, item.message.length) },
};

/** A message with a valid signature by a new key, and every broken form of it. */
export async function drawSamples(backend: CryptoBackend, prng: Prng): Promise<readonly Sample[]> {
  const signer = backend.signerFromSeed(new SecretBytes(prng.bytes(SEED_BYTES)));
  const context = prng.bytes(prng.below(256));
  const message = prng.bytes(prng.below(MAX_MESSAGE_BYTES + 1));
  const signature = await signer.sign(context, message);
  const item = { publicKey: signer.publicKey, context, message, signature };
  const broken = Object.entries(BREAKS).map(([what, change]) => ({ what, item: change(item, prng), isValid: false }));
  return [{ what: 'valid', item, isValid: true }, ...broken];
}

function changed(item: SignedMessage, change: (signature: Uint8Array) => void): SignedMessage {
  const signature = item.signature.slice();
  change(signature);
  // Two hints that are swapped, say, may be the same.
  if (equalBytes(signature, item.signature)) signature[0] = (signature[0] as number) ^ 1;
  return { ...item, signature };
}

function hintCount(signature: Uint8Array): number {
  const count = signature[SIGNATURE_BYTES - 1] as number;
  assert(count > 2, 'a signature without hints is too rare to be drawn');
  return count;
}

function flipped(bytes: Uint8Array, prng: Prng, from: number, to: number): Uint8Array {
  const copy = bytes.slice();
  flip(copy.subarray(from, to), prng);
  return copy;
}

function flip(bytes: Uint8Array, prng: Prng): void {
  const bit = prng.below(8 * bytes.length);
  bytes[bit >>> 3] = (bytes[bit >>> 3] as number) ^ (1 << (bit & 7));
}
