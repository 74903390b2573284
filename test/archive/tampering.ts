import { Binary, BSONRegExp, type Collection, type Db, type Document } from 'mongodb';
import { nativeBackend } from '../../src/crypto/native.ts';
import { commitDigest, decodeCommit, encodeCommit } from '../../src/types/commit.ts';
import type { Problem } from './archived-net.ts';

/** One change of an archive that somebody else made, and what must be found. */
export interface Tampering {
  readonly name: string;
  /** @returns what a verification has to list, and how to undo it */
  readonly make: (db: Db) => Promise<Tampered>;
}

interface Tampered {
  readonly expected: readonly Pick<Problem, 'finding' | 'collection' | 'id'>[];
  undo(): Promise<void>;
}

export const TAMPERINGS: readonly Tampering[] = [
  flipped('dagBlocks', 'header'),
  flipped('dagBlocks', 'signature'),
  flipped('dagBlocks', 'payload', { transactions: { $gt: 0 } }),
  flipped('blocks', 'bytes'),
  flipped('checkpoints', 'certificate'),
  changed('dagBlocks', 'author', 77),
  changed('blocks', 'gcRound', 4_000_000),
  changed('transactions', 'code', 'INTERNAL'),
  changed('transactions', 'nonce', 12_345n),
  changed('dagBlocks', 'header', 'text'),
  changed('dagBlocks', 'signature', new Binary(new Uint8Array(12))),
  changed('blocks', 'bytes', 5),
  changed('checkpoints', 'certificate', null),
  changed('transactions', 'kind', new BSONRegExp('(')),
  changed('transactions', 'note', 'a field that nobody wrote'),
  inventedEvidence(),
  lostEvidence(),
  deleted('dagBlocks'),
  deleted('transactions'),
  deleted('checkpoints'),
  deletedBlock(),
  added('dagBlocks'),
  added('transactions'),
  added('blocks'),
  addedWith('transactions', 'a height that is text', { height: 'five' }),
  addedWith('transactions', 'no height', { height: undefined }),
  addedWith('transactions', 'a height before the first', { height: -3n }),
  addedWith('transactions', 'a height that no archiver has come to', { height: 100_000_000n }),
  addedWith('dagBlocks', 'a height that no archiver has come to', { height: 100_000_000n }),
];

function flipped(collection: string, field: string, filter: Document = {}): Tampering {
  return replaced(`one flipped byte in ${field} of ${collection}`, collection, filter, (document) => {
    const bytes = Uint8Array.from((document[field] as Binary).buffer);
    const middle = Math.floor(bytes.length / 2);
    bytes[middle] = (bytes[middle] ?? 0) ^ 1;
    return { ...document, [field]: new Binary(bytes) };
  });
}

function changed(collection: string, field: string, value: unknown): Tampering {
  return replaced(`another ${field} in ${collection}`, collection, {}, (document) => ({ ...document, [field]: value }));
}

function replaced(
  name: string,
  collection: string,
  filter: Document,
  change: (document: Document) => Document,
): Tampering {
  return {
    name,
    make: async (db) => {
      const documents = db.collection(collection);
      const document = await someOf(documents, filter);
      const id = document._id;
      await documents.replaceOne({ _id: id }, change(document));
      return {
        expected: [{ finding: 'altered', collection, id: String(id) }],
        undo: async () => void (await documents.replaceOne({ _id: id }, document)),
      };
    },
  };
}

function deleted(collection: string): Tampering {
  return {
    name: `a deleted document of ${collection}`,
    make: async (db) => {
      const documents = db.collection(collection);
      const document = await someOf(documents, {});
      await documents.deleteOne({ _id: document._id });
      return {
        expected: [{ finding: 'missing', collection, id: String(document._id) }],
        undo: async () => void (await documents.insertOne(document)),
      };
    },
  };
}

function deletedBlock(): Tampering {
  return {
    name: 'a deleted document of blocks',
    make: async (db) => {
      const documents = db.collection('blocks');
      const document = await someOf(documents, {});
      await documents.deleteOne({ _id: document._id });
      return {
        expected: [{ finding: 'missing', collection: 'blocks', id: `height ${document.height}` }],
        undo: async () => void (await documents.insertOne(document)),
      };
    },
  };
}

function inventedEvidence(): Tampering {
  return {
    name: 'evidence that proves nothing',
    make: async (db) => {
      const [evidence, block] = [db.collection('evidence'), await someOf(db.collection('dagBlocks'), {})];
      const signed = { header: block.header, signature: block.signature };
      const id = 'invented';
      await evidence.insertOne({ _id: id as never, first: signed, second: signed });
      return {
        expected: [{ finding: 'altered', collection: 'evidence', id }],
        undo: async () => void (await evidence.deleteOne({ _id: id as never })),
      };
    },
  };
}

function lostEvidence(): Tampering {
  return {
    name: 'evidence that is gone',
    make: async (db) => {
      const state = db.collection('state');
      await state.updateOne({ key: 'cursor' }, { $set: { evidence: ['gone'] } });
      return {
        expected: [{ finding: 'missing', collection: 'evidence', id: 'gone' }],
        undo: async () => void (await state.updateOne({ key: 'cursor' }, { $unset: { evidence: 1 } })),
      };
    },
  };
}

function added(collection: string): Tampering {
  return addedWith(collection, 'the height of another', {});
}

function addedWith(collection: string, what: string, fields: Document): Tampering {
  return {
    name: `an added document of ${collection} with ${what}`,
    make: async (db) => {
      const documents = db.collection(collection);
      const id = 'f'.repeat(64);
      const copy: Document = { ...(await someOf(documents, {})), _id: id, ...fields };
      await documents.insertOne(copy, { ignoreUndefined: true });
      return {
        expected: [{ finding: 'added', collection, id }],
        undo: async () => void (await documents.deleteOne({ _id: id as never })),
      };
    },
  };
}

/** Another last commit than the network decided, with all that must fit to it. No certificate covers it, so that nothing tells. */
export async function inventLastCommit(db: Db): Promise<{ height: number; bytes: Uint8Array; undo(): Promise<void> }> {
  const [state, blocks] = [db.collection('state'), db.collection('blocks')];
  const { hasher } = nativeBackend();
  const cursor = (await state.findOne({ key: 'cursor' }, { useBigInt64: true })) as Document;
  const last = (await blocks.findOne({ height: cursor.height }, { useBigInt64: true })) as Document;
  const commit = decodeCommit(hasher, Uint8Array.from((last.bytes as Binary).buffer));
  const invented = { ...commit, timeMs: commit.timeMs + 1 };
  const [bytes, digest] = [encodeCommit(invented), commitDigest(hasher, invented)];
  const fields = { timestamp: new Date(invented.timeMs), bytes: new Binary(bytes) };
  const replace = async (old: Document, other: Document): Promise<void> => {
    await blocks.deleteOne({ _id: old._id });
    await blocks.insertOne(other);
    await state.updateOne({ key: 'cursor' }, { $set: { hash: other._id } });
  };
  const other = { ...last, ...fields, _id: digest } as unknown as Document;
  await replace(last, other);
  return { height: commit.index, bytes, undo: () => replace(other, last) };
}

/** Neither the first nor the last, so that there is something before and behind it. */
async function someOf(collection: Collection, filter: Document): Promise<Document> {
  const count = await collection.countDocuments(filter);
  const cursor = collection.find(filter, { promoteValues: true, useBigInt64: true });
  const document = await cursor
    .sort({ height: 1 })
    .skip(Math.floor(count / 2))
    .next();
  if (document === null) throw new Error(`no document in ${collection.collectionName}`);
  return document;
}
