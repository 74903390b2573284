import type { CommitIndex, TransactionId } from '../types/ids.ts';
import type { AccountHandle } from '../types/transaction.ts';
import { StorageError } from './errors.ts';
import { ANY_ACCOUNT, ANYBODY, type IndexedReceipt, type ReceiptIndex, type ReceiptOf } from './receipt-index.ts';

/** For the simulator, and for nodes that serve no receipts. */
export class MemoryReceiptIndex implements ReceiptIndex {
  readonly #retainCommits: number;
  readonly #receipts = new Map<TransactionId, IndexedReceipt>();
  /** Ids by commit, oldest first. */
  readonly #commits = new Map<CommitIndex, readonly TransactionId[]>();
  readonly #accounts = new Map<CommitIndex, Uint32Array>();
  #cursor = 0;
  #completeFrom = 1;

  constructor(options: { readonly retainCommits: number }) {
    this.#retainCommits = options.retainCommits;
  }

  get cursor(): CommitIndex {
    return this.#cursor;
  }

  get written(): CommitIndex {
    return this.#cursor;
  }

  get completeFrom(): CommitIndex {
    return Math.max(this.#completeFrom, this.#cursor - this.#retainCommits + 1);
  }

  add(commitIndex: CommitIndex, receipts: readonly ReceiptOf[], accounts = ANYBODY): void {
    if (commitIndex !== this.#cursor + 1) throw indexGap(this.#cursor + 1, commitIndex);
    for (const { id, receipt } of receipts) this.#receipts.set(id, { commitIndex, receipt });
    this.#commits.set(
      commitIndex,
      receipts.map(({ id }) => id),
    );
    if (receipts.length > 0) this.#accounts.set(commitIndex, accounts);
    this.#cursor = commitIndex;
    this.#forget();
  }

  skipTo(commitIndex: CommitIndex): void {
    if (commitIndex < this.#cursor) throw indexGap(this.#cursor, commitIndex);
    this.#cursor = commitIndex;
    this.#completeFrom = commitIndex + 1;
    this.#forget();
  }

  get(id: TransactionId): IndexedReceipt | undefined {
    return this.#receipts.get(id);
  }

  commitsOf(account: AccountHandle, before: CommitIndex, limit: number): CommitIndex[] {
    const commits = [...this.#accounts].filter(([commit, accounts]) => commit < before && names(accounts, account));
    return commits
      .map(([commit]) => commit)
      .reverse()
      .slice(0, limit);
  }

  async flush(): Promise<void> {
    // nothing outlives the process
  }

  async close(): Promise<void> {
    this.#receipts.clear();
    this.#commits.clear();
    this.#accounts.clear();
  }

  #forget(): void {
    for (const [commitIndex, ids] of this.#commits) {
      if (commitIndex > this.#cursor - this.#retainCommits) return;
      this.#commits.delete(commitIndex);
      this.#accounts.delete(commitIndex);
      for (const id of ids) if (this.#receipts.get(id)?.commitIndex === commitIndex) this.#receipts.delete(id);
    }
  }
}

/** Whether a list of accounts has this one, or stands for all. */
export function names(accounts: Uint32Array, account: AccountHandle): boolean {
  return accounts.includes(account) || accounts.includes(ANY_ACCOUNT);
}

export function indexGap(expected: CommitIndex, found: CommitIndex): StorageError {
  return new StorageError('INDEX_GAP', `commit ${expected} expected`, { expected, found });
}
