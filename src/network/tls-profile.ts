import { constants } from 'node:crypto';
import type { SecureContextOptions, TLSSocket } from 'node:tls';
import { negotiatedGroup } from '../util/tls-group.ts';

/** How validator links are protected, and nothing else: docs/spec/links.md, "Profile". */
export const LINK_PROFILE = {
  version: 'TLSv1.3',
  group: 'SecP384r1MLKEM1024',
  cipher: 'TLS_AES_256_GCM_SHA384',
  signature: 'mldsa87',
} as const;

/** Nothing may be negotiated: each list has one entry, so a peer that lacks it gets an alert instead of something weaker. */
export const PROFILE_OPTIONS: SecureContextOptions = {
  minVersion: LINK_PROFILE.version,
  maxVersion: LINK_PROFILE.version,
  ciphers: LINK_PROFILE.cipher,
  ecdhCurve: LINK_PROFILE.group,
  sigalgs: LINK_PROFILE.signature,
  secureOptions: constants.SSL_OP_NO_TICKET | constants.SSL_OP_NO_RENEGOTIATION,
};

/** What a finished handshake has agreed on. */
export interface NegotiatedTls {
  readonly version: string;
  readonly group: string;
  /** NIST category of the group. */
  readonly category: number;
  readonly cipher: string;
  readonly resumed: boolean;
}

export function negotiatedTls(socket: TLSSocket): NegotiatedTls {
  const { name: group, category } = negotiatedGroup(socket);
  return {
    version: socket.getProtocol() ?? '',
    group,
    category,
    cipher: socket.getCipher().name,
    resumed: socket.isSessionReused(),
  };
}
