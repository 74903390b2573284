import type { Collection, Db, Document, FindOptions, MongoClient } from 'mongodb';
import type { Hasher } from '../../crypto/hasher.ts';
import type { Commit } from '../../types/commit.ts';
import type { CommitIndex, NetworkId, TransactionId } from '../../types/ids.ts';
import type { PayloadItem } from '../../types/payload.ts';
import type { Receipt } from '../../types/receipt.ts';
import { DecodeError } from '../../util/byte-reader.ts';
import type { Clock } from '../../util/clock.ts';
import { isCoded } from '../../util/errors.ts';
import { GuardedCalls, type GuardOptions } from '../../util/guarded-calls.ts';
import type { Logger } from '../../util/logger.ts';
import type { Timers } from '../../util/timers.ts';
import type { ArchivedContent, ArchivedIds, ArchivedPart, ArchiveLookup } from '../archive-lookup.ts';
import { bounded } from './bounded.ts';
import { type ArchiveAddress, checkIdentity, connectTo, readHeight } from './database.ts';
import type { CollectionName } from './layout.ts';
import type { ArchiveLevel } from './options.ts';
import {
  AS_STORED,
  BLOCK_FIELDS,
  COMMIT_FIELDS,
  HEIGHT_FIELDS,
  type StoredBlock,
  type StoredTransaction,
  storedBlock,
  storedCommit,
  storedHeight,
  storedTransaction,
  TRANSACTION_FIELDS,
} from './stored-documents.ts';

/** What the database must be the archive of, and how much of it. */
export interface LookupIdentity {
  readonly networkId: NetworkId;
  readonly level: ArchiveLevel;
}

export interface MongoLookupModules {
  readonly hasher: Hasher;
  readonly clock: Pick<Clock, 'monotonicMs'>;
  readonly timers: Timers;
  readonly logger: Logger;
}

/** A document of which nothing is known but by what it was found. */
interface StoredFields extends Document {
  readonly _id: string;
}

/** A question takes a few milliseconds; a server that is down is asked once in a while. */
const GUARD: GuardOptions = { callMs: 1_000, failures: 3, pauseMs: 2_000, maxCalls: 64 };
/** Commits that are read whole at a time. */
const MAX_COMMIT_READS = 4;

/** The newest first, as the indexes have it; times never go back from one height to the next. */
const BY_TIME = { timestamp: -1, height: -1 } as const;
const BY_HEIGHT = { height: -1 } as const;
/** The year 10,000: servers may refuse later dates, and no block has one. */
const END_MS = Date.UTC(10_000, 0);
/** What nobody waits for any more, the server need not look for. */
const TIMED = { maxTimeMS: GUARD.callMs } as const;

/** Asks the archive in MongoDB; connects with the first question. */
export class MongoLookup implements ArchiveLookup {
  readonly #client: MongoClient;
  readonly #db: Db;
  readonly #identity: LookupIdentity;
  readonly #modules: MongoLookupModules;
  readonly #calls: GuardedCalls;
  readonly #commitCalls: GuardedCalls;
  #isOurs = false;
  /** The highest that the cursor was seen at. */
  #archived: CommitIndex = 0;

  /** @throws ArchiveError ARCHIVE_URI */
  constructor(address: ArchiveAddress, identity: LookupIdentity, modules: MongoLookupModules) {
    this.#client = connectTo(address);
    this.#db = this.#client.db(address.database);
    this.#identity = identity;
    this.#modules = modules;
    const changed = (isUp: boolean, error: string): void => this.#changed(isUp, error);
    this.#calls = new GuardedCalls(GUARD, { ...modules, changed });
    this.#commitCalls = new GuardedCalls({ ...GUARD, maxCalls: MAX_COMMIT_READS }, { ...modules, changed });
  }

  get hasReceipts(): boolean {
    return this.#identity.level !== 'blocks';
  }

  receipt(id: TransactionId): Promise<Receipt | undefined> {
    return this.#ask(this.#calls, async () => (await this.#transaction(id))?.receipt);
  }

