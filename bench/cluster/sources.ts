import { type FileHandle, open, rm } from 'node:fs/promises';
import { MAX_TRANSACTION_BYTES } from '../../src/types/limits.ts';
import type { SignedBody } from '../../src/types/payload.ts';
import { assert } from '../../src/util/assert.ts';
import { ByteWriter } from '../../src/util/byte-writer.ts';

/** A signed transaction as `POST /v1/transactions/batch` takes it: length, body, signature. */
export interface Item {
  /** Position among the senders of the lane. */
  readonly sender: number;
  readonly nonce: number;
  readonly framed: Uint8Array;
}

/** The transactions of one lane in the order in which they go out: its senders take turns, so that their nonces are in order. */
export interface TransactionSource {
  /** Makes ready that many, before the clock starts. */
  prepare(count: number): Promise<void>;
  /** The next ones, at most `limit`; none when what was prepared is used up. */
  take(limit: number): Promise<readonly Item[]>;
  close(): Promise<void>;
}

export type SignAt = (sender: number, nonce: number) => Promise<SignedBody>;

/** Signed this far ahead, so that a due transaction does not wait for its own signature. */
const SIGNED_AHEAD = 16;
/** Signatures in the thread pool at a time. */
const SIGNED_AT_ONCE = 64;
const READ_BYTES = 4 * 1024 * 1024;

/** Signs as it goes: for batches so large that signing is little beside them. */
export class LiveSource implements TransactionSource {
  readonly #turns: Turns;
  readonly #sign: SignAt;
  readonly #ahead: Promise<Item>[] = [];

  constructor(senders: number, sign: SignAt) {
    this.#turns = new Turns(senders);
    this.#sign = sign;
  }

  async prepare(): Promise<void> {
    while (this.#ahead.length < SIGNED_AHEAD) this.#signNext();
    await Promise.all(this.#ahead);
  }

  async take(limit: number): Promise<readonly Item[]> {
    const count = Math.min(limit, SIGNED_AHEAD / 4);
    while (this.#ahead.length < SIGNED_AHEAD + count) this.#signNext();
    return Promise.all(this.#ahead.splice(0, count));
  }

  async close(): Promise<void> {
    await Promise.allSettled(this.#ahead);
  }

  #signNext(): void {
    const { sender, nonce } = this.#turns.next();
    this.#ahead.push(this.#sign(sender, nonce).then((signed) => ({ sender, nonce, framed: frame(signed) })));
  }
}

/** Replays a file that was signed beforehand: at small batches signing would take the cores that are to be measured. */
export class StreamSource implements TransactionSource {
  readonly #path: string;
  readonly #file: FileHandle;
  readonly #sign: SignAt;
  readonly #signed: Turns;
  readonly #taken: Turns;
  #writtenBytes = 0;
  #readBytes = 0;
  #buffer: Uint8Array = new Uint8Array(0);

  private constructor(path: string, file: FileHandle, senders: number, sign: SignAt) {
    this.#path = path;
    this.#file = file;
    this.#sign = sign;
    this.#signed = new Turns(senders);
    this.#taken = new Turns(senders);
  }

  static async create(path: string, senders: number, sign: SignAt): Promise<StreamSource> {
    return new StreamSource(path, await open(path, 'wx+'), senders, sign);
  }

  async prepare(count: number): Promise<void> {
    for (let missing = count - (this.#signed.position - this.#taken.position); missing > 0; missing -= SIGNED_AT_ONCE) {
      const turns = Array.from({ length: Math.min(missing, SIGNED_AT_ONCE) }, () => this.#signed.next());
      const signed = await Promise.all(turns.map(({ sender, nonce }) => this.#sign(sender, nonce)));
      const bytes = Buffer.concat(signed.map(frame));
      await this.#file.write(bytes, 0, bytes.length, this.#writtenBytes);
      this.#writtenBytes += bytes.length;
    }
    // Now, or the kernel would write it out while the validators wait for their own syncs.
    await this.#file.datasync();
  }

  async take(limit: number): Promise<readonly Item[]> {
    const items: Item[] = [];
    while (items.length < limit && this.#taken.position < this.#signed.position) {
      const framed = this.#nextFrame() ?? (await this.#refill().then(() => this.#nextFrame()));
      assert(framed !== undefined, 'a whole transaction fits the buffer');
      items.push({ ...this.#taken.next(), framed });
    }
    return items;
  }

  async close(): Promise<void> {
    await this.#file.close();
    await rm(this.#path);
  }

  #nextFrame(): Uint8Array | undefined {
    if (this.#buffer.length < 4) return undefined;
    const size = 4 + new DataView(this.#buffer.buffer, this.#buffer.byteOffset).getUint32(0, true);
    if (this.#buffer.length < size) return undefined;
    const framed = this.#buffer.subarray(0, size);
    this.#buffer = this.#buffer.subarray(size);
    return framed;
  }

  /** Into new memory: items of the old one may still be under way. */
  async #refill(): Promise<void> {
    const rest = this.#buffer;
    assert(rest.length < MAX_TRANSACTION_BYTES + 4, 'refilled only when a transaction is cut off');
    const next = Buffer.allocUnsafeSlow(Math.min(READ_BYTES, rest.length + this.#writtenBytes - this.#readBytes));
    next.set(rest);
    const { bytesRead } = await this.#file.read(next, rest.length, next.length - rest.length, this.#readBytes);
    this.#readBytes += bytesRead;
    this.#buffer = next.subarray(0, rest.length + bytesRead);
  }
}

class Turns {
  readonly #senders: number;
  position = 0;

  constructor(senders: number) {
    this.#senders = senders;
  }

  next(): { readonly sender: number; readonly nonce: number } {
    const position = this.position++;
    return { sender: position % this.#senders, nonce: Math.floor(position / this.#senders) };
  }
}

function frame({ body, signature }: SignedBody): Uint8Array {
  const out = new ByteWriter(4 + body.length + signature.length);
  return out
    .u32(body.length + signature.length)
    .bytes(body)
    .bytes(signature)
    .finish();
}
