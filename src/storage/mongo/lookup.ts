import type { Collection, Db, Decimal128, Document, MongoClient } from 'mongodb';
import type { Hasher } from '../../crypto/hasher.ts';
import { decodeSignedHeader } from '../../types/block-codec.ts';
import { type Commit, decodeCommit } from '../../types/commit.ts';
import type { CommitIndex, NetworkId, TransactionId } from '../../types/ids.ts';
import { type PayloadItem, parsePayload } from '../../types/payload.ts';
import type { Receipt } from '../../types/receipt.ts';
import type { AppliedCode } from '../../types/receipt-code.ts';
import type { TransactionKind } from '../../types/transaction.ts';
import { DecodeError } from '../../util/byte-reader.ts';
import { EMPTY_BYTES } from '../../util/bytes.ts';
import type { Clock } from '../../util/clock.ts';
import { GuardedCalls, type GuardOptions } from '../../util/guarded-calls.ts';
import type { Logger } from '../../util/logger.ts';
import type { Timers } from '../../util/timers.ts';
import type { ArchivedContent, ArchivedIds, ArchivedPart, ArchiveLookup } from '../archive-lookup.ts';
import { type ArchiveAddress, connectTo, readIdentity } from './database.ts';
import { ArchiveError } from './errors.ts';
import type { CollectionName } from './layout.ts';
import type { ArchiveLevel } from './options.ts';

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

/** A question takes a few milliseconds; a server that is down is asked once in a while. */
const GUARD: GuardOptions = { callMs: 1_000, failures: 3, pauseMs: 2_000, maxCalls: 64 };
/** Commits that are read whole at a time: one may be tens of megabytes. */
const MAX_COMMIT_READS = 4;

/** As the driver gives them with `LONG_AS_BIGINT`: bytes, bigint for what is written as one. */
interface TransactionDocument {
  readonly _id: TransactionId;
  readonly height: bigint;
  readonly position: number;
  readonly block: string;
  readonly kind: TransactionKind;
  readonly sender: number;
  readonly nonce: bigint;
  readonly fee: Decimal128;
  readonly code: AppliedCode;
  readonly detail: number;
  readonly transfers?: number;
  readonly bitmap?: Uint8Array;
}

interface BlockDocument {
  readonly _id: string;
  readonly height: bigint;
  readonly bytes: Uint8Array;
}

interface DagBlockDocument {
  readonly _id: string;
  readonly height: bigint;
  readonly position: number;
  readonly header: Uint8Array;
  readonly signature: Uint8Array;
  readonly payload: Uint8Array;
}

/** The newest first, as the indexes have it; times never go back from one height to the next. */
const BY_TIME = { timestamp: -1, height: -1 } as const;
const BY_HEIGHT = { height: -1 } as const;
/** The year 10,000: servers may refuse later dates, and no block has one. */
const END_MS = Date.UTC(10_000, 0);
const LONG_AS_BIGINT = { useBigInt64: true, promoteBuffers: true } as const;

