import { readFileSync } from 'node:fs';
import type { HashDomain, SignaturePurpose } from '../../../src/crypto/domains.ts';

/** All byte strings in lower-case hexadecimal. */
export interface GoldenDigests {
  readonly input: string;
  readonly digests: Readonly<Record<HashDomain, string>>;
}

export interface GoldenSignatures {
  readonly networkId: string;
  readonly seed: string;
  readonly publicKey: string;
  readonly message: string;
  readonly purposes: Readonly<Record<SignaturePurpose, { readonly context: string; readonly signature: string }>>;
}

export const DIGESTS_FILE = new URL('./hash-domains.json', import.meta.url);
export const SIGNATURES_FILE = new URL('./signature-contexts.json', import.meta.url);

export const readGoldenDigests = (): GoldenDigests => JSON.parse(readFileSync(DIGESTS_FILE, 'utf8'));
export const readGoldenSignatures = (): GoldenSignatures => JSON.parse(readFileSync(SIGNATURES_FILE, 'utf8'));
