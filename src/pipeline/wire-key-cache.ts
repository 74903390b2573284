import { ID_BYTES, type WireKey } from '../types/ids.ts';
import { assert } from '../util/assert.ts';

const WORDS = ID_BYTES / 4;
/** Keys that share a place before one of them goes. */
const WAYS = 8;

/**
 * A bounded set of wire keys in 32 bytes each, outside the garbage collector's heap. A key has one bucket of eight places, where the oldest yields:
 * forgetting costs one verification, remembering wrongly is impossible since whole keys are compared.
 */
export class WireKeyCache {
  readonly #buckets: number;
  readonly #words: Uint32Array;
  /** The place in each bucket that the next key takes. */
  readonly #next: Uint8Array;

  constructor(capacity: number) {
    assert(capacity > 0, 'a capacity must be positive');
    this.#buckets = Math.ceil(capacity / WAYS);
    this.#words = new Uint32Array(this.#buckets * WAYS * WORDS);
    this.#next = new Uint8Array(this.#buckets);
  }

  has(key: WireKey): boolean {
    const words = toWords(key);
    return this.#find(words, this.#bucket(words));
  }

  add(key: WireKey): void {
    const words = toWords(key);
    const bucket = this.#bucket(words);
    if (this.#find(words, bucket)) return;
    const place = this.#next[bucket] as number;
    this.#next[bucket] = (place + 1) % WAYS;
    this.#words.set(words, (bucket * WAYS + place) * WORDS);
  }

  #bucket(words: Uint32Array): number {
    return (words[0] as number) % this.#buckets;
  }

  #find(words: Uint32Array, bucket: number): boolean {
    const end = (bucket + 1) * WAYS * WORDS;
    for (let at = bucket * WAYS * WORDS; at < end; at += WORDS) if (this.#equals(words, at)) return true;
    return false;
  }

  #equals(words: Uint32Array, at: number): boolean {
    for (let i = 0; i < WORDS; i++) if (this.#words[at + i] !== words[i]) return false;
    return true;
  }
}

function toWords(key: WireKey): Uint32Array {
  return new Uint32Array(Uint8Array.fromHex(key).buffer);
}
