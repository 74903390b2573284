import type { WireKey } from '../types/ids.ts';
import type { SignedBody } from '../types/payload.ts';
import type { AdmissionOptions } from './options.ts';
import { INVALID, itemBytes, type SignatureVerifier } from './signature-verifier.ts';
import { WireKeyCache } from './wire-key-cache.ts';

/**
 * Has every submitted signature verified once: joins whoever asks for one that is under way, and remembers the bad ones (the ledger
 * remembers the good). All by wire key, since a body says nothing of the signature that somebody put beside it.
 */
export class SignatureGate {
  readonly #options: AdmissionOptions;
  readonly #verifier: SignatureVerifier;
  readonly #bad: WireKeyCache;
  readonly #underWay = new Map<WireKey, Promise<number>>();
  #bytes = 0;

  constructor(options: AdmissionOptions, verifier: SignatureVerifier) {
    this.#options = options;
    this.#verifier = verifier;
    this.#bad = new WireKeyCache(options.rejectedKeys);
  }

  get items(): number {
    return this.#underWay.size;
  }

  get bytes(): number {
    return this.#bytes;
  }

  isBad(key: WireKey): boolean {
    return this.#bad.has(key);
  }

  /** Somebody waits for the verdict already: asking too costs nothing. */
  isUnderWay(key: WireKey): boolean {
    return this.#underWay.has(key);
  }

  /** Whether one more signature may wait. */
  hasRoom(item: SignedBody): boolean {
    return this.items < this.#options.maxVerifyItems && this.#bytes + itemBytes(item) <= this.#options.maxVerifyBytes;
  }

  /** One of VALID, INVALID, UNCHECKED. `item` is what `key` names. */
  verdict(key: WireKey, item: SignedBody): Promise<number> {
    const underWay = this.#underWay.get(key) ?? this.#verify(key, item);
    this.#underWay.set(key, underWay);
    return underWay;
  }

  async #verify(key: WireKey, item: SignedBody): Promise<number> {
    const bytes = itemBytes(item);
    this.#bytes += bytes;
    try {
      const [verdict] = await this.#verifier.verify([item]);
      if (verdict === INVALID) this.#bad.add(key);
      return verdict as number;
    } finally {
      this.#bytes -= bytes;
      this.#underWay.delete(key);
    }
  }
}
