import type { Stream } from '@libp2p/interface';
import { BoundedQueue } from '../util/bounded-queue.ts';
import { encodeFrame } from './frame-codec.ts';
import { MAX_QUEUED_FRAMES, WRITE_BYTES } from './limits.ts';

export interface ChannelWriterOptions {
  readonly stream: Stream;
  readonly queueBytes: number;
  /** A write of so many bytes was handed to the stream. */
  readonly wrote: (bytes: number) => void;
}

/**
 * The sending half of a channel: a bounded queue of frames, written in gathered pieces whenever the stream takes them. After a write that the
 * stream could not pass on at once nothing more is written until its `drain` event, so that at most one write waits inside libp2p. `onDrain()`
 * of @libp2p/utils 7.4.1 is not used: its promise is never renewed, and waiting for it spins.
 */
export class ChannelWriter {
  readonly #stream: Stream;
  readonly #wrote: (bytes: number) => void;
  readonly #queue: BoundedQueue<readonly Uint8Array[]>;
  /** The frame being cut into writes, and the place in it. */
  #chunks: readonly Uint8Array[] = [];
  #chunkIndex = 0;
  #chunkOffset = 0;
  #currentBytes = 0;
  #flush: NodeJS.Immediate | undefined;
  #writtenBytes = 0;
  #acceptedAtLastCheck = 0;

  constructor(options: ChannelWriterOptions) {
    this.#stream = options.stream;
    this.#wrote = options.wrote;
    this.#queue = new BoundedQueue({ maxItems: MAX_QUEUED_FRAMES, maxBytes: options.queueBytes });
    // libp2p clears its own waiting state in a microtask that it queues before this one.
    this.#stream.addEventListener('drain', () => queueMicrotask(() => this.#write()));
  }

  /** Bytes that wait here or inside libp2p. */
  get waitingBytes(): number {
    return this.#queue.bytes + this.#currentBytes + this.#stream.writeBufferLength;
  }

  /** Queues a frame; false where the queue is full. What was queued in one turn of the event loop is written together. */
  offer(parts: readonly Uint8Array[]): boolean {
    const { chunks, bytes } = encodeFrame(parts);
    if (!this.#queue.push(chunks, bytes)) return false;
    this.#flush ??= setImmediate(() => {
      this.#flush = undefined;
      this.#write();
    });
    return true;
  }

  /** Whether bytes wait and none was taken since the last call. */
  isStalled(): boolean {
    const accepted = this.#writtenBytes - this.#stream.writeBufferLength;
    const stalled = this.waitingBytes > 0 && accepted === this.#acceptedAtLastCheck;
    this.#acceptedAtLastCheck = accepted;
    return stalled;
  }

  /** Hands over at once what the stream takes, instead of at the end of this turn. */
  flush(): void {
    clearImmediate(this.#flush);
    this.#flush = undefined;
    this.#write();
  }

  close(): void {
    clearImmediate(this.#flush);
    this.#queue.clear();
    this.#chunks = [];
    this.#currentBytes = 0;
  }

  #write(): void {
    while (!this.#stream.writableNeedsDrain && this.#stream.writeStatus === 'writable') {
      const bytes = this.#gather();
      if (bytes.length === 0) return;
      this.#writtenBytes += bytes.length;
      this.#wrote(bytes.length);
      try {
        this.#stream.send(bytes);
      } catch (error) {
        // The connection broke under the stream. Its `close` event ends the link.
        this.#stream.abort(new Error('the write failed', { cause: error }));
        return;
      }
    }
  }

  /** The next bytes to write, up to a whole write; empty when nothing waits. */
  #gather(): Uint8Array {
    const out = new Uint8Array(Math.min(WRITE_BYTES, this.#queue.bytes + this.#currentBytes));
    let filled = 0;
    while (filled < out.length) {
      const chunk = this.#chunks[this.#chunkIndex];
      if (chunk === undefined) {
        this.#startNextFrame();
        continue;
      }
      const piece = chunk.subarray(this.#chunkOffset, this.#chunkOffset + out.length - filled);
      out.set(piece, filled);
      filled += piece.length;
      this.#currentBytes -= piece.length;
      this.#chunkOffset += piece.length;
      if (this.#chunkOffset === chunk.length) {
        this.#chunkIndex += 1;
        this.#chunkOffset = 0;
      }
    }
    return out;
  }

  #startNextFrame(): void {
    const before = this.#queue.bytes;
    this.#chunks = this.#queue.shift() ?? [];
    this.#currentBytes = before - this.#queue.bytes;
    this.#chunkIndex = 0;
    this.#chunkOffset = 0;
  }
}
