import { CodedError } from '../util/errors.ts';

export type CryptoErrorCode =
  /** Fields: what, expected, got. */
  | 'CRYPTO_LENGTH'
  /** Fields: limit, got. */
  | 'CRYPTO_CONTEXT_TOO_LONG'
  /** An ML-KEM public key that is not in canonical form (FIPS 203 section 7.2). */
  | 'CRYPTO_MALFORMED_KEY'
  /** Fields: limit, got. */
  | 'CRYPTO_BATCH_TOO_LARGE'
  /** A secret was used after it was wiped. */
  | 'CRYPTO_SECRET_WIPED';

export function requireLength(what: string, bytes: { readonly length: number }, expected: number): void {
  if (bytes.length === expected) return;
  const message = `${what} must have ${expected} bytes, got ${bytes.length}`;
  throw new CodedError<CryptoErrorCode>('CRYPTO_LENGTH', message, { what, expected, got: bytes.length });
}
