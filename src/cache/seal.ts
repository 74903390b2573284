import { createHmac, timingSafeEqual } from 'node:crypto';
import { assert } from '../util/assert.ts';
import { concatBytes, utf8 } from '../util/bytes.ts';
import { MAX_VALUE_BYTES, MIN_SECRET_BYTES } from './options.ts';

const TAG_BYTES = 32;
export const MAX_SEALED_BYTES = TAG_BYTES + MAX_VALUE_BYTES;
const KEY_END = Uint8Array.of(0);

/**
 * HMAC-SHA-256 over key and value, in front of the value. Whoever writes to Redis without the secret can take values away, but neither make
 * one nor move one to another key; and an old value is a right one, because values never change.
 */
export class Seal {
  readonly #secret: Uint8Array;

  constructor(secret: Uint8Array) {
    assert(secret.length >= MIN_SECRET_BYTES, 'a secret that can be guessed');
    this.#secret = secret.slice();
  }

  close(key: string, value: Uint8Array): Uint8Array {
    return concatBytes(this.#tag(key, value), value);
  }

  /** Undefined: not sealed with this secret for this key, or longer than anything that is. */
  open(key: string, sealed: Uint8Array): Uint8Array | undefined {
    if (sealed.length < TAG_BYTES || sealed.length > MAX_SEALED_BYTES) return undefined;
    const value = sealed.subarray(TAG_BYTES);
    return timingSafeEqual(sealed.subarray(0, TAG_BYTES), this.#tag(key, value)) ? value : undefined;
  }

  #tag(key: string, value: Uint8Array): Uint8Array {
    return createHmac('sha256', this.#secret).update(utf8(key)).update(KEY_END).update(value).digest();
  }
}