/** Asks the archive in MongoDB; connects with the first question. */
export class MongoLookup implements ArchiveLookup {
  readonly #client: MongoClient;
  readonly #db: Db;
  readonly #identity: LookupIdentity;
  readonly #modules: MongoLookupModules;
  readonly #calls: GuardedCalls;
  readonly #commitCalls: GuardedCalls;
  #isOurs = false;

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
    return this.#ask(this.#calls, async () => {
      const found = await this.#transaction(id);
      return found === null ? undefined : receiptOf(found);
    });
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
      const blocks = this.#db.collection<DagBlockDocument>('dagBlocks');
      const block = found && (await blocks.findOne({ _id: found.block }, LONG_AS_BIGINT));
      return block === null ? undefined : this.#items(block)?.find((item) => item.id === id)?.body;
    });
  }

  content(index: CommitIndex): Promise<ArchivedContent | 'unavailable' | undefined> {
    return this.#tell(this.#commitCalls, async () => {
      const found = await this.#commit(index);
      if (found === undefined) return undefined;
      const { commit, items } = found;
      const documents = await this.#transactions.find({ height: BigInt(index) }, LONG_AS_BIGINT).toArray();
      const receipts = new Map(documents.map((document) => [document.position, receiptOf(document)]));
      const applied = items.flatMap(({ id, body }, position) => {
        const receipt = receipts.get(position);
        return receipt?.id === id ? [{ position, body, receipt }] : [];
      });
      return { commit, count: items.length, applied };
    });
  }

  async touching(part: ArchivedPart): Promise<{ commits: CommitIndex[]; isAll: boolean } | 'unavailable'> {
    const { account, address, limit } = part;
    const lists = await this.#tell(this.#calls, () =>
      Promise.all([
        this.#heights('transactions', { from: address }, BY_TIME, part),
        this.#heights('transactions', { to: account }, BY_TIME, part),
        // Where transfers are archived each is found; elsewhere the recipients of larger batches are not, and each such batch may have one.
        this.#identity.level === 'transfers'
          ? this.#heights('transfers', { to: account }, BY_TIME, part)
          : this.#heights('transactions', { kind: 'transfer-batch', to: { $exists: false } }, BY_HEIGHT, part),
      ]),
    );
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

  get #transactions(): Collection<TransactionDocument> {
    return this.#db.collection<TransactionDocument>('transactions');
  }

  #transaction(id: TransactionId): Promise<TransactionDocument | null> {
    return this.#transactions.findOne({ _id: id }, LONG_AS_BIGINT);
  }

  async #heights(
    name: CollectionName,
    filter: Document,
    order: typeof BY_TIME | typeof BY_HEIGHT,
    { before, toMs, limit }: ArchivedPart,
  ): Promise<CommitIndex[]> {
    const notLater = toMs < END_MS ? { timestamp: { $lte: new Date(toMs) } } : {};
    const range = { height: { $lt: BigInt(before) }, ...notLater };
    const options = { ...LONG_AS_BIGINT, projection: { _id: 0, height: 1 } };
    const found = this.#db.collection<{ height: bigint }>(name).find({ ...filter, ...range }, options);
    return (await found.sort(order).limit(limit).toArray()).map(({ height }) => Number(height));
  }

  /** A commit that hashes to its id, with the transactions of blocks that hash to theirs; undefined of any other. @throws DecodeError */
  async #commit(
    key: CommitIndex | { readonly hash: string },
  ): Promise<{ readonly commit: Commit; readonly items: readonly PayloadItem[] } | undefined> {
    const blocks = this.#db.collection<BlockDocument>('blocks');
    const filter = typeof key === 'object' ? { _id: key.hash } : { height: BigInt(key) };
    const found = await blocks.findOne(filter, LONG_AS_BIGINT);
    if (found === null) return undefined;
    const commit = decodeCommit(this.#modules.hasher, found.bytes);
    if (commit.digest !== found._id || (typeof key === 'number' && commit.index !== key)) return undefined;
    const dagBlocks = this.#db.collection<DagBlockDocument>('dagBlocks').find({ height: found.height }, LONG_AS_BIGINT);
    const stored = await dagBlocks.sort({ height: 1, position: 1 }).toArray();
    const isWhole = commit.refs.every((ref, position) => stored[position]?._id === ref.id);
    if (!isWhole || stored.length !== commit.refs.length) return undefined;
    const payloads = stored.map((block) => this.#items(block));
    return payloads.every((items) => items !== undefined) ? { commit, items: payloads.flat() } : undefined;
  }

  /** Of a block whose header hashes to its id and names these bytes; undefined of any other. @throws DecodeError */
  #items({ _id, header, signature, payload }: DagBlockDocument): readonly PayloadItem[] | undefined {
    const { hasher } = this.#modules;
    const { ref, payload: named } = decodeSignedHeader(hasher, header, signature);
    const { digest, items } = parsePayload(hasher, payload.slice(), named.txCount);
    return ref.id === _id && digest === named.digest ? items : undefined;
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

  /** @throws ArchiveError ARCHIVE_FOREIGN, ARCHIVE_LEVEL, ARCHIVE_EMPTY, ARCHIVE_VERSION */
  async #identify(): Promise<void> {
    if (this.#isOurs) return;
    const { networkId, level } = this.#identity;
    const identity = await readIdentity(this.#db);
    if (identity === undefined) throw new ArchiveError('ARCHIVE_EMPTY', 'nothing is archived yet', {});
    if (identity.networkId !== networkId) {
      const fields = { expected: networkId, found: identity.networkId };
      throw new ArchiveError('ARCHIVE_FOREIGN', 'the database is the archive of another network', fields);
    }
    if (identity.level !== level) {
      const fields = { expected: level, found: identity.level };
      throw new ArchiveError('ARCHIVE_LEVEL', 'the database was begun with another level', fields);
    }
    this.#isOurs = true;
  }

  #changed(isUp: boolean, error: string): void {
    if (isUp) this.#modules.logger.info('the archive answers questions again');
    else this.#modules.logger.warn('the archive answers no questions', { error });
  }
}

/** A document that holds something else than it should is not there. */
function nothingOfDamage(error: unknown): undefined {
  if (error instanceof DecodeError) return undefined;
  throw error;
}

function receiptOf(found: TransactionDocument): Receipt {
  const { _id: id, height, code, kind, sender, nonce, fee, detail, transfers = 0, bitmap = EMPTY_BYTES } = found;
  const commit = Number(height);
  return {
    id,
    commit,
    code,
    kind,
    sender,
    nonce: Number(nonce),
    fee: BigInt(fee.toString()),
    detail,
    transfers,
    bitmap,
  };
}
