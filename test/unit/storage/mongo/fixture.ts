import { BlockLog } from '../../../../src/storage/block-log.ts';
import type { LogPosition } from '../../../../src/storage/log-position.ts';
import type {
  ArchiveProgress,
  ArchiveReport,
  ArchiveSource,
  ArchiveStore,
  LogPlace,
} from '../../../../src/storage/mongo/archiver.ts';
import type { ArchiveCursor } from '../../../../src/storage/mongo/database.ts';
import { type ArchiveDocument, type Documents, documentBytes } from '../../../../src/storage/mongo/documents.ts';
import { ArchiveError } from '../../../../src/storage/mongo/errors.ts';
import type { CollectionName } from '../../../../src/storage/mongo/layout.ts';
import type { ReceiptSource } from '../../../../src/storage/mongo/receipt-source.ts';
import type { KnownReceipts } from '../../../../src/storage/receipt-database.ts';
import type { IndexedReceipt } from '../../../../src/storage/receipt-index.ts';
import { markVerified, type SignedHeader } from '../../../../src/types/block.ts';
import { decodeSignedHeader, encodeHeader } from '../../../../src/types/block-codec.ts';
import { encodeCertificate } from '../../../../src/types/certificate.ts';
import { type Commit, commitDigest } from '../../../../src/types/commit.ts';
import {
  type Address,
  type CommitDigest,
  id,
  type NetworkId,
  type ParamsHash,
  type StatementDigest,
  type StateRoot,
  type TransactionId,
} from '../../../../src/types/ids.ts';
import { SIGNATURE_BYTES } from '../../../../src/types/limits.ts';
import { encodePayload, parsePayload } from '../../../../src/types/payload.ts';
import { encodeReceipt, type Receipt } from '../../../../src/types/receipt.ts';
import type { Transaction } from '../../../../src/types/transaction.ts';
import { encodeTransactionBody } from '../../../../src/types/transaction-codec.ts';
import { EMPTY_BYTES } from '../../../../src/util/bytes.ts';
import type { Disk } from '../../../../src/util/disk.ts';
import { hasher, LOG_OPTIONS, storageModules } from '../fixture.ts';

export const NETWORK = id<NetworkId>('4e'.repeat(32));
export const SENDER = id<Address>('5e'.repeat(32));

export function batch(nonce: number, amounts: readonly bigint[] = [1n, 2n]): Transaction {
  const recipients = Uint32Array.from(amounts.keys());
  const envelope = { sender: SENDER, keyVersion: 0, nonce, expiryMs: 9_000, fee: 7n };
  return {
    ...envelope,
    kind: 'transfer-batch',
    asset: 0,
    atomic: false,
    recipients,
    amounts: BigUint64Array.from(amounts),
  };
}

export function receiptOf(transaction: Transaction, txId: TransactionId, commit: number): Receipt {
  const transfers = transaction.kind === 'transfer-batch' ? transaction.recipients.length : 0;
  const { kind, nonce, fee } = transaction;
  return { id: txId, commit, code: 'OK', kind, sender: 3, nonce, fee, detail: 0, transfers, bitmap: EMPTY_BYTES };
}

/** A signed block with these transactions. */
export function blockOf(
  author: number,
  round: number,
  transactions: readonly Transaction[],
): { readonly header: SignedHeader; readonly payload: Uint8Array } {
  const bodies = transactions.map((each, at) => ({
    body: encodeTransactionBody(each),
    signature: new Uint8Array(SIGNATURE_BYTES).fill(at),
  }));
  const payload = encodePayload(bodies);
  const { digest } = parsePayload(hasher, payload, transactions.length);
  const header = {
    ...({ version: 1, epoch: 1, round, author, timestampMs: round * 10, executedCommit: 0 } as const),
    ...{ ancestors: [], attestations: [] },
    payload: { digest, bytes: payload.length, txCount: transactions.length },
  };
  const signature = new Uint8Array(SIGNATURE_BYTES).fill(author);
  return { header: markVerified(decodeSignedHeader(hasher, encodeHeader(header), signature)), payload };
}

