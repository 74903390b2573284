import type { Libp2pTransport, OperationalKeyCertificate } from '../network/index.ts';
import type { Genesis } from '../params/genesis.ts';
import type { PostureEntry } from '../replica/service.ts';
import type { AuthorIndex } from '../types/ids.ts';
import type { KeyExchangeGroup } from '../util/tls-group.ts';

export interface PostureSources {
  readonly genesis: Genesis;
  readonly own: AuthorIndex;
  readonly transport: Libp2pTransport;
  /** Open connections to the API by negotiated group. */
  readonly apiConnections: () => ReadonlyMap<KeyExchangeGroup, number>;
}

/** NIST category of ML-DSA-87 (FIPS 204 table 1). */
const ML_DSA_87_CATEGORY = 5;
const CLASSICAL_LINK = 'classical: recorded traffic can be decrypted by a quantum computer; blocks stay authentic';

/** What protects this node now, entry by entry, from what was negotiated and never from what was configured. */
export function postureOf(sources: PostureSources): PostureEntry[] {
  return [...keyEntries(sources), ...linkEntries(sources), ...apiEntries(sources), HASH_ENTRY];
}

const HASH_ENTRY: PostureEntry = {
  subject: 'ids and roots',
  purpose: 'hash',
  algorithm: 'BLAKE3-256',
  category: 2,
  note: '128-bit collision strength; signatures never cover digests',
};

function keyEntries({ genesis, own, transport }: PostureSources): PostureEntry[] {
  const { name } = genesis.committee.member(own);
  const key = { subject: name, algorithm: 'ML-DSA-87', category: ML_DSA_87_CATEGORY, since: genesis.timeMs };
  const certificate = transport.ownLinkCertificate;
  const linkKey: PostureEntry = { ...key, purpose: 'link-key' };
  return [
    { ...key, purpose: 'identity' },
    { ...key, purpose: 'consensus' },
    certificate === undefined ? linkKey : { ...linkKey, since: certificate.notBeforeMs, note: noteOf(certificate) },
  ];
}

function noteOf({ sequence, notAfterMs }: OperationalKeyCertificate): string {
  return `key ${sequence}, certified until ${new Date(notAfterMs).toISOString()}`;
}

function linkEntries({ genesis, own, transport }: PostureSources): PostureEntry[] {
  return genesis.committee.members.flatMap(({ name }, author): PostureEntry[] => {
    const link = author === own ? undefined : transport.linkPosture(author);
    if (link === undefined) return [];
    const { keyExchange, authentication, cipher, category, sinceMs } = link;
    const algorithm = `TLS 1.3 ${keyExchange} ${authentication} ${cipher}`;
    const entry = { subject: name, purpose: 'link', algorithm, category, since: sinceMs } as const;
    return [category === 0 ? { ...entry, note: CLASSICAL_LINK } : entry];
  });
}

/** One entry a group: clients are many and come and go. */
function apiEntries({ apiConnections }: PostureSources): PostureEntry[] {
  return [...apiConnections()].map(([{ name, category }, connections]) => ({
    subject: 'API clients',
    purpose: 'api',
    algorithm: name === 'none' ? 'plain HTTP' : `TLS 1.3 ${name}`,
    category,
    note: `${connections} open ${connections === 1 ? 'connection' : 'connections'}`,
  }));
}
