import type { Hasher } from '../crypto/hasher.ts';
import type { Committee } from '../params/committee.ts';
import type { AuthorIndex, ParamsHash } from '../types/ids.ts';
import type { ExchangeState, Hello, Message, RefuseCode } from '../types/message.ts';
import { decodeMessage, encodeMessage } from '../types/message-codec.ts';
import { assertDefined } from '../util/assert.ts';
import type { Clock } from '../util/clock.ts';
import { errorText } from '../util/errors.ts';
import type { Logger } from '../util/logger.ts';
import type { Timer, Timers } from '../util/timers.ts';
import type { Channel, SendOutcome, Transport, TransportEvents } from '../util/transport.ts';
import type { PeerFault } from './errors.ts';
import { PROTOCOL_VERSION, type ReplicaIdentity, type ReplicaOptions } from './options.ts';

/** How long a peer that broke a rule stays away, by its number of offences. */
const PENALTY_HOLDS_MS = [1_000, 5_000, 30_000, 300_000] as const;

/**
 * A second process takes the link of the one that is served, which dials again half a second later at the earliest: it must not find itself held
 * for the other's sake, time after time, until its lease is over.
 */
const IN_USE_HOLD_MS = 250;
/** For so long the refused process stays away, so that the other is linked, and its lease renewed, before it asks again. */
const REFUSED_HOLD_MS = 2_000;

/** A peer that has not greeted this long after its link came up is dialled anew: half a link helps nobody. */
const HELLO_TIMEOUT_MS = 5_000;

export interface LinkEvents {
  /** Greeted both ways: messages may be sent and will arrive. */
  established(peer: AuthorIndex, state: ExchangeState): void;
  lost(peer: AuthorIndex): void;
  message(peer: AuthorIndex, message: Message): void;
  /** A lease was renewed: what `maySign` refused may be allowed now. */
  leaseRenewed(peer: AuthorIndex): void;
  /** The peer serves another process of this identity. It was asked when the link came up, on the monotonic clock. */
  identityRefused(peer: AuthorIndex, askedMs: number, nowMs: number): void;
  /** Its queue was full when it should have heard of something, and is empty now. */
  owed(peer: AuthorIndex): void;
  /** Once a lease interval, per established peer. */
  pulse(peer: AuthorIndex): void;
  /** The state that goes into hellos. */
  state(): ExchangeState;
}

interface PeerLink {
  phase: 'down' | 'greeting' | 'established';
  upMs: number;
  /** The process that speaks for this identity, and when this node last answered its lease question. */
  holder: { readonly bootId: string; grantedMs: number } | undefined;
  /** The newest own question that the peer answered, on the own monotonic clock. */
  answeredMs: number | undefined;
  seenMs: number | undefined;
  offences: number;
  /** With what this end or the other refused the last greeting. */
  refusal: RefuseCode | undefined;
  /** A push was dropped because the queue was full: an exchange is owed. */
  owesExchange: boolean;
}

interface LinkModules {
  readonly transport: Transport;
  readonly hasher: Hasher;
  readonly clock: Clock;
  readonly timers: Timers;
  readonly logger: Logger;
}

/**
 * Links to the other validators: greeting, the lease that keeps two processes of one identity from both signing, message encoding, and penalties
 * (docs/spec/links.md).
 */
export class Links implements TransportEvents {
  readonly #identity: ReplicaIdentity;
  readonly #committee: Committee;
  readonly #paramsHash: ParamsHash;
  readonly #options: ReplicaOptions;
  readonly #modules: LinkModules;
  readonly #events: LinkEvents;
  readonly #peers: readonly PeerLink[];
  /** Before this the node grants no lease: it may have forgotten one that it granted in an earlier life. */
  #grantsFromMs = 0;
  #pulseTimer: Timer | undefined;

