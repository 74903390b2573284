import type { Connection, Stream } from '@libp2p/interface';
import type { Timer, Timers } from '../util/timers.ts';
import type { Channel } from '../util/transport.ts';
import { abortConnection } from './abort-connection.ts';
import { HANDSHAKE_TIMEOUT_MS, MAX_PENDING_PER_PEER } from './limits.ts';
import type { ChannelStreams } from './link.ts';
import type { RefusedLabel } from './metrics.ts';

interface Pending {
  readonly streams: Partial<Record<Channel, Stream>>;
  readonly deadline: Timer;
}

export interface InboundConnectionsOptions {
  readonly timers: Timers;
  /** Both streams are open; the receiver decides about the connection from here on. */
  readonly complete: (connection: Connection, streams: ChannelStreams) => void;
  readonly refused: (reason: RefusedLabel) => void;
}

/** Connections of admitted peers that have not opened both streams yet: few a peer, and for a short time. */
export class InboundConnections {
  readonly #options: InboundConnectionsOptions;
  readonly #pending = new Map<Connection, Pending>();

  constructor(options: InboundConnectionsOptions) {
    this.#options = options;
  }

  opened(connection: Connection): void {
    const ofPeer = [...this.#pending.keys()].filter((other) => other.remotePeer.equals(connection.remotePeer));
    if (ofPeer.length >= MAX_PENDING_PER_PEER && ofPeer[0] !== undefined) this.#refuse(ofPeer[0]);
    const deadline = this.#options.timers.after(HANDSHAKE_TIMEOUT_MS, () => this.#refuse(connection));
    this.#pending.set(connection, { streams: {}, deadline });
    connection.addEventListener('close', () => this.#forget(connection));
  }

  streamOpened(connection: Connection, channel: Channel, stream: Stream): void {
    const pending = this.#pending.get(connection);
    if (pending === undefined) {
      abortConnection(connection, 'an honest peer opens two streams, once, on connections that it dialled');
      return;
    }
    if (pending.streams[channel] !== undefined) {
      this.#refuse(connection);
      return;
    }
    pending.streams[channel] = stream;
    const { consensus, sync } = pending.streams;
    if (consensus === undefined || sync === undefined) return;
    this.#forget(connection);
    this.#options.complete(connection, { consensus, sync });
  }

  stop(): void {
    for (const connection of this.#pending.keys()) this.#refuse(connection);
  }

  #refuse(connection: Connection): void {
    this.#forget(connection);
    this.#options.refused('INCOMPLETE');
    abortConnection(connection, 'both streams are expected at once');
  }

  #forget(connection: Connection): void {
    this.#pending.get(connection)?.deadline.cancel();
    this.#pending.delete(connection);
  }
}
