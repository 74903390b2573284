import { ml_dsa87 } from '@noble/post-quantum/ml-dsa.js';
import { ml_kem1024 } from '@noble/post-quantum/ml-kem.js';
import { CodedError } from '../util/errors.ts';
import type { CryptoBackend } from './backend.ts';
import { blake3Hasher } from './blake3.ts';
import { type CryptoErrorCode, requireLength } from './errors.ts';
import { KEM_CIPHERTEXT_BYTES, KEM_PUBLIC_KEY_BYTES, KEM_SEED_BYTES, type Kem } from './kem.ts';
import { SecretBytes } from './secret-bytes.ts';
import {
  isWellFormed,
  requireBatch,
  requireContext,
  SEED_BYTES,
  type SignedMessage,
  type Signer,
  type Verifier,
} from './signer.ts';

/**
 * Pure JavaScript, for browsers and as the independent opinion in tests. About forty times slower than AWS-LC, and it
 * makes no promise of constant time: no validator signs with it.
 */
export function nobleBackend(): CryptoBackend {
  return {
    name: 'noble',
    hasher: blake3Hasher,
    verifier,
    kem,
    generateKeyPair: (seed = SecretBytes.random(SEED_BYTES)) => {
      requireLength('ML-DSA-87 seed', seed, SEED_BYTES);
      return { publicKey: ml_dsa87.keygen(seed.reveal()).publicKey, seed };
    },
    signerFromSeed,
  };
}

function signerFromSeed(seed: SecretBytes): Signer {
  requireLength('ML-DSA-87 seed', seed, SEED_BYTES);
  const { publicKey, secretKey } = ml_dsa87.keygen(seed.reveal());
  return {
    publicKey,
    async sign(context, message) {
      requireContext(context);
      return ml_dsa87.sign(message, secretKey, { context });
    },
  };
}

const verifier: Verifier = {
  verify: async (publicKey, context, message, signature) => isValid({ publicKey, context, message, signature }),
  async verifyMany(items) {
    requireBatch(items);
    return Uint8Array.from(items, (item) => (isValid(item) ? 1 : 0));
  },
};

function isValid(item: SignedMessage): boolean {
  if (!isWellFormed(item)) return false;
  return ml_dsa87.verify(item.signature, item.message, item.publicKey, { context: item.context });
}

const kem: Kem = {
  generateKeyPair(seed = SecretBytes.random(KEM_SEED_BYTES)) {
    requireLength('ML-KEM-1024 seed', seed, KEM_SEED_BYTES);
    return { publicKey: ml_kem1024.keygen(seed.reveal()).publicKey, seed };
  },
  encapsulate(publicKey) {
    requireLength('ML-KEM-1024 public key', publicKey, KEM_PUBLIC_KEY_BYTES);
    try {
      const { cipherText, sharedSecret } = ml_kem1024.encapsulate(publicKey);
      return { ciphertext: cipherText, sharedSecret: new SecretBytes(sharedSecret) };
    } catch (cause) {
      const message = 'this public key is not in canonical form';
      throw new CodedError<CryptoErrorCode>('CRYPTO_MALFORMED_KEY', message, {}, { cause });
    }
  },
  decapsulate(seed, ciphertext) {
    requireLength('ML-KEM-1024 seed', seed, KEM_SEED_BYTES);
    requireLength('ML-KEM-1024 ciphertext', ciphertext, KEM_CIPHERTEXT_BYTES);
    const { secretKey } = ml_kem1024.keygen(seed.reveal());
    const sharedSecret = ml_kem1024.decapsulate(ciphertext, secretKey);
    secretKey.fill(0);
    return new SecretBytes(sharedSecret);
  },
};