  constructor(
    setup: {
      readonly identity: ReplicaIdentity;
      readonly committee: Committee;
      readonly paramsHash: ParamsHash;
      readonly options: ReplicaOptions;
    },
    modules: LinkModules,
    events: LinkEvents,
  ) {
    this.#identity = setup.identity;
    this.#committee = setup.committee;
    this.#paramsHash = setup.paramsHash;
    this.#options = setup.options;
    this.#modules = modules;
    this.#events = events;
    this.#peers = setup.committee.members.map(() => ({
      phase: 'down',
      upMs: 0,
      holder: undefined,
      answeredMs: undefined,
      seenMs: undefined,
      offences: 0,
      refusal: undefined,
      owesExchange: false,
    }));
  }

  /** `mayHaveGranted`: this node ran before, so that leases it granted may still be alive. */
  async start(mayHaveGranted: boolean): Promise<void> {
    if (mayHaveGranted) this.#grantsFromMs = this.#now() + this.#options.identityHoldMs;
    await this.#modules.transport.start(this);
    this.#schedulePulse();
  }

  /** Frees the identity for another process, then ends all links. */
  async stop(): Promise<void> {
    this.#pulseTimer?.cancel();
    this.broadcast({ type: 'release' });
    await this.#modules.transport.stop();
  }

  isEstablished(peer: AuthorIndex): boolean {
    return this.#link(peer).phase === 'established';
  }

  established(): AuthorIndex[] {
    return this.#others().filter((peer) => this.isEstablished(peer));
  }

  /** What an operator asks of a peer: how long ago it was heard, and what waits to be sent to it. */
  activity(peer: AuthorIndex): { readonly lastSeenMs: number | undefined; readonly queuedBytes: number } {
    const { seenMs } = this.#link(peer);
    const lastSeenMs = seenMs === undefined ? undefined : Math.floor(this.#now() - seenMs);
    return { lastSeenMs, queuedBytes: this.#modules.transport.queuedBytes(peer) };
  }

  /** Why the last greeting led to no link; undefined while one is established. */
  refusal(peer: AuthorIndex): RefuseCode | undefined {
    return this.#link(peer).refusal;
  }

  send(peer: AuthorIndex, message: Message): SendOutcome {
    return this.sendEncoded(peer, channelOf(message), encodeMessage(message));
  }

  /** Sends the same bytes to every established peer; a full queue leaves that peer an exchange owed. */
  broadcast(message: Message): void {
    const bytes = encodeMessage(message);
    for (const peer of this.established()) this.sendEncoded(peer, channelOf(message), bytes);
  }

  sendEncoded(peer: AuthorIndex, channel: Channel, bytes: Uint8Array): SendOutcome {
    if (!this.isEstablished(peer)) return 'unlinked';
    const outcome = this.#modules.transport.send(peer, channel, bytes);
    if (outcome === 'dropped') this.#link(peer).owesExchange = true;
    return outcome;
  }

  /** Ends the link to a peer that broke a rule; each offence keeps it away longer. */
  penalise(peer: AuthorIndex, fault: PeerFault, detail: string): void {
    const link = this.#link(peer);
    const holdMs = PENALTY_HOLDS_MS[Math.min(link.offences, PENALTY_HOLDS_MS.length - 1)] as number;
    link.offences += 1;
    this.#modules.logger.warn('peer broke a rule', { peer, fault, detail, holdMs });
    this.#modules.transport.close(peer, fault, holdMs);
  }

  /** True while peers with a quorum of the voting power, counting this node, answered a recent question of this process. */
  maySign(): boolean {
    const since = this.#now() - this.#options.leaseMs;
    let power = this.#committee.power(this.#identity.own);
    for (const peer of this.#others()) {
      const { answeredMs } = this.#link(peer);
      if (answeredMs !== undefined && answeredMs > since) power += this.#committee.power(peer);
    }
    return power >= this.#committee.quorum;
  }

  linkUp(peer: AuthorIndex): void {
    const link = this.#link(peer);
    link.phase = 'greeting';
    link.upMs = this.#now();
    link.owesExchange = false;
    this.#modules.transport.send(peer, 'consensus', encodeMessage(this.#hello(peer)));
  }

  linkDown(peer: AuthorIndex, reason: string): void {
    const link = this.#link(peer);
    const wasEstablished = link.phase === 'established';
    link.phase = 'down';
    this.#modules.logger.info('link down', { peer, reason });
    if (wasEstablished) this.#events.lost(peer);
  }

  frame(peer: AuthorIndex, channel: Channel, frame: Uint8Array): void {
    let message: Message;
    try {
      message = decodeMessage(this.#modules.hasher, frame);
    } catch (error) {
      this.penalise(peer, 'MALFORMED_FRAME', errorText(error));
      return;
    }
    if (channelOf(message) !== channel)
      this.penalise(peer, 'UNEXPECTED_MESSAGE', `${message.type} on channel ${channel}`);
    else this.#receive(peer, message);
  }

  #receive(peer: AuthorIndex, message: Message): void {
    const link = this.#link(peer);
    link.seenMs = this.#now();
    if (message.type === 'hello') {
      if (link.phase === 'greeting') this.#greet(peer, message);
      else this.penalise(peer, 'UNEXPECTED_MESSAGE', 'second hello');
      return;
    }
    if (message.type === 'refuse') {
      link.refusal = message.code;
      this.#modules.logger.warn('peer refused the link', { peer, code: message.code });
      if (message.code === 'IDENTITY_IN_USE') this.#refused(peer);
      return;
    }
    // The peer's hello may still be under way on the other channel.
    if (link.phase !== 'established') return;
    if (message.type === 'lease') this.#answerLease(peer, message.timeMs);
    else if (message.type === 'lease-ok') this.#leaseAnswered(peer, message.timeMs);
    else if (message.type === 'release') link.holder = undefined;
    else this.#events.message(peer, message);
  }

  #greet(peer: AuthorIndex, hello: Hello): void {
    const refusal = this.#refusal(peer, hello);
    if (refusal !== undefined) {
      this.#link(peer).refusal = refusal;
      this.#modules.transport.send(peer, 'consensus', encodeMessage({ type: 'refuse', code: refusal }));
      const holdMs = refusal === 'IDENTITY_IN_USE' ? IN_USE_HOLD_MS : PENALTY_HOLDS_MS[0];
      this.#modules.transport.close(peer, refusal, holdMs);
      return;
    }
    const link = this.#link(peer);
    if (link.holder?.bootId !== hello.bootId) link.holder = { bootId: hello.bootId, grantedMs: this.#now() };
    link.phase = 'established';
    link.refusal = undefined;
    this.#modules.logger.info('link established', { peer, commit: hello.state.commitIndex });
    this.#askLease(peer);
    this.#events.established(peer, hello.state);
  }

  #refusal(peer: AuthorIndex, hello: Hello): RefuseCode | undefined {
    const { networkId, epoch } = this.#identity;
    if (hello.networkId !== networkId) return 'OTHER_NETWORK';
    if (hello.protocolVersion !== PROTOCOL_VERSION) return 'OTHER_VERSION';
    if (hello.epoch === epoch && hello.paramsHash !== this.#paramsHash) return 'OTHER_PARAMETERS';
    if (hello.author !== peer) return 'WRONG_PEER';
    if (hello.senderPeerId !== this.#committee.member(peer).peerId) return 'WRONG_PEER';
    if (hello.receiverPeerId !== this.#committee.member(this.#identity.own).peerId) return 'WRONG_PEER';
    if (hello.state.highestRounds.length !== this.#committee.size) return 'OTHER_PARAMETERS';
    const { holder } = this.#link(peer);
    const held = holder !== undefined && this.#now() - holder.grantedMs < this.#options.identityHoldMs;
    return held && holder.bootId !== hello.bootId ? 'IDENTITY_IN_USE' : undefined;
  }

  #hello(peer: AuthorIndex): Hello {
    const { networkId, epoch, own, bootId } = this.#identity;
    return {
      type: 'hello',
      networkId,
      epoch,
      paramsHash: this.#paramsHash,
      protocolVersion: PROTOCOL_VERSION,
      author: own,
      bootId,
      senderPeerId: this.#committee.member(own).peerId,
      receiverPeerId: this.#committee.member(peer).peerId,
      state: this.#events.state(),
    };
  }

  #schedulePulse(): void {
    this.#pulseTimer = this.#modules.timers.after(this.#options.leaseIntervalMs, () => {
      this.#schedulePulse();
      for (const peer of this.#others()) {
        const { phase, upMs } = this.#link(peer);
        if (phase === 'established') this.#pulse(peer);
        else if (phase === 'greeting' && this.#now() - upMs >= HELLO_TIMEOUT_MS)
          this.#modules.transport.close(peer, 'NO_HELLO', PENALTY_HOLDS_MS[0]);
      }
    });
  }

  #pulse(peer: AuthorIndex): void {
    const link = this.#link(peer);
    this.#askLease(peer);
    if (link.owesExchange && this.#modules.transport.queuedBytes(peer) === 0) {
      link.owesExchange = false;
      this.#events.owed(peer);
    }
    this.#events.pulse(peer);
  }

  #askLease(peer: AuthorIndex): void {
    this.send(peer, { type: 'lease', timeMs: Math.floor(this.#now()) });
  }

  #answerLease(peer: AuthorIndex, timeMs: number): void {
    const { holder } = this.#link(peer);
    const now = this.#now();
    if (holder === undefined || now < this.#grantsFromMs) return;
    holder.grantedMs = now;
    this.send(peer, { type: 'lease-ok', timeMs });
  }

  /** A lease counts from when its question was sent, so that no delay on the way extends it; a time in the future is no answer. */
  #leaseAnswered(peer: AuthorIndex, timeMs: number): void {
    const link = this.#link(peer);
    if (timeMs > this.#now()) return;
    link.answeredMs = Math.max(link.answeredMs ?? 0, timeMs);
    this.#events.leaseRenewed(peer);
  }

  #refused(peer: AuthorIndex): void {
    this.#modules.transport.close(peer, 'IDENTITY_IN_USE', REFUSED_HOLD_MS);
    this.#events.identityRefused(peer, this.#link(peer).upMs, this.#now());
  }

  #others(): AuthorIndex[] {
    return this.#peers.map((_, peer) => peer).filter((peer) => peer !== this.#identity.own);
  }

  #link(peer: AuthorIndex): PeerLink {
    return assertDefined(this.#peers[peer], 'peer index within the committee');
  }

  #now(): number {
    return this.#modules.clock.monotonicMs();
  }
}

/** Bulk answers travel apart, so that a block never waits behind a catch-up. */
export function channelOf(message: Message): Channel {
  switch (message.type) {
    case 'commits-reply':
    case 'commits':
    case 'certificate':
    case 'certificate-reply':
    case 'recovery':
    case 'recovery-reply':
    case 'fetch':
    case 'fetch-reply':
      return 'sync';
    default:
      return 'consensus';
  }
}
