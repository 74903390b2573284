import { CodedError } from './errors.ts';

export type DecodeErrorCode = 'TRUNCATED' | 'TRAILING_BYTES' | 'NON_CANONICAL' | 'LIMIT';

/** Bytes from outside do not follow the format. `fields.offset` is where, `fields.field` what was read. */
export class DecodeError extends CodedError<DecodeErrorCode> {}

/**
 * Little-endian decoder over bytes from outside. Every read is checked; a failure is a {@link DecodeError}, never an assertion.
 * Views returned share memory with the input.
 */
export class ByteReader {
  readonly #bytes: Uint8Array;
  readonly #view: DataView;
  #offset = 0;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  }

  get offset(): number {
    return this.#offset;
  }

  get remaining(): number {
    return this.#bytes.length - this.#offset;
  }

  u8(field: string): number {
    return this.#view.getUint8(this.#advance(1, field));
  }

  u16(field: string): number {
    return this.#view.getUint16(this.#advance(2, field), true);
  }

  u32(field: string): number {
    return this.#view.getUint32(this.#advance(4, field), true);
  }

  u64(field: string): bigint {
    return this.#view.getBigUint64(this.#advance(8, field), true);
  }

  /** A u64 that the protocol keeps below 2^53. */
  u53(field: string): number {
    const value = this.u64(field);
    if (value > BigInt(Number.MAX_SAFE_INTEGER)) throw this.refuse('LIMIT', field, 'value above 2^53 - 1');
    return Number(value);
  }

  /** 0 or 1. */
  flag(field: string): boolean {
    const value = this.u8(field);
    if (value > 1) throw this.refuse('NON_CANONICAL', field, 'flag must be 0 or 1');
    return value === 1;
  }

  bytes(length: number, field: string): Uint8Array {
    const at = this.#advance(length, field);
    return this.#bytes.subarray(at, at + length);
  }

  hex(length: number, field: string): string {
    return this.bytes(length, field).toHex();
  }

  /** A count of items of at least `itemBytes` each: refused before anything is allocated for them. */
  count(value: number, limit: number, itemBytes: number, field: string): number {
    if (value > limit) throw this.refuse('LIMIT', field, `at most ${limit} allowed, ${value} given`);
    if (value * itemBytes > this.remaining) throw this.refuse('TRUNCATED', field, `${value} items do not fit`);
    return value;
  }

  end(): void {
    if (this.remaining !== 0) throw this.refuse('TRAILING_BYTES', 'end', `${this.remaining} bytes left over`);
  }

  refuse(code: DecodeErrorCode, field: string, message: string): DecodeError {
    return new DecodeError(code, `${field}: ${message}`, { field, offset: this.#offset });
  }

  #advance(count: number, field: string): number {
    if (count > this.remaining)
      throw this.refuse('TRUNCATED', field, `${count} bytes expected, ${this.remaining} left`);
    const at = this.#offset;
    this.#offset += count;
    return at;
  }
}
