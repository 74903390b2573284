import { Decimal128, type Document, type FindOptions } from 'mongodb';
import type { Hasher } from '../../crypto/hasher.ts';
import { blockId, decodeHeader } from '../../types/block-codec.ts';
import { type Commit, decodeCommit } from '../../types/commit.ts';
import { type BlockId, type CheckpointIndex, type CommitIndex, ID_BYTES, id, type NetworkId } from '../../types/ids.ts';
import { MAX_BLOCK_BYTES, MAX_HEADER_BYTES, MAX_TRANSFERS } from '../../types/limits.ts';
import { type PayloadItem, parsePayload } from '../../types/payload.ts';
import { decodeReceipt, encodeReceipt, type Receipt } from '../../types/receipt.ts';
import { APPLIED_CODES } from '../../types/receipt-code.ts';
import { KIND_NUMBERS } from '../../types/transaction.ts';
import { EMPTY_BYTES, isHex } from '../../util/bytes.ts';
import { ArchiveError } from './errors.ts';
import type { CollectionName } from './layout.ts';
import { ARCHIVE_LEVELS, type ArchiveLevel } from './options.ts';

/**
 * What the driver makes of BSON for the functions below: 64-bit integers as bigint, bytes as such; and nothing that anybody put into a document makes it
 * throw, neither text that is no UTF-8 nor a regular expression that is none.
 */
export const AS_STORED = {
  useBigInt64: true,
  promoteBuffers: true,
  enableUtf8Validation: false,
  bsonRegExp: true,
} as const satisfies FindOptions;

/** The commit that a question reads whole has at most so many: 13,000 references. */
const MAX_COMMIT_BYTES = 512 * 1024;
/** Codes, kinds, levels and hashes. */
const MAX_TEXT_LENGTH = 128;
const U32_MAX = 0xffff_ffff;
const U64_MAX = 0xffff_ffff_ffff_ffffn;
const DIGITS = /^\d{1,20}$/;

/** Who the database is the archive of. */
export interface StoredIdentity {
  readonly version: number;
  readonly networkId: NetworkId;
  readonly level: ArchiveLevel;
}

export interface StoredCursor {
  readonly height: CommitIndex;
  readonly hash: string;
  readonly timeMs: number;
  readonly checkpoint: CheckpointIndex;
  readonly evidence: readonly string[];
}

export interface StoredTransaction {
  readonly receipt: Receipt;
  /** Among all transactions of its commit. */
  readonly position: number;
  readonly block: BlockId;
}

/** A block whose header hashes to its id and names these transactions. */
export interface StoredBlock {
  readonly id: BlockId;
  readonly items: readonly PayloadItem[];
  readonly bytes: number;
}

/** Fields that the functions below read: the others, of whatever size, stay at the server. */
export const IDENTITY_FIELDS = { version: 1, networkId: 1, level: 1 } as const;
export const HEIGHT_FIELDS = { _id: 0, height: 1 } as const;
export const COMMIT_FIELDS = { bytes: 1 } as const;
export const BLOCK_FIELDS = { header: 1, payload: 1 } as const;
export const TRANSACTION_FIELDS = {
  ...{ height: 1, position: 1, block: 1, kind: 1, sender: 1, nonce: 1, fee: 1, code: 1, detail: 1 },
  ...{ transfers: 1, bitmap: 1 },
} as const;

/** Each of these believes nothing of what it is given. @throws ArchiveError ARCHIVE_DAMAGED */
export function storedIdentity(document: Document): StoredIdentity {
  const fields = new Fields('state', document);
  const networkId = fields.text('networkId') as NetworkId;
  return { version: fields.count('version', U32_MAX), networkId, level: fields.oneOf('level', ARCHIVE_LEVELS) };
}

export function storedCursor(document: Document): StoredCursor {
  const fields = new Fields('state', document);
  return {
    height: fields.long('height'),
    hash: fields.digest('hash'),
    timeMs: fields.timeMs('timestamp'),
    checkpoint: fields.long('checkpoint'),
    evidence: fields.has('evidence') ? fields.texts('evidence') : [],
  };
}

export function storedHeight(collection: CollectionName, document: Document): CommitIndex {
  return new Fields(collection, document).long('height');
}

/** A commit that hashes to its id. @throws DecodeError too */
export function storedCommit(hasher: Hasher, document: Document): Commit {
  const fields = new Fields('blocks', document);
  const commit = decodeCommit(hasher, fields.bytes('bytes', MAX_COMMIT_BYTES));
  if (commit.digest !== document._id) throw fields.damaged('_id', 'the hash of the commit');
  return commit;
}

