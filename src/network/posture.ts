import type { TlsSession } from './tls-session.ts';

/** What protects a link, as negotiated and never as configured. */
export interface LinkPosture {
  readonly encryption: string;
  readonly keyExchange: string;
  readonly authentication: string;
  readonly cipher: string;
  /** NIST post-quantum category of the weakest part, 0 where it is classical. */
  readonly category: number;
  /** Sequence of the peer's link key, 0 for the one of the genesis. */
  readonly keySequence: number;
  /** Wall clock at which the link came up, in ms. */
  readonly sinceMs: number;
}

/** Of ML-DSA-87 keys (FIPS 204 table 1) and of AES-256. */
const KEY_CATEGORY = 5;

export function linkPosture(encryption: string, session: TlsSession, sinceMs: number): LinkPosture {
  return {
    encryption,
    keyExchange: session.negotiated.group,
    authentication: session.peer.keyAlgorithm,
    cipher: session.negotiated.cipher,
    category: Math.min(session.negotiated.category, KEY_CATEGORY),
    keySequence: session.peer.keySequence,
    sinceMs,
  };
}
