import type {
  Connection,
  ConnectionEncrypter,
  Ed25519PrivateKey,
  MessageStream,
  MultiaddrConnection,
  SecureConnectionOptions,
  SecuredConnection,
} from '@libp2p/interface';
import type { Hasher } from '../crypto/hasher.ts';
import type { Clock } from '../util/clock.ts';
import { errorText } from '../util/errors.ts';
import type { Random } from '../util/random.ts';
import { identifyCaller, proveCaller } from './caller.ts';
import { CallerLimits } from './caller-limits.ts';
import { CHEAP_HANDSHAKE_BYTES, HANDSHAKE_TIMEOUT_MS } from './limits.ts';
import type { LinkCredentials } from './link-credentials.ts';
import { LinkRefusal } from './link-refusal.ts';
import { presentedLink, shakeHands, socketOf } from './tls-handshake.ts';
import { TlsSession } from './tls-session.ts';
import { TlsStream } from './tls-stream.ts';
import { type LinkExpectations, verifyLink } from './verify-link.ts';

/** The multistream name of validator links' encryption. */
export const LINK_ENCRYPTION = '/av10/tls/1';

export interface TlsEncrypterOptions extends Omit<LinkExpectations, 'expectedPeer' | 'nowMs' | 'ownPublicKey'> {
  readonly hasher: Hasher;
  readonly clock: Clock;
  readonly random: Random;
  readonly peerKey: Ed25519PrivateKey;
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

  readonly #callers: CallerLimits;

  constructor(options: TlsEncrypterOptions) {
    this.#options = options;
    this.#callers = new CallerLimits(options.clock);
  }

  async secureInbound(stream: MessageStream, options: SecureConnectionOptions = {}): Promise<SecuredConnection> {
    const connection = stream as MultiaddrConnection;
    const { signal = AbortSignal.timeout(HANDSHAKE_TIMEOUT_MS) } = options;
    const caller = await this.#reported(undefined, () => this.#admitCaller(connection, signal));
    let isSpoiled = true;
    try {
      const secured = await this.#reported(undefined, () => this.#secure(connection, true, caller, signal));
      isSpoiled = false;
      return secured;
    } finally {
      this.#callers.end(caller, isSpoiled && bytesRead(connection) > CHEAP_HANDSHAKE_BYTES);
    }
  }

  async secureOutbound(stream: MessageStream, options: SecureConnectionOptions = {}): Promise<SecuredConnection> {
    const connection = stream as MultiaddrConnection;
    const { signal = AbortSignal.timeout(HANDSHAKE_TIMEOUT_MS), remotePeer } = options;
    const dialled = remotePeer?.toString();
    return await this.#reported(dialled, async () => {
      const { peerKey, networkId } = this.#options;
      await this.#prelude(proveCaller(connection, peerKey, { networkId, called: dialled ?? '' }, signal));
      return await this.#secure(connection, false, dialled, signal);
    });
  }

  /** The session that protects a connection; none where another encryption was agreed on, which is no link then. */
  sessionOf(connection: Connection): TlsSession | undefined {
    return this.#sessions.get(connection.timeline);
  }

  /** The peer id of a caller that may go on to TLS; whoever called this ends the handshake with it. */
  async #admitCaller(connection: MultiaddrConnection, signal: AbortSignal): Promise<string> {
    const { authority, networkId, ownPeerId, random } = this.#options;
    const isMember = (peerId: string) => authority(peerId) !== undefined;
    const scope = { networkId, called: ownPeerId };
    const caller = await this.#prelude(identifyCaller(connection, isMember, scope, random, signal));
    this.#callers.begin(caller);
    return caller;
  }

  async #prelude<T>(step: Promise<T>): Promise<T> {
    try {
      return await step;
    } catch (cause) {
      if (cause instanceof LinkRefusal) throw cause;
      const reason = errorText(cause);
      throw new LinkRefusal('HANDSHAKE_FAILED', 'the connection did not get as far as TLS', { reason }, { cause });
    }
  }

  async #reported<T>(dialled: string | undefined, step: () => Promise<T>): Promise<T> {
    try {
      return await step();
    } catch (error) {
      if (error instanceof LinkRefusal) this.#options.refused(error, dialled);
      throw error;
    }
  }

  /** `expectedPeer`: who was dialled, or who proved to call. */
  async #secure(
    connection: MultiaddrConnection,
    isServer: boolean,
    expectedPeer: string | undefined,
    signal: AbortSignal,
  ): Promise<SecuredConnection> {
    const { credentials, hasher, clock, verified } = this.#options;
    const own = credentials();
    const socket = await shakeHands(connection, own.context, isServer, signal);
    const expected = { ...this.#options, ownPublicKey: own.publicKey, expectedPeer };
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
  }
}

function bytesRead(connection: MultiaddrConnection): number {
  return socketOf(connection).bytesRead;
}
