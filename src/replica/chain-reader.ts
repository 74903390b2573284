import type { Hasher } from '../crypto/hasher.ts';
import type { Ledger } from '../execution/index.ts';
import type { CommitEntry, ReceiptIndex, StorageErrorCode } from '../storage/index.ts';
import type { Commit } from '../types/commit.ts';
import type { CommitIndex, Round, TransactionId } from '../types/ids.ts';
import { type PayloadItem, parsePayload } from '../types/payload.ts';
import type { Receipt } from '../types/receipt.ts';
import type { AccountHandle } from '../types/transaction.ts';
import { isCoded } from '../util/errors.ts';
import type { BlockStore } from './block-store.ts';
import type { AppliedTransaction, BlockView, Chain, CommitContent } from './service.ts';

interface ChainReaderModules {
  readonly hasher: Hasher;
  readonly store: BlockStore;
  readonly ledger: Pick<Ledger, 'lastCommit'>;
  readonly receipts: Pick<ReceiptIndex, 'commitsOf' | 'completeFrom' | 'cursor'>;
  /** Of a transaction that is final. */
  receipt(id: TransactionId): Receipt | undefined;
}

/** What clients read of the final commits that this node keeps. */
export class ChainReader implements Chain {
  readonly #modules: ChainReaderModules;
  #lastFinal: CommitIndex;
  /** Requests, hence no more than connections. */
  #settling: { readonly through: CommitIndex; readonly resolve: () => void }[] = [];

  /** What a restart replayed lay on the disk, hence is final. */
  constructor(modules: ChainReaderModules) {
    this.#modules = modules;
    this.#lastFinal = modules.ledger.lastCommit;
  }

  get lastFinal(): CommitIndex {
    return this.#lastFinal;
  }

  get oldest(): CommitIndex {
    return this.#modules.store.oldestCommit;
  }

  get contentFrom(): CommitIndex {
    const { store, receipts } = this.#modules;
    return Math.max(store.oldestCommit, receipts.completeFrom);
  }

  get contentThrough(): CommitIndex {
    return Math.min(this.#lastFinal, this.#modules.receipts.cursor);
  }

  async knownSinceMs(): Promise<number> {
    const from = this.contentFrom;
    if (this.contentThrough < this.#lastFinal) return Number.POSITIVE_INFINITY;
    if (from <= 1) return 0;
    const [commit] = await this.commits(from, 1);
    return commit?.index === from ? commit.timeMs : Number.POSITIVE_INFINITY;
  }

  final(index: CommitIndex): void {
    this.#lastFinal = index;
    this.#settling = this.#settling.filter(({ through, resolve }) => {
      if (through > index) return true;
      resolve();
      return false;
    });
  }

  /** Resolves when this node may speak of all that has changed its state by now. */
  settled(): Promise<void> {
    const through = this.#modules.ledger.lastCommit;
    if (through <= this.#lastFinal) return Promise.resolve();
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#settling.push({ through, resolve });
    return promise;
  }

  async block(key: CommitIndex | 'latest' | { readonly hash: string }): Promise<BlockView | undefined> {
    const { store } = this.#modules;
    const index = typeof key === 'object' ? store.commitByDigest(key.hash) : key === 'latest' ? this.#lastFinal : key;
    const entry = index === undefined ? undefined : await this.#entry(index);
    const items = entry && (await this.#items(entry));
    return items && entry && { commit: entry.commit, transactions: items.map((item) => item.id) };
  }

  /** At most `limit` commits from `first` on, in their order; those that are no longer kept are passed over. */
  async commits(first: CommitIndex, limit: number): Promise<Commit[]> {
    const { store } = this.#modules;
    const start = Math.max(first, store.oldestCommit);
    const found: Commit[] = [];
    for (let index = start; index < start + limit && index <= this.#lastFinal; index++) {
      const entry = await this.#entry(index);
      if (entry !== undefined) found.push(entry.commit);
    }
    return found;
  }

  /** The commits whose leader is of this round: leaders are committed in the order of their rounds, so they are searched for by halves. */
  async commitsOfRound(round: Round): Promise<Commit[]> {
    const { store } = this.#modules;
    let low = store.oldestCommit;
    let high = this.#lastFinal + 1;
    while (low < high) {
      const middle = Math.floor((low + high) / 2);
      const entry = await this.#entry(middle);
      if (entry === undefined || entry.commit.leader.round < round) low = middle + 1;
      else high = middle;
    }
    const found: Commit[] = [];
    for (let entry = await this.#entry(low); entry?.commit.leader.round === round; entry = await this.#entry(++low))
      found.push(entry.commit);
    return found;
  }

  async content(index: CommitIndex): Promise<CommitContent | undefined> {
    const entry = await this.#entry(index);
    const items = entry && (await this.#items(entry));
    if (entry === undefined || items === undefined) return undefined;
    // Looked at last: what is complete now is so when the receipts are read below.
    if (index < this.contentFrom || index > this.contentThrough) return undefined;
    const applied = new Map<TransactionId, AppliedTransaction>();
    for (const [position, { id, body }] of items.entries()) {
      const receipt = this.#modules.receipt(id);
      // Blocks may carry a transaction again that an earlier commit applied.
      if (receipt?.commit === index && !applied.has(id)) applied.set(id, { position, body, receipt });
    }
    return { commit: entry.commit, count: items.length, applied: [...applied.values()] };
  }

  touching(account: AccountHandle, before: CommitIndex, limit: number): CommitIndex[] {
    const commits = this.#modules.receipts.commitsOf(account, Math.min(before, this.contentThrough + 1), limit);
    return commits.filter((index) => index >= this.contentFrom);
  }

  async body(id: TransactionId): Promise<Uint8Array | undefined> {
    const receipt = this.#modules.receipt(id);
    const entry = receipt && (await this.#entry(receipt.commit));
    const items = entry && (await this.#items(entry));
    return items?.find((item) => item.id === id)?.body;
  }

  async #entry(index: CommitIndex): Promise<CommitEntry | undefined> {
    return index > this.#lastFinal ? undefined : kept(this.#modules.store.commit(index));
  }

  async #items({ blockPositions }: CommitEntry): Promise<PayloadItem[] | undefined> {
    const { store, hasher } = this.#modules;
    const items: PayloadItem[] = [];
    for (const position of blockPositions) {
      const block = await kept(store.blockAt(position));
      if (block === undefined) return undefined;
      const { txCount } = block.header.payload;
      if (txCount > 0) items.push(...parsePayload(hasher, block.payload, txCount).items);
    }
    return items;
  }
}

/** What lay in a segment that was dropped meanwhile, or was damaged, is not kept. */
async function kept<T>(reading: Promise<T | undefined>): Promise<T | undefined> {
  try {
    return await reading;
  } catch (error) {
    if (isCoded<StorageErrorCode>(error, 'LOG_DAMAGED')) return undefined;
    throw error;
  }
}
