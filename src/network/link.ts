import type { Connection, Stream } from '@libp2p/interface';
import { MAX_FRAME_BYTES } from '../types/limits.ts';
import { assert } from '../util/assert.ts';
import { equalBytes } from '../util/bytes.ts';
import type { Clock } from '../util/clock.ts';
import { isCoded } from '../util/errors.ts';
import type { Timer, Timers } from '../util/timers.ts';
import type { Channel } from '../util/transport.ts';
import { abortConnection } from './abort-connection.ts';
import { ChannelWriter } from './channel-writer.ts';
import type { LinkDownReason, NetworkErrorCode } from './errors.ts';
import { FrameAssembler } from './frame-codec.ts';
import { RENEWAL_JITTER_SHARE, RENEWAL_SHARE, RETIRE_AFTER_MS, SILENT_BEATS, STALLED_BEATS } from './limits.ts';
import type { NetworkMetrics } from './metrics.ts';
import type { NetworkTiming } from './options.ts';
import type { TlsSession } from './tls-session.ts';

export const CHANNELS: readonly Channel[] = ['consensus', 'sync'];
export type ChannelStreams = Readonly<Record<Channel, Stream>>;

export interface LinkEvents {
  /** The acceptor confirmed a link that this node dialled. */
  accepted(link: Link): void;
  frame(link: Link, channel: Channel, frame: Uint8Array): void;
  /** A dialled link is old or full enough to be followed by another; said once. */
  renewalDue(link: Link): void;
  /** Once, at the end; no other event follows. */
  ended(link: Link, reason: LinkDownReason): void;
}

export interface LinkOptions {
  readonly connection: Connection;
  readonly session: TlsSession;
  readonly streams: ChannelStreams;
  readonly queueBytes: number;
  readonly timing: NetworkTiming;
  /** From 0 to 1, at random: links of one moment are not renewed at one moment. */
  readonly jitter: number;
  readonly clock: Clock;
  readonly timers: Timers;
  readonly metrics: NetworkMetrics;
  readonly events: LinkEvents;
}

/**
 * One connection with its two streams, from both being open until either ends. The first frame each way is the binding of the handshake; the
 * dialler's link counts as up once the acceptor's has come. Empty frames keep a link alive (docs/spec/links.md).
 */
export class Link {
  readonly connection: Connection;
  readonly session: TlsSession;
  readonly #options: LinkOptions;
  readonly #writers: Readonly<Record<Channel, ChannelWriter>>;
  #state: 'opening' | 'up' | 'ended' = 'opening';
  /** Whether the peer's binding has come, before which nothing is delivered. */
  #isBound = false;
  #isRenewalDue = false;
  #beat: Timer;
  #receivedSinceBeat = false;
  #sentSinceBeat = false;
  #silentBeats = 0;
  #stalledBeats = 0;

  constructor(options: LinkOptions) {
    this.connection = options.connection;
    this.session = options.session;
    this.#options = options;
    this.#writers = { consensus: this.#createWriter('consensus'), sync: this.#createWriter('sync') };
    for (const channel of CHANNELS) {
      options.streams[channel].addEventListener('close', () => this.end('CONNECTION_LOST'));
      options.streams[channel].addEventListener('remoteCloseWrite', () => this.end('CONNECTION_LOST'));
    }
    this.connection.addEventListener('close', () => this.end('CONNECTION_LOST'));
    this.#beat = options.timers.after(options.timing.beatMs, () => this.#onBeat());
    if (!this.isDialled) this.#state = 'up';
    this.#offer('consensus', [options.session.binding]);
  }

  /** Starts to read: the consensus stream, until the peer's binding has come, then both. */
  read(): void {
    this.#listen('consensus');
  }

  get isDialled(): boolean {
    return this.connection.direction === 'outbound';
  }

  get waitingBytes(): number {
    return this.#writers.consensus.waitingBytes + this.#writers.sync.waitingBytes;
  }

