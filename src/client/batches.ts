import type { SignedBody } from '../types/payload.ts';
import { MAX_BATCH_ITEMS, MAX_BODY_BYTES } from '../types/rest.ts';
import { ByteWriter } from '../util/byte-writer.ts';

export interface Batch {
  readonly items: readonly SignedBody[];
  /** As `POST /v1/transactions/batch` takes them. */
  readonly bytes: Uint8Array;
}

/** Splits transactions, in their order, into request bodies within the limits of the API. */
export function* batches(items: readonly SignedBody[]): Generator<Batch> {
  let start = 0;
  let bytes = 0;
  for (const [i, item] of items.entries()) {
    const size = frameBytes(item);
    if (i > start && (bytes + size > MAX_BODY_BYTES || i - start === MAX_BATCH_ITEMS)) {
      yield encode(items.slice(start, i), bytes);
      start = i;
      bytes = 0;
    }
    bytes += size;
  }
  if (start < items.length) yield encode(items.slice(start), bytes);
}

function frameBytes({ body, signature }: SignedBody): number {
  return 4 + body.length + signature.length;
}

function encode(items: readonly SignedBody[], bytes: number): Batch {
  const out = new ByteWriter(bytes);
  for (const { body, signature } of items)
    out
      .u32(body.length + signature.length)
      .bytes(body)
      .bytes(signature);
  return { items, bytes: out.finish() };
}
