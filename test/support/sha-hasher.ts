import { createHash, type Hash } from 'node:crypto';
import type { HashDomain } from '../../src/crypto/domains.ts';
import type { Hasher, IncrementalHasher } from '../../src/crypto/hasher.ts';

/** Domain-separated SHA-256 in place of BLAKE3: for tests that hash much and compare only with themselves. */
export const shaHasher: Hasher = {
  hash(domain: HashDomain, ...parts: readonly Uint8Array[]): Uint8Array {
    const hash = keyed(domain);
    for (const part of parts) hash.update(part);
    return new Uint8Array(hash.digest());
  },
  plain: (bytes) => new Uint8Array(createHash('sha256').update(bytes).digest()),
  stream: (domain) => new ShaStream(domain === undefined ? createHash('sha256') : keyed(domain)),
};

class ShaStream implements IncrementalHasher {
  readonly #hash: Hash;

  constructor(hash: Hash) {
    this.#hash = hash;
  }

  update(bytes: Uint8Array): this {
    this.#hash.update(bytes);
    return this;
  }

  digest(): Uint8Array {
    return new Uint8Array(this.#hash.copy().digest());
  }
}

function keyed(domain: HashDomain): Hash {
  return createHash('sha256').update(`${domain}\0`);
}
