import { createPrivateKey, createPublicKey, decapsulate, encapsulate, type KeyObject, sign, verify } from 'node:crypto';
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

type Algorithm = 'ml-dsa-87' | 'ml-kem-1024';

/** The OpenSSL inside Node, for the command line and the client library where the addon is not built. */
export function nodeBackend(): CryptoBackend {
  return {
    name: 'node',
    hasher: blake3Hasher,
    verifier,
    kem,
    generateKeyPair: (seed = SecretBytes.random(SEED_BYTES)) => ({ publicKey: publicKeyBytes(signingKey(seed)), seed }),
    signerFromSeed,
  };
}

function signerFromSeed(seed: SecretBytes): Signer {
  const key = signingKey(seed);
  return {
    publicKey: publicKeyBytes(key),
    async sign(context, message) {
      requireContext(context);
      return new Promise((resolve, reject) => {
        sign(null, message, { key, context }, (error, signature) => (error ? reject(error) : resolve(view(signature))));
      });
    },
  };
}

const verifier: Verifier = {
  verify: (publicKey, context, message, signature) => isValid({ publicKey, context, message, signature }),
  async verifyMany(items) {
    requireBatch(items);
    return Uint8Array.from(await Promise.all(items.map(isValid)), (valid) => (valid ? 1 : 0));
  },
};

async function isValid(item: SignedMessage): Promise<boolean> {
  if (!isWellFormed(item)) return false;
  const key = publicKey('ml-dsa-87', item.publicKey);
  return new Promise((resolve, reject) => {
    verify(null, item.message, { key, context: item.context }, item.signature, (error, valid) =>
      error ? reject(error) : resolve(valid),
    );
  });
}

const kem: Kem = {
  generateKeyPair: (seed = SecretBytes.random(KEM_SEED_BYTES)) => ({ publicKey: publicKeyBytes(kemKey(seed)), seed }),
  encapsulate(bytes) {
    requireLength('ML-KEM-1024 public key', bytes, KEM_PUBLIC_KEY_BYTES);
    try {
      const { ciphertext, sharedKey } = encapsulate(publicKey('ml-kem-1024', bytes));
      return { ciphertext: view(ciphertext), sharedSecret: new SecretBytes(view(sharedKey)) };
    } catch (cause) {
      const message = 'this public key is not in canonical form';
      throw new CodedError<CryptoErrorCode>('CRYPTO_MALFORMED_KEY', message, {}, { cause });
    }
  },
  decapsulate(seed, ciphertext) {
    requireLength('ML-KEM-1024 ciphertext', ciphertext, KEM_CIPHERTEXT_BYTES);
    return new SecretBytes(view(decapsulate(kemKey(seed), ciphertext)));
  },
};

/** The private key for TLS, which takes no signer. Throws CRYPTO_LENGTH. */
export function signingKey(seed: SecretBytes): KeyObject {
  requireLength('ML-DSA-87 seed', seed, SEED_BYTES);
  return privateKey('ml-dsa-87', seed);
}

function kemKey(seed: SecretBytes): KeyObject {
  requireLength('ML-KEM-1024 seed', seed, KEM_SEED_BYTES);
  return privateKey('ml-kem-1024', seed);
}

function privateKey(asymmetricKeyType: Algorithm, seed: SecretBytes): KeyObject {
  return createPrivateKey({ key: buffer(seed.reveal()), format: 'raw-seed', asymmetricKeyType });
}

function publicKey(asymmetricKeyType: Algorithm, bytes: Uint8Array): KeyObject {
  return createPublicKey({ key: buffer(bytes), format: 'raw-public', asymmetricKeyType });
}

/** The raw public key of a private key: 2,592 B of ML-DSA-87, 1,568 B of ML-KEM-1024. */
export function publicKeyBytes(key: KeyObject): Uint8Array {
  return view(createPublicKey(key).export({ format: 'raw-public' }));
}

/** The same bytes as a Buffer, which the key imports insist on; no copy of a secret. */
function buffer(bytes: Uint8Array): Buffer {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length);
}

/** The same bytes without Buffer's methods, so that every backend returns one type. */
function view(bytes: Buffer): Uint8Array {
  return new Uint8Array(bytes.buffer, bytes.byteOffset, bytes.length);
}
