import { once } from 'node:events';
import { Socket } from 'node:net';
import { connect as connectTls, type SecureContext, TLSSocket } from 'node:tls';
import type { MultiaddrConnection } from '@libp2p/interface';
import { assert } from '../util/assert.ts';
import { EMPTY_BYTES } from '../util/bytes.ts';
import { errorText } from '../util/errors.ts';
import { LinkRefusal } from './link-refusal.ts';
import { negotiatedTls } from './tls-profile.ts';
import type { PresentedLink } from './verify-link.ts';

/**
 * Puts TLS on the TCP socket below a libp2p connection, from where protocol negotiation left it. TLS then works on the socket itself: one layer,
 * and no copy through JavaScript streams. The connection keeps the socket's end and errors; its data goes to TLS alone.
 * @throws LinkRefusal HANDSHAKE_FAILED
 */
export async function shakeHands(
  connection: MultiaddrConnection,
  context: SecureContext,
  isServer: boolean,
  signal: AbortSignal,
): Promise<TLSSocket> {
  const socket = await takeSocket(connection);
  const common = { secureContext: context, rejectUnauthorized: false } as const;
  const secured = isServer
    ? new TLSSocket(socket, { ...common, isServer, requestCert: true })
    : connectTls({ ...common, socket, checkServerIdentity: () => undefined });
  secured.on('error', () => undefined); // whoever waits hears of the first; what follows it changes nothing
  const abort = (): void => void secured.destroy(new Error('the handshake took too long'));
  signal.addEventListener('abort', abort, { once: true });
  try {
    if (signal.aborted) abort();
    await Promise.race([once(secured, isServer ? 'secure' : 'secureConnect'), endOf(secured)]);
  } catch (cause) {
    secured.destroy();
    const reason = cause instanceof Error && 'code' in cause ? String(cause.code) : errorText(cause);
    throw new LinkRefusal('HANDSHAKE_FAILED', 'no TLS handshake of the profile', { reason }, { cause });
  } finally {
    signal.removeEventListener('abort', abort);
  }
  return secured;
}

/** What the peer presented; the chain is read once, because reading consumes it. */
export function presentedLink(socket: TLSSocket): PresentedLink {
  const certificates: Uint8Array[] = [];
  for (let next = socket.getPeerX509Certificate(); next !== undefined; next = next.issuerCertificate) {
    certificates.push(new Uint8Array(next.raw));
  }
  return { negotiated: negotiatedTls(socket), certificates };
}

/** Rejects when the socket ends, which no `error` need announce. */
async function endOf(socket: TLSSocket): Promise<never> {
  await once(socket, 'close');
  throw new Error('the connection ended');
}

export function socketOf(connection: MultiaddrConnection): Socket {
  const socket = 'socket' in connection ? connection.socket : undefined;
  assert(socket instanceof Socket, 'links run over TCP connections of @libp2p/tcp');
  return socket;
}

/** The TCP socket of @libp2p/tcp's connection, with the bytes that the connection has read ahead put back. */
async function takeSocket(connection: MultiaddrConnection): Promise<Socket> {
  const socket = socketOf(connection);
  socket.pause();
  socket.removeAllListeners('data');
  if (connection.readBufferLength > 0) socket.unshift(await readAhead(connection));
  if (socket.destroyed) throw new LinkRefusal('HANDSHAKE_FAILED', 'the connection ended', { reason: 'ENDED' });
  return socket;
}

function readAhead(connection: MultiaddrConnection): Promise<Uint8Array> {
  return new Promise((resolve) => {
    connection.addEventListener('message', ({ data }) => resolve(data.subarray()), { once: true });
    connection.addEventListener('close', () => resolve(EMPTY_BYTES), { once: true });
  });
}
