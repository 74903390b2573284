import type { HashDomain } from './domains.ts';

export const DIGEST_BYTES = 32;

/** BLAKE3-256. Its collision strength is 128 bits; signatures therefore cover whole messages, never digests. */
export interface Hasher {
  /** Digest of the concatenated parts in derive_key mode under the context of `domain`. */
  hash(domain: HashDomain, ...parts: readonly Uint8Array[]): Uint8Array;
  /** Digest without key or context, for files and the network id: what the `b3sum` tool prints. */
  plain(bytes: Uint8Array): Uint8Array;
  /** As `hash`, or without a domain as `plain`, fed piece by piece. */
  stream(domain?: HashDomain): IncrementalHasher;
}

export interface IncrementalHasher {
  update(bytes: Uint8Array): this;
  /** Digest of what was fed so far; more may follow. */
  digest(): Uint8Array;
}