/** A log that grows commit by commit, and what a node around it would tell an archiver. */
export class ArchivedLog {
  readonly log: BlockLog;
  readonly commits: Commit[] = [];
  readonly receipts = new Map<TransactionId, IndexedReceipt>();
  final = 0;
  receiptsFrom = 1;
  /** Of what the index holds. */
  rememberedFrom = 1;
  receiptsThrough = Number.MAX_SAFE_INTEGER;
  oldest = 1;
  readonly #places: LogPosition[] = [];
  #round = 0;

  static async create(disk: Disk): Promise<ArchivedLog> {
    return new ArchivedLog(await BlockLog.create(LOG_OPTIONS, storageModules(disk)));
  }

  private constructor(log: BlockLog) {
    this.log = log;
  }

  get progress(): ArchiveProgress {
    const { final, receiptsFrom, receiptsThrough } = this;
    return { durable: this.log.durableSequence, final, receiptsFrom, receiptsThrough };
  }

  place(commit: number): LogPlace {
    const position = commit === 0 ? this.log.firstPosition : this.#places[commit - 1];
    const isKept = commit >= this.oldest || this.oldest === 1;
    return { position: isKept ? position : undefined, oldest: this.oldest };
  }

  /** Two blocks a commit, the second with two transactions or none, of which the first is applied. */
  async grow(count: number, withTransactions = true): Promise<void> {
    for (let i = 0; i < count; i++) this.#commit(withTransactions);
    await this.log.flush();
    this.final = this.commits.length;
  }

  /** Retention goes on: the receipts of commits below this one are gone. */
  forgetReceipts(below: number): void {
    for (const [txId, { commitIndex }] of this.receipts) if (commitIndex < below) this.receipts.delete(txId);
    this.rememberedFrom = below;
  }

  certificate(index: number): void {
    const root = id<StateRoot>('0f'.repeat(32));
    const statement = {
      ...{ networkId: NETWORK, epoch: 1, index, previousDigest: id<StatementDigest>('0d'.repeat(32)) },
      ...{ commitIndex: index, commitDigest: id<CommitDigest>('0c'.repeat(32)), timeMs: index },
      ...{ accountsRoot: root, systemRoot: root, resultsRoot: root, paramsHash: id<ParamsHash>('9a'.repeat(32)) },
    };
    const votes = [{ author: 0, signature: new Uint8Array(SIGNATURE_BYTES) }];
    this.log.append({ type: 'certificate', bytes: encodeCertificate({ statement, members: 4, votes }) });
  }

  evidence(round: number): void {
    const [first, second] = [blockOf(1, round, []), blockOf(1, round, [batch(round)])];
    const signed = ({ header }: typeof first) => ({ header: header.bytes, signature: header.signature });
    this.log.append({ type: 'evidence', first: signed(first), second: signed(second) });
  }

  #commit(withTransactions: boolean): void {
    this.#round += 1;
    const index = this.commits.length + 1;
    const transactions = withTransactions ? [batch(index), batch(index + 1_000)] : [];
    const blocks = [blockOf(0, this.#round, []), blockOf(1, this.#round, transactions)];
    const blockPositions = blocks.map(({ header, payload }) =>
      this.log.append({ type: 'admitted-block', header: header.bytes, signature: header.signature, payload }),
    );
    const [, leader] = blocks;
    const [applied] = parsePayload(hasher, leader?.payload as Uint8Array, transactions.length).items;
    if (applied !== undefined) {
      const receipt = receiptOf(transactions[0] as Transaction, applied.id, index);
      this.receipts.set(receipt.id, { commitIndex: index, receipt: encodeReceipt(receipt) });
    }
    const refs = blocks.map(({ header }) => header.ref);
    const previousDigest = this.commits.at(-1)?.digest ?? id<CommitDigest>(NETWORK);
    const content = { index, epoch: 1, leader: refs[1] as (typeof refs)[0], timeMs: index * 10, previousDigest, refs };
    const commit = { ...content, digest: commitDigest(hasher, content) };
    this.#places.push(this.log.append({ type: 'commit', source: 'decided', commit, gcRoundAfter: 0, blockPositions }));
    this.commits.push(commit);
  }
}

/** The node of an archiver in a test: it changes when the test says so, and pauses last a turn. */
export class TestSource implements ArchiveSource, ReceiptSource {
  readonly pauses: number[] = [];
  /** What happens to the node between the reading of a window and its receipts. */
  beforeReceipts: () => void = () => undefined;
  readonly #log: ArchivedLog;
  #changed = Promise.withResolvers<void>();

