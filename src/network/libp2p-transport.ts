import type { Connection, Ed25519PrivateKey, Stream } from '@libp2p/interface';
import type { Libp2p } from 'libp2p';
import type { Hasher } from '../crypto/hasher.ts';
import type { Verifier } from '../crypto/signer.ts';
import { MAX_FRAME_BYTES } from '../types/limits.ts';
import { assert, assertDefined } from '../util/assert.ts';
import type { Clock } from '../util/clock.ts';
import type { Instruments } from '../util/instruments.ts';
import type { Logger } from '../util/logger.ts';
import type { Random } from '../util/random.ts';
import type { Timers } from '../util/timers.ts';
import type { Channel, PeerIndex, SendOutcome, Transport, TransportEvents } from '../util/transport.ts';
import { abortConnection } from './abort-connection.ts';
import { parseAddress, resolveHost, toMultiaddr } from './address.ts';
import { NetworkError } from './errors.ts';
import { createGater } from './gater.ts';
import { createHost, startHost } from './host.ts';
import { InboundConnections } from './inbound-connections.ts';
import { DEFAULT_SEND_QUEUE_BYTES, MIN_SEND_QUEUE_BYTES } from './limits.ts';
import { CHANNELS, type ChannelStreams } from './link.ts';
import type { OwnLinkKey } from './link-credentials.ts';
import { type LinkKeySeen, MemberKeys } from './member-keys.ts';
import { type NetworkMetrics, networkMetrics, type RefusedLabel } from './metrics.ts';
import type { OperationalKeyCertificate } from './operational-key.ts';
import { DEFAULT_TIMING, type NetworkOptions, type NetworkTiming, type PeerAddress } from './options.ts';
import { OwnCredentials } from './own-credentials.ts';
import { Peer } from './peer.ts';
import { isPeerId, peerIdOf, privateKeyOf } from './peer-key.ts';
import type { LinkPosture } from './posture.ts';
import { TlsEncrypter } from './tls-encrypter.ts';

export interface NetworkModules {
  readonly clock: Clock;
  readonly timers: Timers;
  readonly random: Random;
  readonly logger: Logger;
  readonly instruments: Instruments;
  readonly hasher: Hasher;
  readonly verifier: Verifier;
  readonly linkKeySeen: LinkKeySeen;
}

/** Links between the committee's validators over libp2p: TCP, TLS, yamux. Protocol and rules: docs/spec/links.md. */
export class Libp2pTransport implements Transport {
  readonly #options: NetworkOptions;
  readonly #modules: NetworkModules;
  readonly #metrics: NetworkMetrics;
  readonly #protocols: Readonly<Record<Channel, string>>;
  readonly #inbound: InboundConnections;
  /** By index in the committee; empty until started, and nobody at the own place. */
  #peers: readonly (Peer | undefined)[] = [];
  readonly #indexes: ReadonlyMap<string, PeerIndex>;
  readonly #memberKeys: MemberKeys;
  readonly #timing: NetworkTiming;
  #credentials: OwnCredentials | undefined;
  #ownLinkCertificate: OperationalKeyCertificate | undefined;
  #host: Libp2p | undefined;