  block(key: CommitIndex | { readonly hash: string }): Promise<ArchivedIds | undefined> {
    return this.#ask(this.#commitCalls, async () => {
      const found = await this.#commit(key);
      return found && { commit: found.commit, transactions: found.items.map((item) => item.id) };
    });
  }

  body(id: TransactionId): Promise<Uint8Array | undefined> {
    return this.#ask(this.#calls, async () => {
      const found = await this.#transaction(id);
      if (found === undefined) return undefined;
      const stored = await this.#collection('dagBlocks').findOne({ _id: found.block }, reading(BLOCK_FIELDS));
      const block = stored === null ? undefined : storedBlock(this.#modules.hasher, stored);
      return block?.items.find((item) => item.id === id)?.body;
    });
  }

  content(index: CommitIndex): Promise<ArchivedContent | 'unavailable' | undefined> {
    return this.#tell(this.#commitCalls, async () => {
      const found = await this.#commit(index);
      if (found === undefined) return undefined;
      const { commit, items } = found;
      const stored = this.#collection('transactions').find({ height: BigInt(index) }, reading(TRANSACTION_FIELDS));
      const transactions = await bounded(stored.limit(items.length + 1), items.length, storedTransaction);
      if (transactions === undefined) return undefined;
      const receipts = new Map(transactions.map(({ position, receipt }) => [position, receipt]));
      const applied = items.flatMap(({ id, body }, position) => {
        const receipt = receipts.get(position);
        return receipt?.id === id ? [{ position, body, receipt }] : [];
      });
      return { commit, count: items.length, applied };
    });
  }

  async touching(part: ArchivedPart): Promise<{ commits: CommitIndex[]; isAll: boolean } | 'unavailable'> {
    const { account, address, before, limit } = part;
    const lists = await this.#tell(this.#calls, async () => {
      // Else the page would lack what is still to be archived, and look whole.
      if (!(await this.#isArchived(before - 1))) return undefined;
      return Promise.all([
        this.#heights('transactions', { from: address }, BY_TIME, part),
        this.#heights('transactions', { to: account }, BY_TIME, part),
        // Where transfers are archived each is found; elsewhere the recipients of larger batches are not, and each such batch may have one.
        this.#identity.level === 'transfers'
          ? this.#heights('transfers', { to: account }, BY_TIME, part)
          : this.#heights('transactions', { kind: 'transfer-batch', to: { $exists: false } }, BY_HEIGHT, part),
      ]);
    });
    if (lists === 'unavailable' || lists === undefined) return 'unavailable';
    // Below the end of a list that was cut off, others may lack its commits.
    const cut = lists.filter((heights) => heights.length === limit).map((heights) => heights.at(-1) as number);
    const lowest = Math.max(0, ...cut);
    const commits = [...new Set(lists.flat())].filter((height) => height >= lowest).sort((one, other) => other - one);
    return { commits, isAll: cut.length === 0 };
  }

  async close(): Promise<void> {
    await this.#client.close();
  }

  /**
   * What lies above the cursor is not archived yet: the write under way of an archiver, or put there by anybody. How far the cursor was is
   * remembered, because it only grows (but for an operator who sets it back to have something written again).
   */
  async #isArchived(height: CommitIndex): Promise<boolean> {
    if (height <= this.#archived) return true;
    const cursor = await readHeight(this.#db, TIMED);
    this.#archived = Math.max(this.#archived, cursor);
    return height <= this.#archived;
  }

  #collection(name: CollectionName): Collection<StoredFields> {
    return this.#db.collection<StoredFields>(name);
  }

  async #transaction(id: TransactionId): Promise<StoredTransaction | undefined> {
    const stored = await this.#collection('transactions').findOne({ _id: id }, reading(TRANSACTION_FIELDS));
    const found = stored === null ? undefined : storedTransaction(stored);
    if (found?.receipt.id !== id) return undefined;
    return (await this.#isArchived(found.receipt.commit)) ? found : undefined;
  }

  async #heights(
    name: CollectionName,
    filter: Document,
    order: typeof BY_TIME | typeof BY_HEIGHT,
    { before, toMs, limit }: ArchivedPart,
  ): Promise<CommitIndex[]> {
    const notLater = toMs < END_MS ? { timestamp: { $lte: new Date(toMs) } } : {};
    const range = { height: { $lt: BigInt(before) }, ...notLater };
    const found = this.#collection(name).find({ ...filter, ...range }, reading(HEIGHT_FIELDS));
    return (await found.sort(order).limit(limit).toArray()).map((document) => storedHeight(name, document));
  }

  /** A commit that hashes to its id, with the transactions of blocks that hash to theirs; undefined of any other. @throws DecodeError */
  async #commit(
    key: CommitIndex | { readonly hash: string },
  ): Promise<{ readonly commit: Commit; readonly items: readonly PayloadItem[] } | undefined> {
    const { hasher } = this.#modules;
    const filter = typeof key === 'object' ? { _id: key.hash } : { height: BigInt(key) };
    const found = await this.#collection('blocks').findOne(filter, reading(COMMIT_FIELDS));
    if (found === null) return undefined;
    const commit = storedCommit(hasher, found);
    const isAsked = typeof key === 'object' ? commit.digest === key.hash : commit.index === key;
    if (!isAsked || !(await this.#isArchived(commit.index))) return undefined;
    const stored = this.#collection('dagBlocks').find({ height: BigInt(commit.index) }, reading(BLOCK_FIELDS));
    const count = commit.refs.length;
    const read = (document: Document): StoredBlock => storedBlock(hasher, document);
    const sorted = stored.sort({ height: 1, position: 1 }).limit(count + 1);
    const blocks = await bounded(sorted, count, read, ({ bytes }) => bytes);
    const isWhole = blocks !== undefined && commit.refs.every(({ id }, position) => blocks[position]?.id === id);
    return isWhole ? { commit, items: blocks.flatMap(({ items }) => items) } : undefined;
  }

  async #ask<T>(calls: GuardedCalls, question: () => Promise<T | undefined>): Promise<T | undefined> {
    const answer = await this.#tell(calls, question);
    return answer === 'unavailable' ? undefined : answer;
  }

  async #tell<T>(calls: GuardedCalls, question: () => Promise<T | undefined>): Promise<T | 'unavailable' | undefined> {
    const reply = await calls.call(async () => {
      await this.#identify();
      return question().catch(nothingOfDamage);
    });
    return typeof reply === 'string' ? 'unavailable' : reply.value;
  }

  /** @throws ArchiveError ARCHIVE_FOREIGN, ARCHIVE_LEVEL, ARCHIVE_EMPTY, ARCHIVE_VERSION, ARCHIVE_DAMAGED */
  async #identify(): Promise<void> {
    if (!this.#isOurs) await checkIdentity(this.#db, this.#identity, TIMED);
    this.#isOurs = true;
  }

  #changed(isUp: boolean, error: string): void {
    if (isUp) this.#modules.logger.info('the archive answers questions again');
    else this.#modules.logger.warn('the archive answers no questions', { error });
  }
}

/** What a question reads of documents, and for how long. */
function reading(projection: Document): FindOptions {
  return { ...AS_STORED, ...TIMED, projection };
}

/** A document that holds something else than it should is not there. */
function nothingOfDamage(error: unknown): undefined {
  if (error instanceof DecodeError || isCoded(error, 'ARCHIVE_DAMAGED')) return undefined;
  throw error;
}
