import { assert } from './assert.ts';

/** First-in first-out queue bounded by count and by bytes. `push` says whether there was room; it never grows beyond its limits. */
export class BoundedQueue<T> {
  readonly #maxItems: number;
  readonly #maxBytes: number;
  #items: ({ readonly value: T; readonly bytes: number } | undefined)[] = [];
  #head = 0;
  #bytes = 0;

  constructor(limits: { readonly maxItems: number; readonly maxBytes: number }) {
    assert(limits.maxItems > 0 && limits.maxBytes > 0, 'queue limits must be positive');
    this.#maxItems = limits.maxItems;
    this.#maxBytes = limits.maxBytes;
  }

  get size(): number {
    return this.#items.length - this.#head;
  }

  get bytes(): number {
    return this.#bytes;
  }

  push(value: T, bytes: number): boolean {
    if (this.size >= this.#maxItems || this.#bytes + bytes > this.#maxBytes) return false;
    this.#items.push({ value, bytes });
    this.#bytes += bytes;
    return true;
  }

  shift(): T | undefined {
    const item = this.#items[this.#head];
    if (item === undefined) return undefined;
    this.#items[this.#head] = undefined;
    this.#head += 1;
    this.#bytes -= item.bytes;
    if (this.#head * 2 > this.#items.length) {
      this.#items = this.#items.slice(this.#head);
      this.#head = 0;
    }
    return item.value;
  }

  clear(): void {
    this.#items = [];
    this.#head = 0;
    this.#bytes = 0;
  }
}
