/**
 * Outcomes of a transaction, in two classes that never meet for one id: docs/spec/ledger.md.
 * Applied: the nonce is consumed, the fee taken, a receipt written once. `OK` and `PARTIAL` changed the state, the rest failed.
 */
export const APPLIED_CODES = {
  OK: 0,
  PARTIAL: 1,
  INSUFFICIENT_BALANCE: 2,
  UNKNOWN_RECIPIENT: 3,
  RECIPIENT_FROZEN: 4,
  UNKNOWN_ASSET: 5,
  EXISTS: 6,
  ACCOUNT_LIMIT: 7,
  NOT_ACTIVE: 8,
  INTERNAL: 9,
} as const;

/** Dropped: no effect at all; the same bytes may come again until they expire. */
export const DROPPED_CODES = {
  MALFORMED: 128,
  STALE_BLOCK: 129,
  UNKNOWN_SENDER: 130,
  UNKNOWN_KEY: 131,
  BAD_SIGNATURE: 132,
  NONCE_USED: 133,
  NONCE_GAP: 134,
  KEY_ROTATED: 135,
  EXPIRED: 136,
  EXPIRY_TOO_FAR: 137,
  FEE: 138,
  FROZEN: 139,
  OPEN_LIMIT: 140,
} as const;

export type AppliedCode = keyof typeof APPLIED_CODES;
export type DroppedCode = keyof typeof DROPPED_CODES;

const APPLIED_BY_NUMBER = new Map<number, AppliedCode>(
  Object.entries(APPLIED_CODES).map(([code, number]) => [number, code as AppliedCode]),
);
const DROPPED_BY_NUMBER = new Map<number, DroppedCode>(
  Object.entries(DROPPED_CODES).map(([code, number]) => [number, code as DroppedCode]),
);

/** Dropped for good: the same bytes can never be applied later. */
const FINAL_DROPS: ReadonlySet<DroppedCode> = new Set([
  'MALFORMED',
  'BAD_SIGNATURE',
  'NONCE_USED',
  'KEY_ROTATED',
  'EXPIRED',
]);

export function appliedCode(number: number): AppliedCode | undefined {
  return APPLIED_BY_NUMBER.get(number);
}

export function droppedCode(number: number): DroppedCode | undefined {
  return DROPPED_BY_NUMBER.get(number);
}

export function isRetryable(code: DroppedCode): boolean {
  return !FINAL_DROPS.has(code);
}
