import { Binary, BSON, Decimal128 } from 'mongodb';
import type { Hasher } from '../../crypto/hasher.ts';
import type { SignedHeader } from '../../types/block.ts';
import type { Certificate } from '../../types/certificate.ts';
import { encodeCertificate } from '../../types/certificate.ts';
import { type Commit, encodeCommit } from '../../types/commit.ts';
import type { CheckpointIndex, CommitIndex, Round } from '../../types/ids.ts';
import { type PayloadItem, parsePayload } from '../../types/payload.ts';
import { isMade, type Receipt } from '../../types/receipt.ts';
import type { TransferBatch } from '../../types/transaction.ts';
import { decodeTransactionBody } from '../../types/transaction-codec.ts';
import type { CollectionName } from './layout.ts';
import type { ArchiveLevel } from './options.ts';

/** A document as it is written: `_id` first, then fields in a fixed order, so that equal content is equal bytes. */
export type ArchiveDocument = { readonly _id: string | bigint } & Readonly<Record<string, unknown>>;

/** By collection. Transfers are made while they are taken: those of one commit may be more than memory holds. */
export type Documents = Readonly<Partial<Record<CollectionName, Iterable<ArchiveDocument>>>>;

/** A commit with its blocks in the order of its refs, as the log holds them. */
export interface ArchivedCommit {
  readonly commit: Commit;
  readonly gcRound: Round;
  readonly blocks: readonly ArchivedBlock[];
}

export interface ArchivedBlock {
  readonly header: SignedHeader;
  readonly payload: Uint8Array;
}

/** A transaction of a commit; its place counts all transactions of the commit. */
interface PlacedItem extends PayloadItem {
  readonly position: number;
  readonly block: string;
}

/** Recipients up to this many stand in the document of a batch and are found by `to`; more would make the index larger than the data. */
const MAX_LISTED_RECIPIENTS = 16;

/** Every transaction in the blocks of a commit, executed or not. */
export function itemsOf(hasher: Hasher, { blocks }: ArchivedCommit): PlacedItem[] {
  const items = blocks.flatMap(({ header, payload }) => {
    const { txCount } = header.payload;
    const found = txCount === 0 ? [] : parsePayload(hasher, payload, txCount).items;
    return found.map((item) => ({ ...item, block: header.ref.id }));
  });
  return items.map((item, position) => ({ ...item, position }));
}

/**
 * Everything that a commit is in the archive: a pure function of what the network agreed on, whichever node writes it.
 *
 * @param receipts of the transactions that this commit applied, by id; not looked at by level `blocks`
 */
export function documentsOf(
  hasher: Hasher,
  archived: ArchivedCommit,
  level: ArchiveLevel,
  receipts: ReadonlyMap<string, Receipt>,
): Documents {
  const { commit, blocks } = archived;
  const dagBlocks = blocks.map((block, position) => dagBlockDocument(commit.index, position, block));
  const documents = { blocks: [commitDocument(archived)], dagBlocks };
  if (level !== 'batches' && level !== 'transfers') return documents;
  const applied = appliedItems(hasher, archived, receipts);
  const transactions = applied.map(([item, receipt]) => transactionDocument(commit, item, receipt));
  if (level === 'batches') return { ...documents, transactions };
  return { ...documents, transactions, transfers: { [Symbol.iterator]: () => transferDocuments(commit, applied) } };
}

/** A copy of a transaction may lie in the same commit again; the first is the one that was applied. */
function appliedItems(
  hasher: Hasher,
  archived: ArchivedCommit,
  receipts: ReadonlyMap<string, Receipt>,
): [PlacedItem, Receipt][] {
  const seen = new Set<string>();
  return itemsOf(hasher, archived).flatMap((item): [PlacedItem, Receipt][] => {
    const receipt = receipts.get(item.id);
    if (receipt === undefined || seen.has(item.id)) return [];
    seen.add(item.id);
    return [[item, receipt]];
  });
}

