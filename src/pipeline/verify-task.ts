import { SIGNATURE_BYTES } from '../types/limits.ts';
import type { SignedBody } from '../types/payload.ts';

/** Transactions in the form of a block's payload, in memory that both threads see. */
export interface VerifyTask {
  /** Number of the ledger whose keys count. */
  readonly ledger: number;
  readonly slab: SharedArrayBuffer;
  readonly bytes: number;
  readonly txCount: number;
}

/** What an item takes in a payload besides its body. */
export const ITEM_OVERHEAD_BYTES = 4 + SIGNATURE_BYTES;

/**
 * Writes what `encodePayload` returns into memory that is used again and again: the one copy on the way to a worker.
 * The caller has checked that the items are well-formed and fit.
 */
export function packTask(ledger: number, slab: SharedArrayBuffer, items: readonly SignedBody[]): VerifyTask {
  const bytes = new Uint8Array(slab);
  const view = new DataView(slab);
  let at = 0;
  for (const { body } of items) {
    view.setUint32(at, body.length, true);
    bytes.set(body, at + 4);
    at += 4 + body.length;
  }
  for (const { signature } of items) {
    bytes.set(signature, at);
    at += SIGNATURE_BYTES;
  }
  return { ledger, slab, bytes: at, txCount: items.length };
}
