import type { Commit } from '../types/commit.ts';
import type { Address, CommitIndex, TransactionId } from '../types/ids.ts';
import type { Receipt } from '../types/receipt.ts';
import type { AccountHandle } from '../types/transaction.ts';

/** A commit with the ids of all transactions in its blocks. */
export interface ArchivedIds {
  readonly commit: Commit;
  readonly transactions: readonly TransactionId[];
}

/** A commit with everything that it applied, in the order of execution. */
export interface ArchivedContent {
  readonly commit: Commit;
  /** Transactions in its blocks, applied or not. */
  readonly count: number;
  readonly applied: readonly { readonly position: number; readonly body: Uint8Array; readonly receipt: Receipt }[];
}

/** Which commits are asked for: those of an account, before a height and not later than a time. */
export interface ArchivedPart {
  readonly account: AccountHandle;
  readonly address: Address;
  readonly before: CommitIndex;
  readonly toMs: number;
  readonly limit: number;
}

/**
 * Single questions to an archive, about what a node no longer keeps. Nothing here rejects: what is not archived, is damaged or too large there, or
 * cannot be had in time is undefined. What lies above the cursor is not archived. A receipt, and which commit has a height, is the archive's word; a block
 * is checked against its hash, the bytes of a transaction against its id.
 */
export interface ArchiveLookup {
  /** Whether it has receipts, and with them histories; otherwise only blocks. */
  readonly hasReceipts: boolean;
  receipt(id: TransactionId): Promise<Receipt | undefined>;
  block(key: CommitIndex | { readonly hash: string }): Promise<ArchivedIds | undefined>;
  body(id: TransactionId): Promise<Uint8Array | undefined>;
  /** Undefined only of what is not archived, or damaged there. */
  content(index: CommitIndex): Promise<ArchivedContent | 'unavailable' | undefined>;
  /**
   * Commits in which the account may have had a part, the newest first; `isAll`: there are no older ones. That it was opened is not found.
   * `unavailable` too while not everything below `before` is archived.
   */
  touching(
    part: ArchivedPart,
  ): Promise<{ readonly commits: readonly CommitIndex[]; readonly isAll: boolean } | 'unavailable'>;
  close(): Promise<void>;
}
