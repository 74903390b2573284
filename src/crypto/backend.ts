import type { Hasher } from './hasher.ts';
import type { Kem } from './kem.ts';
import type { SecretBytes } from './secret-bytes.ts';
import type { Signer, Verifier } from './signer.ts';

export interface SigningKeyPair {
  readonly publicKey: Uint8Array;
  /** The private key in the one form that every backend reads (FIPS 204 algorithm 1). */
  readonly seed: SecretBytes;
}

/**
 * One implementation of all the cryptography the house uses. Three exist and accept the same signatures:
 * `native` (validators, tools that measure), `node` (command line without the addon), `noble` (browsers; the oracle
 * of tests).
 */
export interface CryptoBackend {
  readonly name: 'native' | 'node' | 'noble';
  readonly hasher: Hasher;
  readonly verifier: Verifier;
  readonly kem: Kem;
  /** The pair of `seed` (32 bytes), by default a random one. Throws CRYPTO_LENGTH. */
  generateKeyPair(seed?: SecretBytes): SigningKeyPair;
  /** Throws CRYPTO_LENGTH. The signer keeps what it needs: the seed may be wiped afterwards. */
  signerFromSeed(seed: SecretBytes): Signer;
}