/** @throws DecodeError too */
export function storedBlock(hasher: Hasher, document: Document): StoredBlock {
  const fields = new Fields('dagBlocks', document);
  const header = fields.bytes('header', MAX_HEADER_BYTES);
  const payload = fields.bytes('payload', MAX_BLOCK_BYTES);
  const ownId = blockId(hasher, header);
  if (ownId !== document._id) throw fields.damaged('_id', 'the hash of the header');
  const named = decodeHeader(header).payload;
  const { digest, items } = parsePayload(hasher, payload, named.txCount);
  if (digest !== named.digest) throw fields.damaged('payload', 'what the header names');
  return { id: ownId, items, bytes: header.length + payload.length };
}

/** @throws DecodeError too */
export function storedTransaction(document: Document): StoredTransaction {
  const fields = new Fields('transactions', document);
  const receipt = {
    id: id<Receipt['id']>(fields.digest('_id')),
    commit: fields.long('height'),
    code: fields.oneOf('code', Object.keys(APPLIED_CODES) as Receipt['code'][]),
    kind: fields.oneOf('kind', Object.keys(KIND_NUMBERS) as Receipt['kind'][]),
    sender: fields.count('sender', U32_MAX),
    nonce: fields.long('nonce'),
    fee: fields.decimal('fee'),
    detail: fields.count('detail', U32_MAX),
    transfers: fields.has('transfers') ? fields.count('transfers', MAX_TRANSFERS) : 0,
    bitmap: fields.has('bitmap') ? fields.bytes('bitmap', Math.ceil(MAX_TRANSFERS / 8)) : EMPTY_BYTES,
  };
  return {
    // The decoder knows which fields go together.
    receipt: decodeReceipt(encodeReceipt(receipt)),
    position: fields.count('position', U32_MAX),
    block: id<BlockId>(fields.digest('block')),
  };
}

/** The fields of a document, each with the type that the archiver writes. */
class Fields {
  readonly #collection: CollectionName;
  readonly #document: Document;

  constructor(collection: CollectionName, document: Document) {
    this.#collection = collection;
    this.#document = document;
  }

  has(name: string): boolean {
    return this.#document[name] !== undefined;
  }

  text(name: string): string {
    const value = this.#document[name];
    if (typeof value !== 'string' || value.length > MAX_TEXT_LENGTH) throw this.damaged(name, 'text');
    return value;
  }

  texts(name: string): readonly string[] {
    const value: unknown = this.#document[name];
    if (!Array.isArray(value) || value.some((each) => typeof each !== 'string')) throw this.damaged(name, 'texts');
    return value;
  }

  digest(name: string): string {
    const value = this.text(name);
    if (!isHex(value, ID_BYTES)) throw this.damaged(name, 'a hash');
    return value;
  }

  oneOf<T extends string>(name: string, values: readonly T[]): T {
    const value = this.text(name);
    const found = values.find((each) => each === value);
    if (found === undefined) throw this.damaged(name, `one of ${values.join(', ')}`);
    return found;
  }

  /** Written as a number: 32 bits, or a double. */
  count(name: string, max: number): number {
    const value: unknown = this.#document[name];
    const isCount = typeof value === 'number' && Number.isInteger(value) && value >= 0 && value <= max;
    if (!isCount) throw this.damaged(name, `a number up to ${max}`);
    return value;
  }

  /** Written as a 64-bit integer, below 2^53. */
  long(name: string): number {
    const value: unknown = this.#document[name];
    const isLong = typeof value === 'bigint' && value >= 0n && value <= BigInt(Number.MAX_SAFE_INTEGER);
    if (!isLong) throw this.damaged(name, 'a 64-bit integer below 2^53');
    return Number(value);
  }

  decimal(name: string): bigint {
    const value: unknown = this.#document[name];
    const text = value instanceof Decimal128 ? value.toString() : '';
    if (!DIGITS.test(text) || BigInt(text) > U64_MAX) throw this.damaged(name, 'a decimal below 2^64');
    return BigInt(text);
  }

  timeMs(name: string): number {
    const value: unknown = this.#document[name];
    if (!(value instanceof Date) || Number.isNaN(value.getTime())) throw this.damaged(name, 'a date');
    return value.getTime();
  }

  bytes(name: string, max: number): Uint8Array {
    const value: unknown = this.#document[name];
    if (!(value instanceof Uint8Array) || value.length > max) throw this.damaged(name, `at most ${max} bytes`);
    return new Uint8Array(value.buffer, value.byteOffset, value.length);
  }

  damaged(name: string, expected: string): ArchiveError {
    const fields = { collection: this.#collection, field: name };
    return new ArchiveError('ARCHIVE_DAMAGED', `a document of ${this.#collection}: ${name} is not ${expected}`, fields);
  }
}
