import { type Binary, BSON, type Db, type Document, type FindCursor, type MongoClient } from 'mongodb';
import type { CommitIndex } from '../../types/ids.ts';
import {
  type ArchiveAddress,
  type ArchiveCursor,
  checkIdentity,
  coded,
  connectTo,
  type ExpectedIdentity,
  readCursor,
  readHeight,
} from './database.ts';
import type { CollectionName } from './layout.ts';
import type { ArchiveLevel } from './options.ts';

/** A document as it lies there. Nothing of it is believed. */
export interface StoredDocument {
  readonly id: unknown;
  /** What it is sorted by, if that is a number as the archive writes them. */
  readonly key: number | undefined;
  /** BSON, as the server sent it. */
  readonly bytes: Uint8Array;
  number(field: string): number | undefined;
  /** The bytes of a binary field, also inside of another: `first.header`. */
  binary(path: string): Uint8Array | undefined;
}

/** The documents of a collection in ascending order of a number. */
export interface DocumentStream {
  /** Those of `key`. What lies before it belongs to no key that is asked for, and goes to `strays`. */
  take(key: number): Promise<StoredDocument[]>;
  /** Everything that is left. */
  rest(): AsyncIterable<StoredDocument>;
}

type SortKey = Readonly<Record<string, 1>>;

/** Order in which documents are read: what their indexes give without sorting. */
const ORDERS: Readonly<Record<CollectionName, SortKey>> = {
  blocks: { height: 1 },
  dagBlocks: { height: 1, position: 1 },
  transactions: { height: 1, position: 1 },
  transfers: { height: 1, position: 1, index: 1 },
  checkpoints: { _id: 1 },
  evidence: { _id: 1 },
  state: { _id: 1 },
};

/** Reads an archive document by document, for whoever checks it. */
export class ArchiveReader {
  readonly level: ArchiveLevel;
  /** What was archived when the reader was opened. */
  readonly cursor: ArchiveCursor;
  /** Ids of the evidence that was archived by then. */
  readonly evidence: readonly string[];
  readonly #client: MongoClient;
  readonly #db: Db;

  /**
   * @throws ArchiveError ARCHIVE_URI, ARCHIVE_UNAVAILABLE, ARCHIVE_REFUSED, ARCHIVE_VERSION, ARCHIVE_EMPTY, ARCHIVE_FOREIGN, ARCHIVE_LEVEL,
   *   ARCHIVE_DAMAGED
   */
  static async open(address: ArchiveAddress, expected: ExpectedIdentity): Promise<ArchiveReader> {
    const client = connectTo(address);
    try {
      return await coded(async () => {
        const db = client.db(address.database);
        const { level } = await checkIdentity(db, expected);
        return new ArchiveReader(client, db, level, await readCursor(db, expected.networkId));
      });
    } catch (error) {
      await client.close();
      throw error;
    }
  }

  private constructor(
    client: MongoClient,
    db: Db,
    level: ArchiveLevel,
    cursor: ArchiveCursor & { readonly evidence: readonly string[] },
  ) {
    this.#client = client;
    this.#db = db;
    this.level = level;
    this.cursor = cursor;
    this.evidence = cursor.evidence;
  }

  stream(name: CollectionName, strays: (document: StoredDocument) => void): DocumentStream {
    const order = ORDERS[name];
    const [key = '_id'] = Object.keys(order);
    // They are taken as slowly as commits are executed.
    const cursor = this.#db.collection<Document>(name).find({}, { raw: true, noCursorTimeout: true }).sort(order);
    return new SortedStream(cursor as FindCursor<unknown>, key, strays);
  }

  /** The newest first. */
  newestCheckpoints(): AsyncIterable<StoredDocument> {
    const cursor = this.#db.collection<Document>('checkpoints').find({}, { raw: true }).sort({ _id: -1 });
    return new SortedStream(cursor as FindCursor<unknown>, '_id', () => undefined).rest();
  }

  /** How far the archive is by now. */
  height(): Promise<CommitIndex> {
    return coded(() => readHeight(this.#db));
  }

  async close(): Promise<void> {
    await this.#client.close();
  }
}

class SortedStream implements DocumentStream {
  readonly #cursor: FindCursor<unknown>;
  readonly #key: string;
  readonly #strays: (document: StoredDocument) => void;
  #next: StoredDocument | undefined;

  constructor(cursor: FindCursor<unknown>, key: string, strays: (document: StoredDocument) => void) {
    this.#cursor = cursor;
    this.#key = key;
    this.#strays = strays;
  }

  async take(key: number): Promise<StoredDocument[]> {
    const found: StoredDocument[] = [];
    for (let document = await this.#peek(); document !== undefined; document = await this.#peek()) {
      if (document.key !== undefined && document.key > key) break;
      if (document.key === key) found.push(document);
      // Sorted behind all numbers is what has text there; before them what has nothing.
      else this.#strays(document);
      this.#next = undefined;
    }
    return found;
  }

  async *rest(): AsyncGenerator<StoredDocument> {
    for (let document = await this.#peek(); document !== undefined; document = await this.#peek()) {
      this.#next = undefined;
      yield document;
    }
  }

  async #peek(): Promise<StoredDocument | undefined> {
    if (this.#next !== undefined) return this.#next;
    const raw = await coded(() => this.#cursor.next());
    if (raw !== null) this.#next = stored(raw as Uint8Array, this.#key);
    return this.#next;
  }
}

function stored(raw: Uint8Array, key: string): StoredDocument {
  // A copy: the driver's buffer holds a whole batch.
  const bytes = new Uint8Array(raw);
  // Whatever anybody wrote there must not keep the rest from being read.
  const fields = BSON.deserialize(bytes, { useBigInt64: true, bsonRegExp: true, validation: { utf8: false } });
  const number = (name: string): number | undefined => {
    const value: unknown = fields[name];
    if (typeof value !== 'bigint' && typeof value !== 'number') return undefined;
    return Number.isSafeInteger(Number(value)) ? Number(value) : undefined;
  };
  const binary = (path: string): Uint8Array | undefined => {
    const value: unknown = path.split('.').reduce<unknown>((at, name) => (at as Document | undefined)?.[name], fields);
    const { buffer } = (value ?? {}) as Partial<Binary>;
    return buffer instanceof Uint8Array ? new Uint8Array(buffer) : undefined;
  };
  return { id: fields._id, key: number(key), bytes, number, binary };
}
