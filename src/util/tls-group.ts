import type { TLSSocket } from 'node:tls';

export interface KeyExchangeGroup {
  readonly name: string;
  /** NIST post-quantum category, 0 for a classical group. */
  readonly category: number;
}

/** By the number of the TLS registry. The hybrids have the category of their ML-KEM part (FIPS 203 section 8). */
const GROUPS: ReadonlyMap<number, KeyExchangeGroup> = new Map([
  [23, { name: 'secp256r1', category: 0 }],
  [24, { name: 'secp384r1', category: 0 }],
  [25, { name: 'secp521r1', category: 0 }],
  [29, { name: 'X25519', category: 0 }],
  [30, { name: 'X448', category: 0 }],
  [4587, { name: 'SecP256r1MLKEM768', category: 3 }],
  [4588, { name: 'X25519MLKEM768', category: 3 }],
  [4589, { name: 'SecP384r1MLKEM1024', category: 5 }],
]);

const SEQUENCE = 0x30;
/** `kex_group [19] EXPLICIT INTEGER` of OpenSSL's SSL_SESSION, its last field (ssl/ssl_asn1.c). */
const GROUP_TAG = 0xb3;
const INTEGER = 0x02;

/**
 * The group that a finished handshake used. Node names it at the client's end only; at the server's end OpenSSL has written it into its session.
 * What cannot be read is named `unknown` and counts as classical.
 */
export function negotiatedGroup(socket: TLSSocket): KeyExchangeGroup {
  const key = socket.getEphemeralKeyInfo();
  if (key === null) return groupOfSession(socket.getSession());
  const name = 'name' in key ? String(key.name) : 'unknown';
  return GROUPS.values().find((group) => group.name === name) ?? { name, category: 0 };
}

function groupOfSession(session: Uint8Array | undefined): KeyExchangeGroup {
  if (session === undefined) return { name: 'unknown', category: 0 };
  const number = groupNumber(session);
  session.fill(0); // it holds a secret of the connection
  return GROUPS.get(number) ?? { name: number < 0 ? 'unknown' : `group ${number}`, category: 0 };
}

/** -1 where there is none. */
function groupNumber(der: Uint8Array): number {
  const outer = element(der, 0);
  if (outer?.tag !== SEQUENCE) return -1;
  for (let at = outer.start; at < outer.end; ) {
    const next = element(der, at);
    if (next === undefined) return -1;
    const inner = next.tag === GROUP_TAG ? element(der, next.start) : undefined;
    if (inner?.tag === INTEGER) return der.subarray(inner.start, inner.end).reduce((sum, byte) => sum * 256 + byte, 0);
    at = next.end;
  }
  return -1;
}

/** The DER element at an offset, where its content starts and ends. */
function element(der: Uint8Array, at: number): { tag: number; start: number; end: number } | undefined {
  const [tag, first] = [der[at], der[at + 1]];
  if (tag === undefined || first === undefined) return undefined;
  const lengthBytes = first < 0x80 ? 0 : first & 0x7f;
  const start = at + 2 + lengthBytes;
  const length = lengthBytes === 0 ? first : der.subarray(at + 2, start).reduce((sum, byte) => sum * 256 + byte, 0);
  return start + length <= der.length ? { tag, start, end: start + length } : undefined;
}
