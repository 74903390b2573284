import { assert } from '../util/assert.ts';
import { concatBytes, utf8 } from '../util/bytes.ts';

/** One meaning of hashed bytes each: `docs/spec/cryptography.md`. The native core holds the same list. */
export const HASH_DOMAINS = [
  'block',
  'payload',
  'bodies',
  'sigs',
  'sig',
  'genesis',
  'commit',
  'tx',
  'wire',
  'vid',
  'address',
  'key',
  'leaf',
  'static',
  'node',
  'accounts',
  'system',
  'results',
  'res',
  'bitmap',
  'statement',
  'params',
  'committee',
  'log',
  'guard',
  'snapshot',
  'link',
  'bind',
] as const;

export type HashDomain = (typeof HASH_DOMAINS)[number];

/** What a signature is for. A key signs for one purpose only, and no signature counts for another one. */
export const SIGNATURE_PURPOSES = ['block', 'ckpt', 'tx', 'opkey'] as const;

export type SignaturePurpose = (typeof SIGNATURE_PURPOSES)[number];

const NETWORK_ID_BYTES = 32;

/** The context string of BLAKE3's derive_key mode. */
export function hashContext(domain: HashDomain): string {
  return `av10 ${domain} 1`;
}

/** The context string of ML-DSA (FIPS 204 section 5.2): purpose, version and the 32 raw bytes of the network id. */
export function signatureContext(purpose: SignaturePurpose, networkId: Uint8Array): Uint8Array {
  assert(networkId.length === NETWORK_ID_BYTES, 'a network id has 32 bytes');
  return concatBytes(utf8(`av10/${purpose}/1/`), networkId);
}
