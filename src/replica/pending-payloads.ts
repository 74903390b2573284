import type { SignedHeader } from '../types/block.ts';
import { assertDefined } from '../util/assert.ts';

/**
 * Payloads of blocks that are verified and not yet admitted. They live exactly as long as the core holds the header, whose suspension is bounded
 * by bytes: when the core lets a header go, its payload goes with it.
 */
export class PendingPayloads {
  readonly #payloads = new WeakMap<SignedHeader, Uint8Array>();

  put(header: SignedHeader, payload: Uint8Array): void {
    this.#payloads.set(header, payload);
  }

  take(header: SignedHeader): Uint8Array {
    const payload = assertDefined(this.#payloads.get(header), 'an admitted block came with its payload');
    this.#payloads.delete(header);
    return payload;
  }
}
