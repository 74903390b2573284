import type { AccountState } from '../types/account-proof.ts';
import type { BlockRef } from '../types/block.ts';
import type { Address, CheckpointIndex, CommitDigest, CommitIndex, Round, StatementDigest } from '../types/ids.ts';
import type { Statement } from '../types/statement.ts';
import type { AccountHandle, AssetIndex } from '../types/transaction.ts';
import type { Outcomes } from './outcomes.ts';

/** A block of a commit that has transactions. Its payload's framing and digest were checked when it was admitted. */
export interface ExecutableBlock {
  readonly ref: BlockRef;
  readonly executedCommit: CommitIndex;
  readonly payload: Uint8Array;
  readonly txCount: number;
}

export interface ExecutableCommit {
  readonly index: CommitIndex;
  readonly digest: CommitDigest;
  readonly timeMs: number;
  readonly epoch: number;
  readonly leader: BlockRef;
  /** After this commit. */
  readonly gcRound: Round;
  readonly refs: readonly BlockRef[];
  /** Those of `refs` that have transactions, in the same order. */
  readonly blocks: readonly ExecutableBlock[];
}

export interface Checkpoint {
  readonly index: CheckpointIndex;
  readonly statement: Statement;
  /** The canonical bytes of the statement: what a vote signs. */
  readonly bytes: Uint8Array;
  readonly digest: StatementDigest;
}

export interface ExecutedCommit {
  readonly index: CommitIndex;
  /** One for each transaction, in order of execution. */
  readonly outcomes: Outcomes;
  /** Successful transfers, and one for each other transaction that succeeded. */
  readonly transfers: number;
  readonly applied: number;
  readonly dropped: number;
  /** Applied with INTERNAL: a bug to be alarmed about. Counted in `applied`. */
  readonly internal: number;
  readonly checkpoint?: Checkpoint;
}

/** What admission needs to know of a sender. */
export interface SenderAccount {
  readonly nextNonce: number;
  readonly keyVersion: number;
  /** Balance of asset 0, which pays the fees. */
  readonly feeBalance: bigint;
}

/** Which accounts a ledger starts with is told to its constructor; every method is synchronous. */
export interface Ledger {
  /** 0 before the first commit. */
  readonly lastCommit: CommitIndex;
  readonly lastCheckpoint: Checkpoint | undefined;
  /** Executes the commit after `lastCommit`. Throws LedgerError; after any code but LEDGER_ORDER the ledger has stopped. */
  execute(commit: ExecutableCommit): ExecutedCommit;
  account(address: Address): AccountState | undefined;
  /** Of an account, as `account`; cheaper. */
  sender(address: Address): SenderAccount | undefined;
  accountByHandle(handle: AccountHandle): AccountState | undefined;
  /**
   * The encoded proof (`decodeAccountProof`) of an account under the accounts root of `lastCheckpoint`, with its balance of a further
   * asset if `asset` is not 0. Undefined if the account was not there yet, or if the ledger was restored after that checkpoint.
   */
  proof(handle: AccountHandle, asset?: AssetIndex): Uint8Array | undefined;
  /** The state after `lastCommit`, in parts. Public keys opened after genesis are not in it: `appendedKeys`. */
  snapshot(): readonly Uint8Array[];
  /** `count` public keys (2,592 bytes each) from the `first` opened after genesis, fewer at the end. */
  appendedKeys(first: number, count: number): Uint8Array;
  close(): void;
}
