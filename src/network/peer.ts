import type { Connection } from '@libp2p/interface';
import type { Multiaddr } from '@multiformats/multiaddr';
import type { Libp2p } from 'libp2p';
import type { Clock } from '../util/clock.ts';
import type { Logger } from '../util/logger.ts';
import type { Random } from '../util/random.ts';
import type { Timer, Timers } from '../util/timers.ts';
import type { Channel, PeerIndex, SendOutcome, TransportEvents } from '../util/transport.ts';
import { abortConnection } from './abort-connection.ts';
import type { LinkDownReason } from './errors.ts';
import { FLUSH_ON_STOP_MS, HANDSHAKE_TIMEOUT_MS, RETRY_DELAYS_MS, SIMULTANEOUS_DIAL_MS } from './limits.ts';
import { type ChannelStreams, Link, type LinkEvents } from './link.ts';
import type { LinkRefusal } from './link-refusal.ts';
import { dialTrouble, type LinkTrouble, refusalTrouble } from './link-trouble.ts';
import type { LinkEndedLabel, NetworkMetrics, RefusedLabel } from './metrics.ts';
import type { NetworkTiming } from './options.ts';
import { type LinkPosture, linkPosture } from './posture.ts';
import { LINK_ENCRYPTION } from './tls-encrypter.ts';
import type { TlsSession } from './tls-session.ts';

export interface PeerOptions {
  readonly index: PeerIndex;
  readonly address: Multiaddr;
  /** Whether the own peer id is the lower one: its dial wins when both dial at once. */
  readonly isLower: boolean;
  readonly protocols: Readonly<Record<Channel, string>>;
  readonly queueBytes: number;
  readonly timing: NetworkTiming;
  readonly host: Libp2p;
  readonly clock: Clock;
  readonly timers: Timers;
  readonly random: Random;
  readonly logger: Logger;
  readonly metrics: NetworkMetrics;
  readonly events: TransportEvents;
  readonly refused: (reason: RefusedLabel) => void;
  /** What protects a connection; none where it is no TLS of the profile. */
  readonly sessionOf: (connection: Connection) => TlsSession | undefined;
  /** Of the own link key that handshakes show now. */
  readonly ownKeySequence: () => number;
}

interface Attempt {
  readonly abort: AbortController;
  readonly deadline: Timer;
  connection?: Connection;
  link?: Link;
  /** What its handshake was refused with, which libp2p does not pass on. */
  refusal?: LinkTrouble;
}

/** The one logical link to another validator: dialled until it is up, at most one at a time (docs/spec/links.md). */
export class Peer {
  readonly #options: PeerOptions;
  readonly #linkEvents: LinkEvents;
  #link: Link | undefined;
  #upSinceMs = { monotonic: 0, wall: 0 };
  #attempt: Attempt | undefined;
  #nextDial: Timer | undefined;
  #nextDialMs = 0;
  #failures = 0;
  #trouble: LinkTrouble | undefined;
  #heldUntilMs = 0;
  #stopped = false;

