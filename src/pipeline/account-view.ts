import type { SenderAccount } from '../execution/index.ts';
import type { Address } from '../types/ids.ts';

/** The ledger as the pipeline reads it, as of the last executed commit: synchronous, so that one check takes one turn. */
export interface AccountView {
  sender(address: Address): SenderAccount | undefined;
}
