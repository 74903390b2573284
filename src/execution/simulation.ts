import type { AccountHandle } from '../types/transaction.ts';

/**
 * How a ledger of the simulator or of a test differs from one of a network. Signatures are those of `simulatedSignature`, and the
 * outcomes that sound software never reaches can be reached. No genesis and no configuration leads here.
 */
export interface Simulation {
  /** A data anchor whose execution breaks half way. */
  readonly poison?: Uint8Array;
  readonly accountLimit?: number;
  /** Genesis accounts that start frozen. */
  readonly frozen?: readonly AccountHandle[];
}