  constructor(options: NetworkOptions, modules: NetworkModules) {
    assert(
      (options.sendQueueBytes ?? DEFAULT_SEND_QUEUE_BYTES) >= MIN_SEND_QUEUE_BYTES,
      'a send queue takes the largest frame',
    );
    this.#options = options;
    this.#modules = modules;
    this.#metrics = networkMetrics(modules.instruments);
    this.#protocols = {
      consensus: `/av10/${options.networkId}/consensus/1`,
      sync: `/av10/${options.networkId}/sync/1`,
    };
    this.#indexes = new Map(options.peers.map((peer, index) => [peer.peerId, index]));
    this.#ownLinkCertificate = options.linkKey.certificate;
    this.#timing = { ...DEFAULT_TIMING, ...options.timing };
    this.#memberKeys = new MemberKeys(options.peers, options.linkKeySequences ?? new Map(), modules.linkKeySeen);
    this.#inbound = new InboundConnections({
      timers: modules.timers,
      complete: (connection, streams) => this.#accept(connection, streams),
      refused: (reason) => this.#refused(reason),
    });
  }

  /** @throws NetworkError ADDRESS_INVALID, PEER_KEY_INVALID, PEER_KEY_MISMATCH, PEER_ID_INVALID, LINK_KEY_MISMATCH, LISTEN_FAILED */
  async start(events: TransportEvents): Promise<void> {
    assert(this.#host === undefined, 'a transport starts once');
    const { peers, peerKey, listen, linkKey } = this.#options;
    await this.#checkPeerIds();
    this.#credentials = await this.#createCredentials();
    await this.#credentials.use(linkKey);
    const knownHosts = await this.#resolveKnownHosts();
    const gater = createGater({
      admit: (peerId) => this.#admit(peerId),
      knownHosts,
      members: peers.length,
      clock: this.#modules.clock,
      refused: (reason) => this.#refused(reason),
    });
    const encrypter = this.#createEncrypter(this.#credentials, await privateKeyOf(peerKey));
    const host = await createHost({
      peerKey,
      listen,
      linkEncrypter: encrypter,
      gater,
      knownHosts,
      members: peers.length,
    });
    this.#host = host;
    this.#peers = peers.map((peer, index) => this.#createPeer(peer, index, host, encrypter, events));
    host.addEventListener('connection:open', ({ detail }) => {
      if (detail.direction === 'inbound') this.#opened(detail, encrypter);
    });
    for (const channel of CHANNELS) await host.handle(this.#protocols[channel], this.#streamHandler(channel));
    await startHost(host, listen);
    for (const peer of this.#peers) peer?.start();
  }

  /**
   * Shows another link key from now on, and makes every link anew with it, each before the old one ends.
   * @throws NetworkError LINK_KEY_MISMATCH; the present key stays in use then
   */
  async useLinkKey(linkKey: OwnLinkKey): Promise<void> {
    await assertDefined(this.#credentials, 'a started transport has credentials').use(linkKey);
    this.#ownLinkCertificate = linkKey.certificate;
    for (const peer of this.#peers) peer?.renew();
  }

  async stop(): Promise<void> {
    await Promise.all(this.#peers.map((peer) => peer?.stop()));
    this.#inbound.stop();
    this.#credentials?.stop();
    await this.#host?.stop();
  }

  send(peer: PeerIndex, channel: Channel, ...frame: readonly Uint8Array[]): SendOutcome {
    const bytes = frame.reduce((sum, part) => sum + part.length, 0);
    assert(bytes > 0 && bytes <= MAX_FRAME_BYTES, 'a frame has 1 to MAX_FRAME_BYTES bytes');
    return this.#peers[peer]?.send(channel, frame) ?? 'unlinked';
  }

  close(peer: PeerIndex, reason: string, holdMs: number): void {
    this.#peers[peer]?.close(reason, holdMs);
  }

  queuedBytes(peer: PeerIndex): number {
    return this.#peers[peer]?.waitingBytes ?? 0;
  }

  /** How the link to the peer is protected; undefined while none is up. */
  linkPosture(peer: PeerIndex): LinkPosture | undefined {
    return this.#peers[peer]?.posture;
  }

  /** Why no link to the peer is up, and when the next dial comes; undefined while one is up. */
  linkTrouble(peer: PeerIndex): Peer['trouble'] {
    return this.#peers[peer]?.trouble;
  }

  /** The certificate of the own link key; the key of the genesis does without. */
  get ownLinkCertificate(): OperationalKeyCertificate | undefined {
    return this.#ownLinkCertificate;
  }

  /** `host:port` pairs the node listens on. */
  get listenAddresses(): string[] {
    return (this.#host?.getMultiaddrs() ?? []).map((address) => {
      const [host, port] = address.getComponents();
      return `${host?.value}:${port?.value}`;
    });
  }

  /** The gate of this version: the committee without the own id, except whom the replica sent away for a while. */
  #admit(peerId: string): boolean {
    const peer = this.#peers[this.#indexes.get(peerId) ?? -1];
    return peer !== undefined && !peer.isHeld;
  }

  /** A connection without a session of the profile carries no link: noise, for example, which a member has no reason to use. */
  #opened(connection: Connection, encrypter: TlsEncrypter): void {
    if (encrypter.sessionOf(connection) !== undefined) {
      this.#inbound.opened(connection);
      return;
    }
    this.#refused('UNPROTECTED');
    setImmediate(() => abortConnection(connection, 'only TLS protects a link'));
  }

  async #createCredentials(): Promise<OwnCredentials> {
    const { networkId, peers, self, peerKey } = this.#options;
    return new OwnCredentials({
      ...this.#modules,
      networkId,
      peerKey: await privateKeyOf(peerKey),
      member: peers[self] as PeerAddress,
      certificateLifetimeMs: this.#timing.certificateLifetimeMs,
    });
  }

  #createEncrypter(credentials: OwnCredentials, peerKey: Ed25519PrivateKey): TlsEncrypter {
    const { networkId, peers, self } = this.#options;
    const { hasher, verifier, clock, random, logger } = this.#modules;
    return new TlsEncrypter({
      networkId,
      peerKey,
      random,
      hasher,
      verifier,
      clock,
      ownPeerId: (peers[self] as PeerAddress).peerId,
      authority: (peerId) => this.#memberKeys.authority(peerId),
      credentials: () => credentials.current,
      verified: (session) => this.#memberKeys.verified(session.peer),
      refused: (refusal, dialled) => {
        const { code, message } = refusal;
        this.#metrics.handshakesRefused.add(1, { code });
        const peer = this.#indexes.get(dialled ?? '');
        this.#peers[peer ?? -1]?.handshakeRefused(refusal);
        if (peer === undefined) logger.debug('handshake refused', { detail: message });
        else logger.warn('handshake with a member refused', { peer, detail: message });
      },
    });
  }

  #accept(connection: Connection, streams: ChannelStreams): void {
    const index = this.#indexes.get(connection.remotePeer.toString());
    const peer = this.#peers[assertDefined(index, 'admitted peers are members')];
    assertDefined(peer, 'nobody connects to itself').accept(connection, streams);
  }

  /**
   * In a turn of its own: libp2p would swallow an assertion that fails in the replica's `linkUp`, and a dial that is given up between opening a
   * stream and the microtask in which yamux announces it would throw there, where nobody catches.
   */
  #streamHandler(channel: Channel) {
    return (stream: Stream, connection: Connection): void =>
      void setImmediate(() => this.#inbound.streamOpened(connection, channel, stream));
  }

  #createPeer(
    peer: PeerAddress,
    index: PeerIndex,
    host: Libp2p,
    encrypter: TlsEncrypter,
    events: TransportEvents,
  ): Peer | undefined {
    const { self, peers, sendQueueBytes } = this.#options;
    if (index === self) return undefined;
    return new Peer({
      index,
      address: toMultiaddr(parseAddress(this.#addressOf(peer)), peer.peerId),
      isLower: (peers[self] as PeerAddress).peerId < peer.peerId,
      protocols: this.#protocols,
      queueBytes: sendQueueBytes ?? DEFAULT_SEND_QUEUE_BYTES,
      timing: this.#timing,
      host,
      clock: this.#modules.clock,
      timers: this.#modules.timers,
      random: this.#modules.random,
      logger: this.#modules.logger,
      metrics: this.#metrics,
      events,
      refused: (reason) => this.#refused(reason),
      sessionOf: (connection) => encrypter.sessionOf(connection),
      ownKeySequence: () => this.#ownLinkCertificate?.sequence ?? 0,
    });
  }

  #addressOf(peer: PeerAddress): string {
    return this.#options.addressOverrides?.get(peer.name) ?? peer.address;
  }

  async #checkPeerIds(): Promise<void> {
    for (const { peerId } of this.#options.peers) {
      if (!isPeerId(peerId))
        throw new NetworkError('PEER_ID_INVALID', `'${peerId}' is not the peer id of an Ed25519 key`, { peerId });
    }
    const expected = assertDefined(this.#options.peers[this.#options.self], 'this node is a member').peerId;
    const peerId = await peerIdOf(this.#options.peerKey);
    if (peerId === expected) return;
    throw new NetworkError('PEER_KEY_MISMATCH', 'the peer key is not the one that the genesis names', {
      peerId,
      expected,
    });
  }

  async #resolveKnownHosts(): Promise<ReadonlySet<string>> {
    const hosts = new Set(this.#options.peers.map((peer) => parseAddress(this.#addressOf(peer)).host));
    const known = await Promise.all([...hosts].map(resolveHost));
    return new Set(known.flat());
  }

  #refused(reason: RefusedLabel): void {
    this.#metrics.refused.add(1, { reason });
    this.#modules.logger.debug('connection refused', { reason });
  }
}
