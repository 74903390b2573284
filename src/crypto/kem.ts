import type { SecretBytes } from './secret-bytes.ts';

// ML-KEM-1024, FIPS 203 table 3; the seed is d || z of algorithm 19.
export const KEM_SEED_BYTES = 64;
export const KEM_PUBLIC_KEY_BYTES = 1568;
export const KEM_CIPHERTEXT_BYTES = 1568;
export const SHARED_SECRET_BYTES = 32;

export interface KemKeyPair {
  readonly publicKey: Uint8Array;
  /** The private key in the one form that every backend reads. */
  readonly seed: SecretBytes;
}

/** ML-KEM-1024 key encapsulation. */
export interface Kem {
  /** The pair of `seed` (64 bytes), by default a random one. */
  generateKeyPair(seed?: SecretBytes): KemKeyPair;
  /** Throws CRYPTO_LENGTH or CRYPTO_MALFORMED_KEY for a key that FIPS 203 section 7.2 refuses. */
  encapsulate(publicKey: Uint8Array): { readonly ciphertext: Uint8Array; readonly sharedSecret: SecretBytes };
  /** A ciphertext made for another key yields an unrelated secret, not an error. Throws CRYPTO_LENGTH. */
  decapsulate(seed: SecretBytes, ciphertext: Uint8Array): SecretBytes;
}
