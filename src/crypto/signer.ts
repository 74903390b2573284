import { CodedError } from '../util/errors.ts';
import type { CryptoErrorCode } from './errors.ts';

// ML-DSA-87, FIPS 204 table 2 and section 5.2; the seed is xi of algorithm 1.
export const SEED_BYTES = 32;
export const PUBLIC_KEY_BYTES = 2592;
export const SIGNATURE_BYTES = 4627;
export const MAX_CONTEXT_BYTES = 255;

/** One batch is one task of the thread pool: more would hold results back for over a quarter of a second. */
export const MAX_VERIFY_BATCH = 1024;

/** Signs with one ML-DSA-87 key. Signing is hedged: two signatures of one message differ. */
export interface Signer {
  readonly publicKey: Uint8Array;
  /** Rejects with CRYPTO_CONTEXT_TOO_LONG for a context over 255 bytes. */
  sign(context: Uint8Array, message: Uint8Array): Promise<Uint8Array>;
}

export interface SignedMessage {
  readonly publicKey: Uint8Array;
  readonly context: Uint8Array;
  readonly message: Uint8Array;
  readonly signature: Uint8Array;
}

/** Verifies ML-DSA-87 signatures. Whatever is malformed is not valid; nothing that a peer sends makes it throw. */
export interface Verifier {
  verify(publicKey: Uint8Array, context: Uint8Array, message: Uint8Array, signature: Uint8Array): Promise<boolean>;
  /** One byte per item, 1 = valid. Rejects with CRYPTO_BATCH_TOO_LARGE above MAX_VERIFY_BATCH items. */
  verifyMany(items: readonly SignedMessage[]): Promise<Uint8Array>;
}

/** Whether the lengths leave a chance that the signature is valid; every verifier asks this first. */
export function isWellFormed({ publicKey, context, signature }: Omit<SignedMessage, 'message'>): boolean {
  return (
    publicKey.length === PUBLIC_KEY_BYTES && signature.length === SIGNATURE_BYTES && context.length <= MAX_CONTEXT_BYTES
  );
}

export function requireContext(context: Uint8Array): void {
  if (context.length <= MAX_CONTEXT_BYTES) return;
  const fields = { limit: MAX_CONTEXT_BYTES, got: context.length };
  const message = `a context has at most ${fields.limit} bytes, got ${fields.got}`;
  throw new CodedError<CryptoErrorCode>('CRYPTO_CONTEXT_TOO_LONG', message, fields);
}

export function requireBatch(items: readonly SignedMessage[]): void {
  if (items.length <= MAX_VERIFY_BATCH) return;
  const fields = { limit: MAX_VERIFY_BATCH, got: items.length };
  const message = `a batch has at most ${fields.limit} signatures, got ${fields.got}`;
  throw new CodedError<CryptoErrorCode>('CRYPTO_BATCH_TOO_LARGE', message, fields);
}
