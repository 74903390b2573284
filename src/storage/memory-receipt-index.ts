import type { CommitIndex, TransactionId } from '../types/ids.ts';
import { StorageError } from './errors.ts';
import type { IndexedReceipt, ReceiptIndex, ReceiptOf } from './receipt-index.ts';

/** For the simulator, and for nodes that serve no receipts. */
export class MemoryReceiptIndex implements ReceiptIndex {
  readonly #retainCommits: number;
  readonly #receipts = new Map<TransactionId, IndexedReceipt>();
  /** Ids by commit, oldest first. */
  readonly #commits = new Map<CommitIndex, readonly TransactionId[]>();
  #cursor = 0;

  constructor(options: { readonly retainCommits: number }) {
    this.#retainCommits = options.retainCommits;
  }

  get cursor(): CommitIndex {
    return this.#cursor;
  }

  add(commitIndex: CommitIndex, receipts: readonly ReceiptOf[]): void {
    if (commitIndex !== this.#cursor + 1) throw indexGap(this.#cursor + 1, commitIndex);
    for (const { id, receipt } of receipts) this.#receipts.set(id, { commitIndex, receipt });
    this.#commits.set(
      commitIndex,
      receipts.map(({ id }) => id),
    );
    this.#cursor = commitIndex;
    this.#forget();
  }

  skipTo(commitIndex: CommitIndex): void {
    if (commitIndex < this.#cursor) throw indexGap(this.#cursor, commitIndex);
    this.#cursor = commitIndex;
    this.#forget();
  }

  get(id: TransactionId): IndexedReceipt | undefined {
    return this.#receipts.get(id);
  }

  async flush(): Promise<void> {
    // nothing outlives the process
  }

  async close(): Promise<void> {
    this.#receipts.clear();
    this.#commits.clear();
  }

  #forget(): void {
    for (const [commitIndex, ids] of this.#commits) {
      if (commitIndex > this.#cursor - this.#retainCommits) return;
      this.#commits.delete(commitIndex);
      for (const id of ids) if (this.#receipts.get(id)?.commitIndex === commitIndex) this.#receipts.delete(id);
    }
  }
}

export function indexGap(expected: CommitIndex, found: CommitIndex): StorageError {
  return new StorageError('INDEX_GAP', `commit ${expected} expected`, { expected, found });
}
