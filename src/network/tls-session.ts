import { once } from 'node:events';
import type { TLSSocket } from 'node:tls';
import type { Hasher } from '../crypto/hasher.ts';
import type { Clock } from '../util/clock.ts';
import type { NegotiatedTls } from './tls-profile.ts';
import type { VerifiedLink } from './verify-link.ts';

const EXPORTER_LABEL = 'av10 link 1';
const EXPORTER_BYTES = 32;

/** The protection of one connection: with whom, by what, since when, and how much it has carried. */
export class TlsSession {
  readonly peer: VerifiedLink;
  readonly ownKeySequence: number;
  readonly negotiated: NegotiatedTls;
  /** What both ends of this very handshake know, and nobody else: the first frame each way repeats it. */
  readonly binding: Uint8Array;
  readonly startedMs: number;
  readonly #socket: TLSSocket;

  constructor(init: {
    readonly socket: TLSSocket;
    readonly negotiated: NegotiatedTls;
    readonly peer: VerifiedLink;
    readonly ownKeySequence: number;
    readonly hasher: Hasher;
    readonly clock: Clock;
  }) {
    const { socket, negotiated, peer, ownKeySequence, hasher, clock } = init;
    this.peer = peer;
    this.ownKeySequence = ownKeySequence;
    this.negotiated = negotiated;
    this.binding = hasher.hash('bind', socket.exportKeyingMaterial(EXPORTER_BYTES, EXPORTER_LABEL, Buffer.alloc(0)));
    this.startedMs = clock.monotonicMs();
    this.#socket = socket;
  }

  /** Bytes both ways so far. */
  get bytes(): number {
    return this.#socket.bytesRead + this.#socket.bytesWritten;
  }

  /** Until what was written is with the kernel; rejects at the signal. */
  async flushed(signal: AbortSignal): Promise<void> {
    if (this.#socket.writableLength > 0) await once(this.#socket, 'drain', { signal });
  }
}
