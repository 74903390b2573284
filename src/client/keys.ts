import type { CryptoBackend } from '../crypto/backend.ts';
import { nobleBackend } from '../crypto/noble.ts';
import { SecretBytes } from '../crypto/secret-bytes.ts';
import type { Signer } from '../crypto/signer.ts';
import type { Address } from '../types/ids.ts';
import { accountAddress } from '../types/transaction-codec.ts';

/** An ML-DSA-87 key of an account. */
export interface AccountKey {
  readonly signer: Signer;
  /** Where the account of this key is, once it is opened. */
  readonly address: Address;
  /** 32 bytes from which the key is made again: keep them secret, and keep them. */
  readonly seed: SecretBytes;
}

/**
 * A new key, or that of a seed.
 *
 * @example
 * const key = createKey();
 * await richer.openAccount(key.signer.publicKey);
 */
export function createKey(seed?: Uint8Array, crypto: CryptoBackend = nobleBackend()): AccountKey {
  const pair = crypto.generateKeyPair(seed === undefined ? undefined : new SecretBytes(seed));
  const signer = crypto.signerFromSeed(pair.seed);
  return { signer, address: accountAddress(crypto.hasher, signer.publicKey), seed: pair.seed };
}
