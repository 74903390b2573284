import type { AppliedTransaction, Chain, CommitContent, NodeService } from '../replica/service.ts';
import type { ArchiveLookup } from '../storage/index.ts';
import type { Address, CommitIndex } from '../types/ids.ts';
import { isMade } from '../types/receipt.ts';
import type { AccountTransaction, AccountTransactions } from '../types/rest-chain.ts';
import type { AccountHandle, TransactionKind } from '../types/transaction.ts';
import { decodeTransactionBody } from '../types/transaction-codec.ts';
import type { Clock } from '../util/clock.ts';
import { TokenBucket } from '../util/token-bucket.ts';
import { RestError } from './errors.ts';
import {
  ARCHIVE_RETRY_MS,
  HISTORY_BLOCK_BYTES,
  HISTORY_BURST_BYTES,
  HISTORY_BYTES_PER_SECOND,
  INDEX_RETRY_MS,
  MAX_HISTORY_BLOCKS,
} from './options.ts';
import { receivedTransfers } from './received-transfers.ts';

export interface HistoryQuery {
  readonly account: AccountHandle;
  readonly address: Address;
  /** Only what lies before it. */
  readonly cursor: HistoryPosition | undefined;
  readonly limit: number;
  readonly fromMs: number;
  readonly toMs: number;
  readonly kind: TransactionKind | undefined;
  readonly counterparty: AccountHandle | undefined;
}

/** A place in the order of execution. New blocks come behind all that was given out, so pages stay the same. */
export interface HistoryPosition {
  readonly commit: CommitIndex;
  /** Among the transactions of the commit; 0: before all of them. */
  readonly position: number;
}

interface HistoryModules {
  readonly clock: Pick<Clock, 'monotonicMs'>;
  readonly archive: ArchiveLookup | undefined;
}

export type HistoryPage = Pick<AccountTransactions, 'transactions' | 'next'>;

/**
 * What accounts did, read from the blocks themselves: an index names those that may matter, so that what a page says never hangs on the index.
 * The work has a budget for all requests together, because a block of full load is 2 MiB for one line of a history.
 */
export class AccountHistory {
  readonly #service: NodeService;
  readonly #clock: Pick<Clock, 'monotonicMs'>;
  readonly #archive: ArchiveLookup | undefined;
  readonly #budget: TokenBucket;
  /** Of the block that is being read: one at a time, so that the next one knows what it cost. Waiting are requests, hence no more than connections. */
  #turn: Promise<unknown> = Promise.resolve();

  constructor(service: NodeService, { clock, archive }: HistoryModules) {
    this.#service = service;
    this.#clock = clock;
    this.#archive = archive?.hasReceipts ? archive : undefined;
    this.#budget = new TokenBucket(HISTORY_BYTES_PER_SECOND, HISTORY_BURST_BYTES, clock.monotonicMs());
  }

  /** What is in older blocks is not listed. */
  get oldest(): CommitIndex {
    return this.#archive === undefined ? this.#service.chain.contentFrom : 1;
  }

  /**
   * A page ends at its limit, or when it has cost enough; then it may have no transactions and yet a `next`. Behind the oldest block that the
   * node keeps, the archive goes on, where there is one.
   * @throws RestError BUSY
   */
  async page(query: HistoryQuery): Promise<HistoryPage> {
    const { chain } = this.#service;
    // The index takes no more receipts: a page would lack the newest blocks without a mark.
    if (chain.contentThrough < chain.lastFinal) throw busy(INDEX_RETRY_MS, 'the index of receipts is behind');
    const start = await startOf(chain, query);
    const before = start.position > 0 ? start.commit + 1 : start.commit;
    const source = before <= chain.contentFrom ? this.#archived(query) : this.#kept(query);
    const { commits, end } = await source.touching(before);
    const transactions: AccountTransaction[] = [];
    for (const [read, index] of commits.entries()) {
      const { waitMs, content } = await this.#inTurn(() => this.#read(source, index));
      if (waitMs > 0 && read === 0) throw busy(waitMs);
      if (waitMs > 0) return { transactions, next: above(index) };
      if (content === undefined && index < chain.contentFrom && source.isNode)
        return { transactions, next: this.#older(index + 1) };
      if (content === undefined) continue; // damaged: passed over
      if (content.commit.timeMs < query.fromMs) return { transactions, next: null };
      for (const { position, view } of select(content, query, start)) {
        transactions.push(view);
        if (transactions.length === query.limit) return { transactions, next: cursorText({ commit: index, position }) };
      }
    }
    return { transactions, next: end };
  }

  /** What the node keeps. */
  #kept({ account }: HistoryQuery): Source {
    const { chain } = this.#service;
    return {
      isNode: true,
      touching: async (before) => {
        const commits = chain.touching(account, before, MAX_HISTORY_BLOCKS);
        const last = commits.at(-1);
        const isAll = last === undefined || commits.length < MAX_HISTORY_BLOCKS;
        return { commits, end: isAll ? this.#older(chain.contentFrom) : cursorText({ commit: last, position: 0 }) };
      },
      content: (index) => chain.content(index),
    };
  }

  #archived({ account, address, toMs }: HistoryQuery): Source {
    const archive = this.#archive;
    if (archive === undefined) return { isNode: false, touching: async () => NOTHING, content: async () => undefined };
    return {
      isNode: false,
      touching: async (before) => {
        const found = await archive.touching({ account, address, before, toMs, limit: MAX_HISTORY_BLOCKS });
        if (found === 'unavailable') throw busy(ARCHIVE_RETRY_MS);
        const last = found.commits.at(-1);
        const end = found.isAll || last === undefined ? null : cursorText({ commit: last, position: 0 });
        return { commits: found.commits, end };
      },
      content: (index) => archive.content(index),
    };
  }