export function commitDocument({ commit, gcRound }: ArchivedCommit): ArchiveDocument {
  return {
    _id: commit.digest,
    height: BigInt(commit.index),
    previous: commit.previousDigest,
    timestamp: new Date(commit.timeMs),
    epoch: commit.epoch,
    leader: commit.leader.id,
    round: commit.leader.round,
    gcRound,
    dagBlocks: commit.refs.length,
    bytes: new Binary(encodeCommit(commit)),
  };
}

export function dagBlockDocument(
  height: CommitIndex,
  position: number,
  { header, payload }: ArchivedBlock,
): ArchiveDocument {
  return {
    _id: header.ref.id,
    height: BigInt(height),
    position,
    author: header.author,
    round: header.round,
    timestamp: new Date(header.timestampMs),
    transactions: header.payload.txCount,
    header: new Binary(header.bytes),
    signature: new Binary(header.signature),
    payload: new Binary(payload),
  };
}

function transactionDocument(commit: Commit, item: PlacedItem, receipt: Receipt): ArchiveDocument {
  const transaction = decodeTransactionBody(item.body);
  return {
    _id: item.id,
    height: BigInt(commit.index),
    position: item.position,
    block: item.block,
    timestamp: new Date(commit.timeMs),
    kind: transaction.kind,
    from: transaction.sender,
    sender: receipt.sender,
    nonce: BigInt(receipt.nonce),
    fee: decimal(receipt.fee),
    code: receipt.code,
    detail: receipt.detail,
    ...(receipt.bitmap.length > 0 && { bitmap: new Binary(receipt.bitmap) }),
    ...(transaction.kind === 'transfer-batch' && batchFields(transaction)),
  };
}

function batchFields({ asset, recipients, amounts }: TransferBatch): Record<string, unknown> {
  let amount = 0n;
  for (const each of amounts) amount += each;
  const to = recipients.length <= MAX_LISTED_RECIPIENTS ? { to: [...recipients] } : {};
  return { asset, amount: decimal(amount), transfers: recipients.length, ...to };
}

function* transferDocuments(
  commit: Commit,
  applied: readonly (readonly [PlacedItem, Receipt])[],
): Generator<ArchiveDocument> {
  for (const [item, receipt] of applied) {
    const transaction = decodeTransactionBody(item.body);
    if (transaction.kind !== 'transfer-batch') continue;
    const { sender, asset, recipients, amounts } = transaction;
    for (const [index, to] of recipients.entries()) {
      yield {
        _id: `${item.id}/${index}`,
        height: BigInt(commit.index),
        position: item.position,
        index,
        transaction: item.id,
        timestamp: new Date(commit.timeMs),
        from: sender,
        to,
        asset,
        amount: decimal(amounts[index] as bigint),
        succeeded: isMade(receipt, index),
      };
    }
  }
}

/** @param previous the certified checkpoint that was archived before this one, 0 if none: what a missing one is noticed by */
export function checkpointDocument(certificate: Certificate, previous: CheckpointIndex): ArchiveDocument {
  const { statement } = certificate;
  return {
    _id: BigInt(statement.index),
    height: BigInt(statement.commitIndex),
    previous: BigInt(previous),
    timestamp: new Date(statement.timeMs),
    accountsRoot: statement.accountsRoot,
    systemRoot: statement.systemRoot,
    resultsRoot: statement.resultsRoot,
    certificate: new Binary(encodeCertificate(certificate)),
  };
}

/** Two signed headers of one author and round; the order in which a node met them says nothing. */
export function evidenceDocument(one: SignedHeader, other: SignedHeader): ArchiveDocument {
  const [first, second] = one.ref.id < other.ref.id ? [one, other] : [other, one];
  const { epoch, round, author } = first;
  const signed = ({ bytes, signature }: SignedHeader) => ({
    header: new Binary(bytes),
    signature: new Binary(signature),
  });
  const _id = `${first.ref.id}/${second.ref.id}`;
  return { _id, epoch, round, author, first: signed(first), second: signed(second) };
}

/** The bytes of a document in the database. */
export function documentBytes(document: ArchiveDocument): Uint8Array {
  return BSON.serialize(document);
}

/** BSON has no unsigned 64-bit integer; this one holds it and adds up in queries. */
function decimal(value: bigint): Decimal128 {
  return Decimal128.fromString(value.toString());
}