  constructor(log: ArchivedLog) {
    this.#log = log;
  }

  progress(): ArchiveProgress {
    return this.#log.progress;
  }

  changed(): Promise<void> {
    return this.#changed.promise;
  }

  tell(): void {
    this.#changed.resolve();
    this.#changed = Promise.withResolvers();
  }

  async pause(ms: number): Promise<void> {
    this.pauses.push(ms);
    await new Promise((resolve) => setImmediate(resolve));
  }

  async place(commit: number): Promise<LogPlace> {
    return this.#log.place(commit);
  }

  known(ids: readonly TransactionId[]): KnownReceipts {
    this.beforeReceipts();
    return { from: this.#log.rememberedFrom, receipts: ids.map((txId) => this.#log.receipts.get(txId)) };
  }
}

/** A database in memory; documents are kept as the bytes that a server would hold. */
export class MemoryArchive {
  readonly collections = new Map<CollectionName, Map<string, Uint8Array>>();
  readonly evidence = new Set<string>();
  cursor: ArchiveCursor = { height: 0, hash: NETWORK, timeMs: 0, checkpoint: 0 };
  isDown = false;
  /** So many documents are written, then it is down. */
  writesLeft = Number.POSITIVE_INFINITY;
  written = 0;

  open(): ArchiveStore {
    return {
      cursor: async () => this.#up(() => this.cursor),
      write: async (groups) => this.#up(() => this.#write(groups)),
      advance: async (cursor, evidence) => this.#up(() => this.#advance(cursor, evidence)),
      close: async () => undefined,
    };
  }

  count(name: CollectionName): number {
    return this.collections.get(name)?.size ?? 0;
  }

  has(name: CollectionName, document: ArchiveDocument): boolean {
    const found = this.collections.get(name)?.get(String(document._id));
    return found !== undefined && Buffer.compare(found, documentBytes(document)) === 0;
  }

  #up<T>(action: () => T): T {
    if (this.isDown) throw new ArchiveError('ARCHIVE_UNAVAILABLE', 'nobody answers', { reason: 'test' });
    return action();
  }

  #write(groups: readonly Documents[]): { documents: number; bytes: number } {
    const before = this.written;
    for (const group of groups) {
      for (const [name, documents] of Object.entries(group) as [CollectionName, Iterable<ArchiveDocument>][]) {
        const collection = this.collections.get(name) ?? new Map<string, Uint8Array>();
        this.collections.set(name, collection);
        for (const document of documents) {
          if (this.writesLeft-- <= 0) {
            this.isDown = true;
            this.#up(() => undefined);
          }
          collection.set(String(document._id), documentBytes(document));
          this.written += 1;
        }
      }
    }
    return { documents: this.written - before, bytes: 0 };
  }

  #advance(cursor: ArchiveCursor, evidence: readonly string[]): ArchiveCursor {
    if (cursor.height < this.cursor.height) return this.cursor;
    for (const each of evidence) this.evidence.add(each);
    this.cursor = cursor;
    return cursor;
  }
}

export type Reports = ArchiveReport[];