  /** Where the archive goes on; null without one. */
  #older(before: CommitIndex): string | null {
    return this.#archive === undefined || before <= 1 ? null : cursorText({ commit: before, position: 0 });
  }

  async #read(source: Source, index: CommitIndex): Promise<Reading> {
    const waitMs = this.#budget.waitMs(1, this.#clock.monotonicMs());
    if (waitMs > 0) return { waitMs, content: undefined };
    const content = await source.content(index);
    if (content === 'unavailable') return { waitMs: ARCHIVE_RETRY_MS, content: undefined };
    this.#budget.spend(costOf(content), this.#clock.monotonicMs());
    return { waitMs, content };
  }

  #inTurn<T>(read: () => Promise<T>): Promise<T> {
    const reading = this.#turn.then(read);
    this.#turn = reading.catch(() => undefined); // whoever asked hears of it
    return reading;
  }
}

/** Where commits are found and read: the node, or the archive. */
interface Source {
  readonly isNode: boolean;
  /** Those below `before`, the newest first, and the cursor behind them. */
  touching(before: CommitIndex): Promise<{ readonly commits: readonly CommitIndex[]; readonly end: string | null }>;
  /** Undefined: no longer kept, or damaged. */
  content(index: CommitIndex): Promise<CommitContent | 'unavailable' | undefined>;
}

const NOTHING = { commits: [], end: null } as const;

interface Reading {
  /** Until there is budget again, or the archive may answer: nothing was read. */
  readonly waitMs: number;
  /** Undefined: no longer kept. */
  readonly content: CommitContent | undefined;
}

/** Of text that has `CURSOR_PATTERN`. */
export function parseCursor(text: string): HistoryPosition {
  const [commit = 0, position = 0] = text.split('.').map(Number);
  return { commit, position };
}

/** The block itself, and all before it. */
function above(commit: CommitIndex): string {
  return cursorText({ commit: commit + 1, position: 0 });
}

function cursorText({ commit, position }: HistoryPosition): string {
  return `${commit}.${position}`;
}

async function startOf(chain: Chain, { cursor, toMs }: HistoryQuery): Promise<HistoryPosition> {
  const newest = { commit: chain.lastFinal + 1, position: 0 };
  // A cursor of a validator that is ahead: what it has seen beyond is not final here.
  const start = cursor === undefined || cursor.commit > newest.commit ? newest : cursor;
  if (toMs === Number.POSITIVE_INFINITY) return start;
  const end = await firstAfter(chain, toMs);
  return end <= start.commit ? { commit: end, position: 0 } : start;
}

/** The first commit later than `timeMs`, by halves: the time of commits never goes back. */
async function firstAfter(chain: Chain, timeMs: number): Promise<CommitIndex> {
  let low = Math.max(1, chain.oldest);
  let high = chain.lastFinal + 1;
  while (low < high) {
    const middle = Math.floor((low + high) / 2);
    const [commit] = await chain.commits(middle, 1);
    if (commit === undefined || commit.timeMs <= timeMs) low = middle + 1;
    else high = middle;
  }
  return low;
}

/** Those before `start` that the query asks for, the newest first. */
function* select(
  { commit, applied }: CommitContent,
  query: HistoryQuery,
  start: HistoryPosition,
): Generator<{ readonly position: number; readonly view: AccountTransaction }> {
  for (const transaction of applied.toReversed()) {
    const { position, receipt } = transaction;
    if (commit.index === start.commit && position >= start.position) continue;
    if (query.kind !== undefined && query.kind !== receipt.kind) continue;
    const view = viewFor(query.account, transaction, commit.timeMs);
    if (view === undefined) continue;
    if (query.counterparty === undefined || isBetween(view, transaction, query.counterparty)) yield { position, view };
  }
}

/** Undefined: the account had no part in it. */
function viewFor(
  account: AccountHandle,
  transaction: AppliedTransaction,
  timeMs: number,
): AccountTransaction | undefined {
  const { commit, id, kind, code, sender, fee, detail } = transaction.receipt;
  const sent = sender === account;
  const isOpened = kind === 'open-account' && code === 'OK' && detail === account;
  const received = receivedTransfers(transaction, account);
  if (!sent && !isOpened && received === undefined) return undefined;
  return {
    ...{ commit, timeMs, id, kind, code, sender, sent, fee: fee.toString() },
    received:
      received === undefined
        ? null
        : { asset: received.asset, total: received.total, transfers: received.transfers.length },
  };
}

/** Whether the other one paid or opened the account, or the account the other one. */
function isBetween({ sent }: AccountTransaction, { receipt, body }: AppliedTransaction, other: AccountHandle): boolean {
  if (!sent) return receipt.sender === other;
  if (receipt.kind === 'open-account') return receipt.code === 'OK' && receipt.detail === other;
  const transaction = decodeTransactionBody(body);
  if (transaction.kind !== 'transfer-batch') return false;
  return transaction.recipients.some((recipient, index) => recipient === other && isMade(receipt, index));
}

function costOf(content: CommitContent | undefined): number {
  if (content === undefined) return HISTORY_BLOCK_BYTES;
  return content.applied.reduce((sum, { body }) => sum + body.length, HISTORY_BLOCK_BYTES);
}

function busy(waitMs: number, why = 'histories are read as fast as this node lets them'): RestError {
  return new RestError('BUSY', why, { retryAfterMs: waitMs });
}
