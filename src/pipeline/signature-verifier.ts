import { VERIFY_STATUS } from '../execution/index.ts';
import { MAX_TRANSACTION_BYTES, SIGNATURE_BYTES } from '../types/limits.ts';
import { encodePayload, type SignedBody } from '../types/payload.ts';

export const INVALID = 0;
export const VALID = 1;
/** Nothing is known: the queue was full, a worker failed, the node is stopping, or the ledger has no such key. */
export const UNCHECKED = 2;

/** Which keys there are is known to the ledger, and so is which signatures it has found good before. */
export interface SignatureVerifier {
  /** One of {@link INVALID}, {@link VALID}, {@link UNCHECKED} an item. Always settles, never rejects for what an item holds. */
  verify(items: readonly SignedBody[]): Promise<Uint8Array>;
}

/** `verifyAhead` of a ledger: a VERIFY_STATUS for each transaction of a payload. */
export type PayloadCheck = (payload: Uint8Array, txCount: number) => Uint8Array;

/** Checks on the spot, without threads of its own: the simulator's. */
export function inlineVerifier(check: PayloadCheck): SignatureVerifier {
  return {
    async verify(items) {
      const wellFormed = items.filter(isWellFormed);
      const statuses = check(encodePayload(wellFormed), wellFormed.length).values();
      return Uint8Array.from(items, (item) => (isWellFormed(item) ? verdictOf(statuses.next().value) : INVALID));
    },
  };
}

/** Whether a block's payload could hold it. */
export function isWellFormed(item: SignedBody): boolean {
  return item.signature.length === SIGNATURE_BYTES && itemBytes(item) <= MAX_TRANSACTION_BYTES;
}

export function itemBytes({ body, signature }: SignedBody): number {
  return body.length + signature.length;
}

export function verdictOf(status: number | undefined): number {
  if (status === VERIFY_STATUS.valid) return VALID;
  return status === VERIFY_STATUS.wrongSignature || status === VERIFY_STATUS.malformed ? INVALID : UNCHECKED;
}
