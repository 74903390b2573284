import type {
  Connection,
  ConnectionEncrypter,
  MessageStream,
  MultiaddrConnection,
  SecureConnectionOptions,
  SecuredConnection,
} from '@libp2p/interface';
import type { Hasher } from '../crypto/hasher.ts';
import type { Clock } from '../util/clock.ts';
import { HANDSHAKE_TIMEOUT_MS } from './limits.ts';
import type { LinkCredentials } from './link-credentials.ts';
import { LinkRefusal } from './link-refusal.ts';
import { presentedLink, shakeHands } from './tls-handshake.ts';
import { TlsSession } from './tls-session.ts';
import { TlsStream } from './tls-stream.ts';
import { type LinkExpectations, verifyLink } from './verify-link.ts';

/** The multistream name of validator links' encryption. */
export const LINK_ENCRYPTION = '/av10/tls/1';

export interface TlsEncrypterOptions extends Omit<LinkExpectations, 'dialled' | 'nowMs' | 'ownPublicKey'> {
  readonly hasher: Hasher;
  readonly clock: Clock;
  /** Of this moment: they are renewed. */
  credentials(): LinkCredentials;
  readonly verified: (session: TlsSession) => void;
  /** `dialled` is the peer id that was dialled; none for inbound connections. */
  readonly refused: (refusal: LinkRefusal, dialled: string | undefined) => void;
}

/** TLS 1.3 with ML-KEM and ML-DSA as a libp2p connection encrypter, for validator links: docs/spec/links.md. */
export class TlsEncrypter implements ConnectionEncrypter {
  readonly protocol = LINK_ENCRYPTION;
  readonly #options: TlsEncrypterOptions;
  /** By the timeline that libp2p gives to a connection and to what it makes of it: the one object that both show. */
  readonly #sessions = new WeakMap<object, TlsSession>();

  constructor(options: TlsEncrypterOptions) {
    this.#options = options;
  }

  secureInbound(connection: MessageStream, options: SecureConnectionOptions = {}): Promise<SecuredConnection> {
    return this.#secure(connection as MultiaddrConnection, true, options);
  }

  secureOutbound(connection: MessageStream, options: SecureConnectionOptions = {}): Promise<SecuredConnection> {
    return this.#secure(connection as MultiaddrConnection, false, options);
  }

  /** The session that protects a connection; none where another encryption was agreed on, which is no link then. */
  sessionOf(connection: Connection): TlsSession | undefined {
    return this.#sessions.get(connection.timeline);
  }

  async #secure(
    connection: MultiaddrConnection,
    isServer: boolean,
    { remotePeer, signal = AbortSignal.timeout(HANDSHAKE_TIMEOUT_MS) }: SecureConnectionOptions,
  ): Promise<SecuredConnection> {
    const { credentials, hasher, clock, verified, refused } = this.#options;
    const own = credentials();
    try {
      const socket = await shakeHands(connection, own.context, isServer, signal);
      const expected = { ...this.#options, ownPublicKey: own.publicKey, dialled: remotePeer?.toString() };
      const presented = presentedLink(socket);
      const peer = await verifyLink(presented, { ...expected, nowMs: clock.wallMs() });
      const session = new TlsSession({
        socket,
        negotiated: presented.negotiated,
        peer,
        ownKeySequence: own.keySequence,
        hasher,
        clock,
      });
      this.#sessions.set(connection.timeline, session);
      verified(session);
      return { connection: new TlsStream(socket, connection), remotePeer: peer.peerId };
    } catch (error) {
      if (error instanceof LinkRefusal) refused(error, remotePeer?.toString());
      throw error;
    }
  }
}
