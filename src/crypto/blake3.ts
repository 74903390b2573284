import { blake3 } from '@noble/hashes/blake3.js';
import { utf8 } from '../util/bytes.ts';
import { HASH_DOMAINS, type HashDomain, hashContext } from './domains.ts';
import type { Hasher } from './hasher.ts';

const CONTEXTS = Object.fromEntries(HASH_DOMAINS.map((domain) => [domain, utf8(hashContext(domain))])) as Record<
  HashDomain,
  Uint8Array
>;

/** BLAKE3 in JavaScript, for the backends without the addon. */
export const blake3Hasher: Hasher = {
  hash(domain, ...parts) {
    const state = blake3.create({ context: CONTEXTS[domain] });
    for (const part of parts) state.update(part);
    return state.digest();
  },
  plain: (bytes) => blake3(bytes),
  stream(domain) {
    const state = domain === undefined ? blake3.create() : blake3.create({ context: CONTEXTS[domain] });
    return {
      update(bytes) {
        state.update(bytes);
        return this;
      },
      digest: () => state.clone().digest(),
    };
  },
};
