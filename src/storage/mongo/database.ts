import {
  Binary,
  type Collection,
  type CommandStartedEvent,
  type Db,
  type Document,
  type FindOptions,
  MongoBulkWriteError,
  MongoClient,
  type MongoClientOptions,
  MongoServerError,
} from 'mongodb';
import type { CheckpointIndex, CommitIndex, NetworkId } from '../../types/ids.ts';
import { assertDefined } from '../../util/assert.ts';
import { errorText } from '../../util/errors.ts';
import type { ArchiveDocument, Documents } from './documents.ts';
import { ArchiveError } from './errors.ts';
import { type CollectionName, LAYOUT } from './layout.ts';
import {
  type ArchiveLevel,
  CONNECT_TIMEOUT_MS,
  MAX_CONNECTIONS,
  SOCKET_TIMEOUT_MS,
  WRITE_DOCUMENTS,
} from './options.ts';
import {
  AS_STORED,
  HEIGHT_FIELDS,
  IDENTITY_FIELDS,
  type StoredCursor,
  type StoredIdentity,
  storedCursor,
  storedHeight,
  storedIdentity,
} from './stored-documents.ts';

/** Where the archive lies. The connection string may hold a password: it is never logged. */
export interface ArchiveAddress {
  readonly uri: string;
  readonly database: string;
}

/** What a database is begun with, once. */
export interface ArchiveIdentity {
  readonly networkId: NetworkId;
  readonly level: ArchiveLevel;
  /** The bytes of `genesis.json`. */
  readonly genesis: Uint8Array;
}

/** What a database must be the archive of, and how much of it: any level where none is named. */
export interface ExpectedIdentity {
  readonly networkId: NetworkId;
  readonly level: ArchiveLevel | undefined;
}

/** Everything up to `height` is archived. */
export interface ArchiveCursor {
  readonly height: CommitIndex;
  /** Of that commit; the network id before the first. */
  readonly hash: string;
  readonly timeMs: number;
  /** The newest certified checkpoint that is archived. */
  readonly checkpoint: CheckpointIndex;
}

export interface WrittenCounts {
  readonly documents: number;
  readonly bytes: number;
}

interface StateDocument {
  readonly _id: string;
  readonly key: string;
}

const SCHEMA_VERSION = 1;
const CURSOR = { _id: 'cursor', key: 'cursor' } as const;
const NETWORK = { _id: 'network', key: 'network' } as const;
const DUPLICATE_KEY = 11_000;
/** `shardCollection` of a collection that is sharded. */
const ALREADY_INITIALIZED = 23;

/** What is acknowledged survives the loss of a minority of each shard: the cursor must never be ahead of the documents. */
const CLIENT_OPTIONS: MongoClientOptions = {
  appName: 'av10-archive',
  serverSelectionTimeoutMS: CONNECT_TIMEOUT_MS,
  connectTimeoutMS: CONNECT_TIMEOUT_MS,
  socketTimeoutMS: SOCKET_TIMEOUT_MS,
  maxPoolSize: MAX_CONNECTIONS,
  writeConcern: { w: 'majority', journal: true },
  readConcern: { level: 'majority' },
  retryWrites: true,
};

/** One MongoDB database as the archive of one network; several nodes may write it at a time. */
export class ArchiveDatabase {
  readonly #client: MongoClient;
  readonly #db: Db;
  readonly #networkId: NetworkId;

  /**
   * Connects, and makes collections, indexes and shards that are missing.
   *
   * @param observe sees every command that is sent: for tests
   * @throws ArchiveError ARCHIVE_URI, ARCHIVE_UNAVAILABLE, ARCHIVE_REFUSED, ARCHIVE_FOREIGN, ARCHIVE_LEVEL, ARCHIVE_VERSION
   */
  static async open(
    address: ArchiveAddress,
    identity: ArchiveIdentity,
    observe?: (event: CommandStartedEvent) => void,
  ): Promise<ArchiveDatabase> {
    const client = connectTo(address, observe !== undefined);
    if (observe !== undefined) client.on('commandStarted', observe);
    try {
      return await coded(async () => {
        const db = client.db(address.database);
        await prepare(client, db);
        await identify(db, identity);
        return new ArchiveDatabase(client, db, identity.networkId);
      });
    } catch (error) {
      await client.close();
      throw error;
    }
  }

  private constructor(client: MongoClient, db: Db, networkId: NetworkId) {
    this.#client = client;
    this.#db = db;
    this.#networkId = networkId;
  }

