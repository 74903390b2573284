import type { CommitIndex, TransactionId } from '../types/ids.ts';
import { type AccountHandle, MAX_ACCOUNTS } from '../types/transaction.ts';

export interface IndexedReceipt {
  readonly commitIndex: CommitIndex;
  /** Canonical bytes of the receipt. */
  readonly receipt: Uint8Array;
}

export interface ReceiptOf {
  readonly id: TransactionId;
  readonly receipt: Uint8Array;
}

/**
 * Finds a transaction's receipt and commit by its id. Derived data: what is missing behind `cursor` is made again by replaying the log, which
 * reaches back to the newest snapshot. Only a snapshot waits for what is written here.
 */
export interface ReceiptIndex {
  /** The last commit that was added; the next one to add follows it. After a restart at least the last one of a flush. */
  readonly cursor: CommitIndex;
  /** Of this commit and older ones every receipt is on the disk, for other connections too. */
  readonly written: CommitIndex;
  /** Of this commit and newer ones every receipt is there; some of older ones never were, or are forgotten. */
  readonly completeFrom: CommitIndex;
  /**
   * All receipts of the next commit. A transaction that is there already, because it was dropped before, gets the new receipt.
   * @param accounts at most `MAX_LISTED_ACCOUNTS` that had a part in it; `ANY_ACCOUNT` among them, or none given: anybody may have had
   * @throws StorageError INDEX_GAP, INDEX_BUSY (flush first)
   */
  add(commitIndex: CommitIndex, receipts: readonly ReceiptOf[], accounts?: Uint32Array): void;
  /** Goes on behind `commitIndex` without the commits up to it: after the state came from a snapshot. */
  skipTo(commitIndex: CommitIndex): void;
  get(id: TransactionId): IndexedReceipt | undefined;
  /**
   * Commits below `before` in which the account may have had a part, the newest first: those that list it, and those of anybody.
   * @throws StorageError INDEX_FAILED
   */
  commitsOf(account: AccountHandle, before: CommitIndex, limit: number): CommitIndex[];
  /**
   * Everything added so far is on the disk, and the cursor.
   * @throws StorageError INDEX_FAILED; what was added is kept and written at the next flush
   */
  flush(): Promise<void>;
  close(): Promise<void>;
}

/** Stands for every account: no account has this handle. */
export const ANY_ACCOUNT: AccountHandle = MAX_ACCOUNTS;
/** Accounts that are listed for one commit; more are `ANY_ACCOUNT`. At a hundred commits a second still a small load for the database. */
export const MAX_LISTED_ACCOUNTS = 256;
export const ANYBODY: Uint32Array = Uint32Array.of(ANY_ACCOUNT);

export interface ReceiptIndexOptions {
  /** Receipts of older commits are forgotten. Bounds the index. */
  readonly retainCommits: number;
  /** Added and not yet handed to the database; beyond it `add` refuses. */
  readonly maxPendingBytes: number;
}

export const DEFAULT_RECEIPT_INDEX_OPTIONS: ReceiptIndexOptions = {
  retainCommits: 100_000,
  maxPendingBytes: 64 * 1024 * 1024,
};
