import { assert } from './assert.ts';

const INITIAL_CAPACITY = 256;
const U16_MAX = 0xffff;
const U32_MAX = 0xffff_ffff;
const U64_MAX = 0xffff_ffff_ffff_ffffn;

/** Growing little-endian encoder. Values out of range are a bug of the caller, hence assertions. */
export class ByteWriter {
  #bytes: Uint8Array;
  #view: DataView;
  #length = 0;

  constructor(capacity = INITIAL_CAPACITY) {
    this.#bytes = new Uint8Array(capacity);
    this.#view = new DataView(this.#bytes.buffer);
  }

  get length(): number {
    return this.#length;
  }

  u8(value: number): this {
    assert(Number.isInteger(value) && value >= 0 && value <= 0xff, 'u8 out of range');
    const at = this.#grow(1);
    this.#view.setUint8(at, value);
    return this;
  }

  u16(value: number): this {
    assert(Number.isInteger(value) && value >= 0 && value <= U16_MAX, 'u16 out of range');
    const at = this.#grow(2);
    this.#view.setUint16(at, value, true);
    return this;
  }

  u32(value: number): this {
    assert(Number.isInteger(value) && value >= 0 && value <= U32_MAX, 'u32 out of range');
    const at = this.#grow(4);
    this.#view.setUint32(at, value, true);
    return this;
  }

  /** A u64 that the protocol keeps below 2^53: times, commit and checkpoint indices. */
  u53(value: number): this {
    assert(Number.isSafeInteger(value) && value >= 0, 'u53 out of range');
    return this.u64(BigInt(value));
  }

  u64(value: bigint): this {
    assert(value >= 0n && value <= U64_MAX, 'u64 out of range');
    const at = this.#grow(8);
    this.#view.setBigUint64(at, value, true);
    return this;
  }

  bytes(value: Uint8Array): this {
    const at = this.#grow(value.length);
    this.#bytes.set(value, at);
    return this;
  }

  /** Bytes whose length the format fixes. */
  fixed(value: Uint8Array, length: number): this {
    assert(value.length === length, `${length} bytes expected`);
    return this.bytes(value);
  }

  /** The hexadecimal text of `length` bytes. */
  hex(text: string, length: number): this {
    return this.fixed(Uint8Array.fromHex(text), length);
  }

  /** A copy of what was written. */
  finish(): Uint8Array {
    return this.#bytes.slice(0, this.#length);
  }

  #grow(count: number): number {
    const at = this.#length;
    const needed = at + count;
    if (needed > this.#bytes.length) {
      const bytes = new Uint8Array(Math.max(needed, this.#bytes.length * 2));
      bytes.set(this.#bytes.subarray(0, at));
      this.#bytes = bytes;
      this.#view = new DataView(bytes.buffer);
    }
    this.#length = needed;
    return at;
  }
}