  /** @throws ArchiveError ARCHIVE_UNAVAILABLE, ARCHIVE_REFUSED */
  cursor(): Promise<ArchiveCursor> {
    return coded(() => readCursor(this.#db, this.#networkId));
  }

  /**
   * Writes documents over what stands under their ids. In any order, and again as often as it may be.
   * @throws ArchiveError ARCHIVE_UNAVAILABLE, ARCHIVE_REFUSED
   */
  write(groups: readonly Documents[]): Promise<WrittenCounts> {
    return coded(async () => {
      const counts = await Promise.all(LAYOUT.map(({ name }) => this.#put(name, chained(groups, name))));
      return {
        documents: counts.reduce((sum, { documents }) => sum + documents, 0),
        bytes: counts.reduce((sum, { bytes }) => sum + bytes, 0),
      };
    });
  }

  /**
   * Says that everything up to `cursor` is written, unless another archiver is further.
   * @param evidence ids of archived evidence
   * @returns the cursor that stands
   */
  advance(cursor: ArchiveCursor, evidence: readonly string[]): Promise<ArchiveCursor> {
    const { height, hash, timeMs, checkpoint } = cursor;
    const filter: Document = { ...CURSOR, height: { $lte: BigInt(height) } };
    const set = { height: BigInt(height), hash, timestamp: new Date(timeMs), checkpoint: BigInt(checkpoint) };
    const add = evidence.length === 0 ? {} : { $addToSet: { evidence: { $each: evidence } } };
    return coded(async () => {
      try {
        await this.#db.collection('state').updateOne(filter, { $set: set, ...add }, { upsert: true });
        return cursor;
      } catch (error) {
        if (!(error instanceof MongoServerError) || error.code !== DUPLICATE_KEY) throw error;
        return readCursor(this.#db, this.#networkId);
      }
    });
  }

  async close(): Promise<void> {
    await this.#client.close();
  }

  async #put(name: CollectionName, documents: Iterable<ArchiveDocument>): Promise<WrittenCounts> {
    const counts = { documents: 0, bytes: 0 };
    for (const slice of slices(documents, WRITE_DOCUMENTS)) {
      await putAll(this.#db.collection(name), slice);
      counts.documents += slice.length;
      counts.bytes += slice.reduce((sum, document) => sum + payloadBytes(document), 0);
    }
    return counts;
  }
}

/** Nearly all are new, and an insert costs a server half of an upsert; those that are there already are replaced. */
async function putAll(collection: Collection, documents: readonly ArchiveDocument[]): Promise<void> {
  const there = await insertNew(collection, documents);
  if (there.length === 0) return;
  const replacements = there.map((document) => ({
    replaceOne: { filter: { _id: document._id } as Document, replacement: document, upsert: true },
  }));
  await collection.bulkWrite(replacements, { ordered: false });
}

/** @returns what was not inserted because its id is taken */
async function insertNew(
  collection: Collection,
  documents: readonly ArchiveDocument[],
): Promise<readonly ArchiveDocument[]> {
  try {
    await collection.bulkWrite(
      documents.map((document) => ({ insertOne: { document: document as Document } })),
      { ordered: false },
    );
    return [];
  } catch (error) {
    if (!(error instanceof MongoBulkWriteError)) throw error;
    const failures = Array.isArray(error.writeErrors) ? error.writeErrors : [error.writeErrors];
    if (failures.length === 0 || failures.some(({ code }) => code !== DUPLICATE_KEY)) throw error;
    return failures.map(({ index }) => assertDefined(documents[index], 'an error names a document of its write'));
  }
}

/** @throws ArchiveError ARCHIVE_URI */
export function connectTo({ uri }: ArchiveAddress, monitorCommands = false): MongoClient {
  try {
    return new MongoClient(uri, { ...CLIENT_OPTIONS, monitorCommands });
  } catch (cause) {
    const reason = errorText(cause);
    throw new ArchiveError('ARCHIVE_URI', `the connection string cannot be used: ${reason}`, { reason }, { cause });
  }
}

/** Before the first commit it stands at 0. @throws ArchiveError ARCHIVE_DAMAGED */
export async function readCursor(db: Db, networkId: NetworkId): Promise<StoredCursor> {
  const found = await db.collection<StateDocument>('state').findOne(CURSOR, AS_STORED);
  return found === null ? { height: 0, hash: networkId, timeMs: 0, checkpoint: 0, evidence: [] } : storedCursor(found);
}

/** Of the cursor only this. @throws ArchiveError ARCHIVE_DAMAGED */
export async function readHeight(db: Db, options: FindOptions = {}): Promise<CommitIndex> {
  const reading = { ...AS_STORED, ...options, projection: HEIGHT_FIELDS };
  const found = await db.collection<StateDocument>('state').findOne(CURSOR, reading);
  return found === null ? 0 : storedHeight('state', found);
}

/** Whatever the driver throws, by what can be done about it. */
export async function coded<T>(action: () => Promise<T>): Promise<T> {
  try {
    return await action();
  } catch (error) {
    throw coding(error);
  }
}

function coding(error: unknown): unknown {
  if (!(error instanceof Error) || error instanceof ArchiveError) return error;
  if (!error.name.startsWith('Mongo')) return error;
  const reason = errorText(error);
  const options = { cause: error };
  if (error instanceof MongoServerError)
    return new ArchiveError('ARCHIVE_REFUSED', `the MongoDB server refuses: ${reason}`, { reason }, options);
  return new ArchiveError('ARCHIVE_UNAVAILABLE', `no MongoDB server answers: ${reason}`, { reason }, options);
}

/** On a router the collections are sharded before they hold anything; a plain server has indexes only. Does nothing again that was done. */
async function prepare(client: MongoClient, db: Db): Promise<void> {
  const admin = client.db('admin');
  const { msg } = await admin.command({ hello: 1 });
  const isRouter = msg === 'isdbgrid';
  if (isRouter) await admin.command({ enableSharding: db.databaseName });
  for (const { name, shardKey, indexes } of LAYOUT) {
    if (isRouter && shardKey !== undefined) await shard(admin, `${db.databaseName}.${name}`, shardKey);
    for (const { key, options } of indexes) await db.collection(name).createIndex(key, options ?? {});
  }
}

async function shard(admin: Db, shardCollection: string, key: Readonly<Record<string, unknown>>): Promise<void> {
  try {
    await admin.command({ shardCollection, key });
  } catch (error) {
    if (!(error instanceof MongoServerError) || error.code !== ALREADY_INITIALIZED) throw error;
  }
}

/** The first archiver says what the database is of; all others must agree. */
async function identify(db: Db, { networkId, level, genesis }: ArchiveIdentity): Promise<void> {
  const state = db.collection<StateDocument>('state');
  const mine = { version: SCHEMA_VERSION, networkId, level, genesis: new Binary(genesis) };
  await state.updateOne(NETWORK, { $setOnInsert: mine }, { upsert: true }).catch((error: unknown) => {
    // Two archivers began at once: the other one's stands.
    if (!(error instanceof MongoServerError) || error.code !== DUPLICATE_KEY) throw error;
  });
  mustBe((await readIdentity(db)) ?? mine, { networkId, level });
}

/**
 * That the database is an archive, of this network, and of this level if one is named.
 * @throws ArchiveError ARCHIVE_EMPTY, ARCHIVE_FOREIGN, ARCHIVE_LEVEL, ARCHIVE_VERSION, ARCHIVE_DAMAGED
 */
export async function checkIdentity(
  db: Db,
  expected: ExpectedIdentity,
  options?: FindOptions,
): Promise<StoredIdentity> {
  const found = await readIdentity(db, options);
  if (found === undefined)
    throw new ArchiveError('ARCHIVE_EMPTY', `nothing was archived in database ${db.databaseName}`, {});
  mustBe(found, expected);
  return found;
}

function mustBe(found: Pick<StoredIdentity, 'networkId' | 'level'>, { networkId, level }: ExpectedIdentity): void {
  if (found.networkId !== networkId) {
    const message = 'the database is the archive of another network: name another one with --archive-database';
    throw new ArchiveError('ARCHIVE_FOREIGN', message, { expected: networkId, found: found.networkId });
  }
  if (level !== undefined && found.level !== level) {
    const message = `the database was begun with level ${found.level}: set --archive-level to it, or begin another database`;
    throw new ArchiveError('ARCHIVE_LEVEL', message, { expected: level, found: found.level });
  }
}

async function readIdentity(db: Db, options: FindOptions = {}): Promise<StoredIdentity | undefined> {
  const reading = { ...AS_STORED, ...options, projection: IDENTITY_FIELDS };
  const found = await db.collection<StateDocument>('state').findOne(NETWORK, reading);
  if (found === null) return undefined;
  const identity = storedIdentity(found);
  if (identity.version === SCHEMA_VERSION) return identity;
  const fields = { expected: SCHEMA_VERSION, found: identity.version };
  throw new ArchiveError('ARCHIVE_VERSION', `archive version ${SCHEMA_VERSION} expected`, fields);
}

/** Of the parts that come from the log; what stands beside them is small. */
function payloadBytes(document: ArchiveDocument): number {
  return Object.values(document).reduce<number>(
    (sum, value) => sum + (value instanceof Binary ? value.length() : 0),
    0,
  );
}

function* chained(groups: readonly Documents[], name: CollectionName): Generator<ArchiveDocument> {
  for (const group of groups) yield* group[name] ?? [];
}

function* slices<T>(items: Iterable<T>, size: number): Generator<T[]> {
  let slice: T[] = [];
  for (const item of items) {
    slice.push(item);
    if (slice.length < size) continue;
    yield slice;
    slice = [];
  }
  if (slice.length > 0) yield slice;
}