  /** Queues a frame of at least one byte; false where the channel's queue is full. */
  send(channel: Channel, frame: readonly Uint8Array[]): boolean {
    assert(this.#state === 'up', 'frames are sent on links that are up');
    return this.#offer(channel, frame);
  }

  end(reason: LinkDownReason): void {
    if (this.#state === 'ended') return;
    this.#discard(reason);
    this.#options.events.ended(this, reason);
  }

  /** Ends the link without an event: whoever calls reports it. */
  abandon(reason: string): void {
    if (this.#state !== 'ended') this.#discard(reason);
  }

  /**
   * Ends the link without an event for one that takes its place. The connection stays open for a moment, so that the peer, for which the other
   * link is not up yet, does not take this one for lost.
   */
  retire(): void {
    this.#release();
    this.#options.timers.after(RETIRE_AFTER_MS, () => abortConnection(this.connection, 'another link took its place'));
  }

  /** Ends the link without an event, letting what the next writes take, libp2p and the kernel still hold reach the peer. */
  async finish(timeoutMs: number): Promise<void> {
    for (const channel of CHANNELS) this.#writers[channel].flush();
    this.#release();
    try {
      const signal = AbortSignal.timeout(timeoutMs);
      await this.session.flushed(signal);
      await this.connection.close({ signal });
    } catch {
      abortConnection(this.connection, 'not closed in time');
    }
  }

  #discard(reason: string): void {
    this.#release();
    abortConnection(this.connection, reason);
  }

  #release(): void {
    this.#state = 'ended';
    this.#beat.cancel();
    for (const channel of CHANNELS) this.#writers[channel].close();
  }

  #createWriter(channel: Channel): ChannelWriter {
    const { streams, queueBytes, metrics } = this.#options;
    return new ChannelWriter({
      stream: streams[channel],
      queueBytes,
      wrote: (bytes) => {
        metrics.writes.add(1);
        metrics.bytesSent.add(bytes);
      },
    });
  }

  #offer(channel: Channel, frame: readonly Uint8Array[]): boolean {
    this.#sentSinceBeat = true;
    return this.#writers[channel].offer(frame);
  }

  #listen(channel: Channel): void {
    const assembler = new FrameAssembler(MAX_FRAME_BYTES);
    this.#options.streams[channel].addEventListener('message', ({ data }) => {
      this.#receivedSinceBeat = true;
      try {
        for (const chunk of data instanceof Uint8Array ? [data] : data) {
          for (const frame of assembler.push(chunk)) {
            if (this.#state === 'ended') return;
            this.#receive(channel, frame);
          }
        }
      } catch (error) {
        if (!isCoded<NetworkErrorCode>(error, 'FRAME_TOO_LARGE')) throw error;
        this.end('FRAME_TOO_LARGE');
      }
    });
  }

  #receive(channel: Channel, frame: Uint8Array): void {
    const { events, metrics } = this.#options;
    if (!this.#isBound) {
      this.#bind(frame);
      return;
    }
    if (frame.length === 0) return;
    metrics.framesReceived.add(1, { channel });
    metrics.bytesReceived.add(frame.length);
    events.frame(this, channel, frame);
  }

  #bind(frame: Uint8Array): void {
    if (!equalBytes(frame, this.session.binding)) {
      this.end('BINDING_MISMATCH');
      return;
    }
    this.#isBound = true;
    this.#listen('sync');
    if (this.#state === 'up') return;
    this.#state = 'up';
    this.#options.events.accepted(this);
  }

  /** Keep-alive and supervision. Beats, not instants, are counted: after a stall of this process one late beat proves nothing about the peer. */
  #onBeat(): void {
    this.#silentBeats = this.#receivedSinceBeat ? 0 : this.#silentBeats + 1;
    const stalled = CHANNELS.map((channel) => this.#writers[channel].isStalled()).includes(true);
    this.#stalledBeats = stalled ? this.#stalledBeats + 1 : 0;
    if (this.#stalledBeats >= STALLED_BEATS) {
      this.end('SLOW_PEER');
      return;
    }
    if (this.#silentBeats >= SILENT_BEATS) {
      this.end('PEER_SILENT');
      return;
    }
    this.#checkWear();
    if (this.#state === 'ended') return;
    if (!this.#sentSinceBeat && this.#state === 'up') this.#offer('consensus', []);
    this.#receivedSinceBeat = false;
    this.#sentSinceBeat = false;
    this.#beat = this.#options.timers.after(this.#options.timing.beatMs, () => this.#onBeat());
  }

  /** The dialler renews in time; at the limit both ends let go. */
  #checkWear(): void {
    const { clock, timing, events, jitter } = this.#options;
    const age = (clock.monotonicMs() - this.session.startedMs) / timing.linkMaxAgeMs;
    const wear = Math.max(age, this.session.bytes / timing.linkMaxBytes);
    if (wear >= 1) {
      this.end('LINK_WORN');
      return;
    }
    if (!this.isDialled || this.#isRenewalDue || wear < RENEWAL_SHARE + jitter * RENEWAL_JITTER_SHARE) return;
    this.#isRenewalDue = true;
    events.renewalDue(this);
  }
}
