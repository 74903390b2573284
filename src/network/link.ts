import type { Connection, Stream } from '@libp2p/interface';
import { MAX_FRAME_BYTES } from '../types/limits.ts';
import { assert } from '../util/assert.ts';
import { isCoded } from '../util/errors.ts';
import type { Timer, Timers } from '../util/timers.ts';
import type { Channel } from '../util/transport.ts';
import { abortConnection } from './abort-connection.ts';
import { ChannelWriter } from './channel-writer.ts';
import type { LinkDownReason, NetworkErrorCode } from './errors.ts';
import { FrameAssembler } from './frame-codec.ts';
import { SILENT_BEATS, STALLED_BEATS } from './limits.ts';
import type { NetworkMetrics } from './metrics.ts';

export const CHANNELS: readonly Channel[] = ['consensus', 'sync'];
export type ChannelStreams = Readonly<Record<Channel, Stream>>;

export interface LinkEvents {
  /** The acceptor confirmed a link that this node dialled. */
  accepted(link: Link): void;
  frame(link: Link, channel: Channel, frame: Uint8Array): void;
  /** Once, at the end; no other event follows. */
  ended(link: Link, reason: LinkDownReason): void;
}

export interface LinkOptions {
  readonly connection: Connection;
  readonly streams: ChannelStreams;
  readonly queueBytes: number;
  readonly beatMs: number;
  readonly timers: Timers;
  readonly metrics: NetworkMetrics;
  readonly events: LinkEvents;
}

/**
 * One connection with its two streams, from both being open until either ends. The dialler's link counts as up once the acceptor has sent its
 * first, empty frame; later empty frames keep it alive (docs/spec/links.md).
 */
export class Link {
  readonly connection: Connection;
  readonly #options: LinkOptions;
  readonly #writers: Readonly<Record<Channel, ChannelWriter>>;
  #state: 'opening' | 'up' | 'ended' = 'opening';
  #beat: Timer;
  #receivedSinceBeat = false;
  #sentSinceBeat = false;
  #silentBeats = 0;
  #stalledBeats = 0;

  constructor(options: LinkOptions) {
    this.connection = options.connection;
    this.#options = options;
    this.#writers = { consensus: this.#createWriter('consensus'), sync: this.#createWriter('sync') };
    for (const channel of CHANNELS) {
      options.streams[channel].addEventListener('close', () => this.end('CONNECTION_LOST'));
      options.streams[channel].addEventListener('remoteCloseWrite', () => this.end('CONNECTION_LOST'));
    }
    this.connection.addEventListener('close', () => this.end('CONNECTION_LOST'));
    this.#beat = options.timers.after(options.beatMs, () => this.#onBeat());
    if (this.connection.direction === 'inbound') {
      this.#state = 'up';
      this.#offer('consensus', []);
    }
  }

  /** Starts delivering frames. A dialled link reads its consensus stream only, for the confirmation, until that has come. */
  read(): void {
    this.#listen('consensus');
    if (this.#state === 'up') this.#listen('sync');
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

  /** Ends the link without an event, letting what libp2p and the kernel still hold reach the peer. */
  async finish(timeoutMs: number): Promise<void> {
    this.#release();
    try {
      await this.connection.close({ signal: AbortSignal.timeout(timeoutMs) });
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
    if (this.#state === 'opening') {
      this.#state = 'up';
      this.#listen('sync');
      events.accepted(this);
    }
    if (frame.length === 0) return;
    metrics.framesReceived.add(1, { channel });
    metrics.bytesReceived.add(frame.length);
    events.frame(this, channel, frame);
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
    if (!this.#sentSinceBeat && this.#state === 'up') this.#offer('consensus', []);
    this.#receivedSinceBeat = false;
    this.#sentSinceBeat = false;
    this.#beat = this.#options.timers.after(this.#options.beatMs, () => this.#onBeat());
  }
}