  constructor(options: PeerOptions) {
    this.#options = options;
    const { events, index } = options;
    this.#linkEvents = {
      accepted: (link) => {
        if (this.#attempt?.link === link) this.#linkUp(link);
      },
      frame: (link, channel, frame) => {
        if (this.#link === link) events.frame(index, channel, frame);
      },
      renewalDue: (link) => {
        if (this.#link === link) this.renew();
      },
      ended: (link, reason) => {
        if (this.#link === link) this.#linkDown(reason);
        else if (this.#attempt?.link === link) this.#attemptFailed(this.#attempt, { code: reason, detail: '' });
      },
    };
  }

  start(): void {
    this.#dialAfter(this.#options.isLower ? 0 : this.#options.timing.higherDialDelayMs);
  }

  get isHeld(): boolean {
    return this.#options.clock.monotonicMs() < this.#heldUntilMs;
  }

  get posture(): LinkPosture | undefined {
    return this.#link && linkPosture(LINK_ENCRYPTION, this.#link.session, this.#upSinceMs.wall);
  }

  /** Why no link is up, and in how many milliseconds this end dials again; undefined while one is up. */
  get trouble(): (LinkTrouble & { readonly nextDialMs: number }) | undefined {
    if (this.#link !== undefined || this.#trouble === undefined) return undefined;
    return {
      ...this.#trouble,
      nextDialMs: Math.max(0, Math.ceil(this.#nextDialMs - this.#options.clock.monotonicMs())),
    };
  }

  get waitingBytes(): number {
    return this.#link?.waitingBytes ?? 0;
  }

  send(channel: Channel, frame: readonly Uint8Array[]): SendOutcome {
    const { metrics } = this.#options;
    if (this.#link === undefined) return 'unlinked';
    const queued = this.#link.send(channel, frame);
    (queued ? metrics.framesSent : metrics.framesDropped).add(1, { channel });
    return queued ? 'queued' : 'dropped';
  }

  /** Ends the link for the replica and refuses the peer for a while. `linkDown` follows after the caller's turn. */
  close(reason: string, holdMs: number): void {
    const { clock, events, index } = this.#options;
    this.#heldUntilMs = clock.monotonicMs() + holdMs;
    this.#abandonAttempt();
    if (this.#link !== undefined) {
      void this.#link.finish(FLUSH_ON_STOP_MS); // the replica's last word says why
      this.#clearLink('BY_REPLICA');
      queueMicrotask(() => events.linkDown(index, reason));
    }
    this.#dialAfter(Math.max(holdMs, this.#retryDelayMs()));
  }

  /** Dials a link with fresh keys, which takes the place of the present one once it is up. */
  renew(): void {
    if (this.#link !== undefined && this.#attempt === undefined) this.#dialAfter(0);
  }

  /** The handshake of the dial that is under way was refused, here or there. */
  handshakeRefused(refusal: LinkRefusal): void {
    if (this.#attempt !== undefined) this.#attempt.refusal = refusalTrouble(refusal);
  }

  /** A connection of this peer, proven by TLS, has opened both streams. */
  accept(connection: Connection, streams: ChannelStreams): void {
    const session = this.#options.sessionOf(connection);
    if (session === undefined || this.#stopped || this.isHeld || this.#prefersOwnDial() || !isOpen(streams)) {
      this.#options.refused('DUPLICATE');
      abortConnection(connection, 'this link is not wanted');
      return;
    }
    if (this.#link !== undefined) {
      this.#link.retire();
      this.#linkDown('REPLACED');
    }
    const link = this.#createLink(connection, session, streams);
    this.#linkUp(link);
    link.read();
  }

  /** Sends what waits, within limits, and ends the link for good. */
  async stop(): Promise<void> {
    const { timers, events, index } = this.#options;
    this.#stopped = true;
    this.#nextDial?.cancel();
    this.#abandonAttempt();
    for (let waitedMs = 0; this.waitingBytes > 0 && waitedMs < FLUSH_ON_STOP_MS; waitedMs += FLUSH_POLL_MS) {
      await new Promise<void>((resolve) => timers.after(FLUSH_POLL_MS, resolve));
    }
    const link = this.#link;
    if (link === undefined) return;
    this.#clearLink('STOPPED');
    await link.finish(FLUSH_ON_STOP_MS);
    events.linkDown(index, 'STOPPED');
  }

  /**
   * Whether an inbound connection gives way to an own dial. Both ends judge alike: the lower id's dial wins when both dialled at once. A peer
   * that connects when its link has long been up has lost it, by a restart or a broken path, and the new connection replaces the old.
   */
  #prefersOwnDial(): boolean {
    if (!this.#options.isLower) return false;
    if (this.#attempt?.connection !== undefined) return true;
    if (this.#link === undefined) return false;
    const ageMs = this.#options.clock.monotonicMs() - this.#upSinceMs.monotonic;
    return this.#link.isDialled && ageMs < SIMULTANEOUS_DIAL_MS;
  }

  #dialAfter(delayMs: number): void {
    this.#nextDial?.cancel();
    this.#nextDialMs = this.#options.clock.monotonicMs() + delayMs;
    this.#nextDial = this.#options.timers.after(delayMs, () => void this.#dial());
  }

  async #dial(): Promise<void> {
    const { timers, host, address, protocols, sessionOf } = this.#options;
    const abort = new AbortController();
    const attempt: Attempt = {
      abort,
      deadline: timers.after(HANDSHAKE_TIMEOUT_MS, () => this.#attemptFailed(attempt, NO_ANSWER)),
    };
    this.#attempt = attempt;
    try {
      const connection = await host.dial(address, { signal: abort.signal, force: true });
      attempt.connection = connection;
      if (this.#attempt !== attempt) throw new Error('this dial was given up');
      const session = sessionOf(connection);
      if (session === undefined) throw new Error('only TLS protects a link');
      const [consensus, sync] = await Promise.all([
        connection.newStream(protocols.consensus, { signal: abort.signal }),
        connection.newStream(protocols.sync, { signal: abort.signal }),
      ]);
      if (this.#attempt !== attempt || !isOpen({ consensus, sync })) throw new Error('this dial was given up');
      attempt.link = this.#createLink(connection, session, { consensus, sync });
      attempt.link.read();
    } catch (error) {
      abortConnection(attempt.connection, 'this dial failed');
      this.#attemptFailed(attempt, dialTrouble(error));
    }
  }

  #attemptFailed(attempt: Attempt, cause: LinkTrouble): void {
    if (this.#attempt !== attempt) return;
    this.#trouble = attempt.refusal ?? cause;
    this.#options.logger.debug('dial failed', { peer: this.#options.index, cause: cause.detail || cause.code });
    this.#abandonAttempt();
    this.#dialAfter(this.#retryDelayMs());
    this.#failures += 1;
  }

  #abandonAttempt(): void {
    const attempt = this.#attempt;
    this.#attempt = undefined;
    attempt?.deadline.cancel();
    attempt?.abort.abort();
    attempt?.link?.abandon('this dial was given up');
    abortConnection(attempt?.connection, 'this dial was given up');
  }

  #createLink(connection: Connection, session: TlsSession, streams: ChannelStreams): Link {
    const { queueBytes, timing, clock, timers, metrics } = this.#options;
    return new Link({
      connection,
      session,
      streams,
      queueBytes,
      timing,
      jitter: this.#jitter(),
      clock,
      timers,
      metrics,
      events: this.#linkEvents,
    });
  }

  #linkUp(link: Link): void {
    const { clock, events, index, logger, metrics } = this.#options;
    if (this.#attempt?.link === link) {
      this.#attempt.deadline.cancel();
      this.#attempt = undefined;
    } else {
      this.#abandonAttempt();
    }
    this.#nextDial?.cancel();
    this.#failures = 0;
    const old = this.#link;
    if (old !== undefined) {
      metrics.linksRenewed.add(1);
      old.abandon('RENEWED');
      this.#clearLink('RENEWED');
      events.linkDown(index, 'RENEWED');
    }
    this.#link = link;
    this.#trouble = undefined;
    this.#upSinceMs = { monotonic: clock.monotonicMs(), wall: clock.wallMs() };
    metrics.linkUp();
    logger.info('link up', { peer: index, dialled: link.isDialled });
    if (link.session.ownKeySequence !== this.#options.ownKeySequence()) this.renew(); // the key changed meanwhile
    events.linkUp(index);
  }

  #linkDown(reason: LinkDownReason): void {
    this.#clearLink(reason);
    if (!this.#stopped) this.#dialAfter(this.#retryDelayMs());
    this.#options.events.linkDown(this.#options.index, reason);
  }

  #clearLink(reason: LinkEndedLabel): void {
    this.#link = undefined;
    this.#trouble = { code: reason, detail: '' };
    this.#options.metrics.linkDown(reason);
    this.#options.logger.info('link down', { peer: this.#options.index, reason });
  }

  #retryDelayMs(): number {
    const delayMs = RETRY_DELAYS_MS[Math.min(this.#failures, RETRY_DELAYS_MS.length - 1)] as number;
    return Math.ceil(delayMs * (1 - this.#jitter() / 2));
  }

  #jitter(): number {
    const [byte = 0] = this.#options.random.bytes(1);
    return byte / 256;
  }
}

/** A stream that ended before anybody listened would never say so. */
function isOpen(streams: ChannelStreams): boolean {
  return streams.consensus.status === 'open' && streams.sync.status === 'open';
}

const NO_ANSWER: LinkTrouble = { code: 'NO_ANSWER', detail: `no answer within ${HANDSHAKE_TIMEOUT_MS / 1_000} s` };
/** While stopping only. */
const FLUSH_POLL_MS = 10;
