import type { Address } from '../types/ids.ts';

/** What admission needs to know of a sender, as of the last executed commit. */
export interface SenderAccount {
  readonly nextNonce: number;
  readonly keyVersion: number;
  /** Balance of asset 0, which pays the fees. */
  readonly feeBalance: bigint;
}

/** The ledger as the pipeline reads it: synchronous, so that nothing changes between two questions of one check. */
export interface AccountView {
  nextNonce(address: Address): number | undefined;
  sender(address: Address): SenderAccount | undefined;
}
