import { CodedError } from '../util/errors.ts';
import type { CryptoErrorCode } from './errors.ts';

const REDACTED = '[secret]';

/**
 * Bytes that must not leak: they do not print, do not serialise and are erased by `wipe`. JavaScript may keep copies
 * that it made itself, so this protects against logs and mistakes, not against a reader of the process's memory.
 */
export class SecretBytes {
  readonly length: number;
  readonly #bytes: Uint8Array;
  #wiped = false;

  /** Takes over `bytes`; the caller keeps no reference. */
  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
    this.length = bytes.length;
  }

  /** The operating system's randomness. */
  static random(length: number): SecretBytes {
    return new SecretBytes(globalThis.crypto.getRandomValues(new Uint8Array(length)));
  }

  /** The bytes themselves, not a copy: to be read at once and never stored. */
  reveal(): Uint8Array {
    if (this.#wiped) throw new CodedError<CryptoErrorCode>('CRYPTO_SECRET_WIPED', 'this secret was wiped');
    return this.#bytes;
  }

  wipe(): void {
    this.#bytes.fill(0);
    this.#wiped = true;
  }

  toString(): string {
    return REDACTED;
  }

  toJSON(): string {
    return REDACTED;
  }

  /** What `util.inspect` and `console.log` show. */
  [Symbol.for('nodejs.util.inspect.custom')](): string {
    return REDACTED;
  }
}
