import type { ServerOptions } from 'node:https';

/** Certificate chain and private key of the API, PEM. */
export interface ApiTls {
  readonly cert: Uint8Array;
  readonly key: Uint8Array;
}

/**
 * Strongest first; each group stands alone between slashes, so the first that the client supports is taken even if its key share has to be asked
 * for. Node 26 and current browsers get X25519MLKEM768 or better, older clients a classical group, and the posture counts both.
 */
const GROUPS = 'SecP384r1MLKEM1024/X25519MLKEM768/SecP256r1MLKEM768/X25519/P-256/P-384';
/** A handshake takes one round trip, two where a key share is asked for. */
const HANDSHAKE_TIMEOUT_MS = 10_000;

export function tlsServerOptions({ cert, key }: ApiTls): ServerOptions {
  return {
    cert: Buffer.from(cert),
    key: Buffer.from(key),
    minVersion: 'TLSv1.3',
    ecdhCurve: GROUPS,
    handshakeTimeout: HANDSHAKE_TIMEOUT_MS,
  };
}
