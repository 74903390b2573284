import type { BlockId } from '../types/ids.ts';

/** The newest payloads, bounded by bytes; the oldest leave first. What is not here is read from the log. */
export class PayloadCache {
  readonly #maxBytes: number;
  readonly #payloads = new Map<BlockId, Uint8Array>();
  #bytes = 0;

  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes;
  }

  put(block: BlockId, payload: Uint8Array): void {
    if (this.#payloads.has(block)) return;
    this.#payloads.set(block, payload);
    this.#bytes += payload.length;
    for (const [oldest, bytes] of this.#payloads) {
      if (this.#bytes <= this.#maxBytes) break;
      this.#payloads.delete(oldest);
      this.#bytes -= bytes.length;
    }
  }

  get(block: BlockId): Uint8Array | undefined {
    return this.#payloads.get(block);
  }
}
