import { NetworkError } from './errors.ts';

export const FRAME_HEADER_BYTES = 4;

/** The wire form of one frame: its length as u32 little-endian, then its parts. An empty frame is a keep-alive (docs/spec/links.md). */
export function encodeFrame(parts: readonly Uint8Array[]): {
  readonly chunks: readonly Uint8Array[];
  readonly bytes: number;
} {
  let length = 0;
  for (const part of parts) length += part.length;
  const header = new Uint8Array(FRAME_HEADER_BYTES);
  new DataView(header.buffer).setUint32(0, length, true);
  return { chunks: [header, ...parts], bytes: FRAME_HEADER_BYTES + length };
}

/**
 * Rebuilds frames from chunks cut anywhere. A length is checked before memory is taken for it, each byte is copied once, and at most one
 * frame is in assembly.
 */
export class FrameAssembler {
  readonly #maxFrameBytes: number;
  readonly #header = new Uint8Array(FRAME_HEADER_BYTES);
  #headerFilled = 0;
  #frame: Uint8Array | undefined;
  #frameFilled = 0;

  constructor(maxFrameBytes: number) {
    this.#maxFrameBytes = maxFrameBytes;
  }

  /**
   * Yields each frame completed by `chunk`; the frames are copies and belong to the receiver.
   * @throws NetworkError FRAME_TOO_LARGE
   */
  *push(chunk: Uint8Array): Generator<Uint8Array, void, void> {
    let offset = 0;
    while (offset < chunk.length) {
      if (this.#frame === undefined) {
        const taken = copyInto(this.#header, this.#headerFilled, chunk, offset);
        offset += taken;
        this.#headerFilled += taken;
        if (this.#headerFilled < FRAME_HEADER_BYTES) return;
        this.#frame = this.#allocate();
      }
      const taken = copyInto(this.#frame, this.#frameFilled, chunk, offset);
      offset += taken;
      this.#frameFilled += taken;
      if (this.#frameFilled === this.#frame.length) yield this.#take(this.#frame);
    }
  }

  #allocate(): Uint8Array {
    const length = new DataView(this.#header.buffer).getUint32(0, true);
    if (length > this.#maxFrameBytes) {
      throw new NetworkError('FRAME_TOO_LARGE', `a frame has at most ${this.#maxFrameBytes} bytes`, {
        bytes: length,
        limit: this.#maxFrameBytes,
      });
    }
    return new Uint8Array(length);
  }

  #take(frame: Uint8Array): Uint8Array {
    this.#frame = undefined;
    this.#frameFilled = 0;
    this.#headerFilled = 0;
    return frame;
  }
}

/** Copies as much of `source` from `from` as fits into `target` from `at`; the count of bytes copied. */
function copyInto(target: Uint8Array, at: number, source: Uint8Array, from: number): number {
  const count = Math.min(target.length - at, source.length - from);
  target.set(source.subarray(from, from + count), at);
  return count;
}
