import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { Binary, BSON, BSONRegExp, Decimal128, type Document } from 'mongodb';
import { type ArchiveDocument, documentsOf } from '../../../../src/storage/mongo/documents.ts';
import {
  AS_STORED,
  storedBlock,
  storedCommit,
  storedCursor,
  storedHeight,
  storedIdentity,
  storedTransaction,
} from '../../../../src/storage/mongo/stored-documents.ts';
import { encodeReceipt } from '../../../../src/types/receipt.ts';
import { DecodeError } from '../../../../src/util/byte-reader.ts';
import { isCoded } from '../../../../src/util/errors.ts';
import { APPLIED, archivedCommit } from '../../../support/archived-commit.ts';
import { shaHasher } from '../../../support/sha-hasher.ts';

const archived = archivedCommit();
const receipts = new Map(APPLIED.map(({ receipt }) => [receipt.id, receipt]));
const { blocks, dagBlocks, transactions } = documentsOf(shaHasher, archived, 'batches', receipts);
const [, partial] = APPLIED;

const last = (documents: Iterable<ArchiveDocument> | undefined): Document => [...(documents ?? [])].at(-1) as Document;
const SOUND = {
  block: last(dagBlocks),
  commit: last(blocks),
  transaction: last(transactions),
  height: { height: 7n },
  identity: { _id: 'network', version: 1, networkId: 'ab'.repeat(32), level: 'batches' },
  cursor: {
    ...{ _id: 'cursor', height: 5n, hash: 'cd'.repeat(32), timestamp: new Date(9), checkpoint: 2n },
    evidence: ['a/b'],
  },
} satisfies Record<string, Document>;
type Kind = keyof typeof SOUND;

const READ: Readonly<Record<Kind, (document: Document) => unknown>> = {
  block: (document) => storedBlock(shaHasher, document),
  commit: (document) => storedCommit(shaHasher, document),
  transaction: storedTransaction,
  height: (document) => storedHeight('transfers', document),
  identity: storedIdentity,
  cursor: storedCursor,
};

/** Through BSON, as it would come from a server. */
function read(kind: Kind, changes: Document = {}): unknown {
  const bytes = BSON.serialize({ ...SOUND[kind], ...changes }, { ignoreUndefined: true });
  const { enableUtf8Validation: utf8, ...options } = AS_STORED;
  return READ[kind](BSON.deserialize(bytes, { ...options, validation: { utf8 } }));
}

const FLIPPED = (bytes: Binary): Binary => {
  const copy = Uint8Array.from(bytes.buffer);
  copy[20] = (copy[20] as number) ^ 1;
  return new Binary(copy);
};
const LARGE = new Binary(new Uint8Array(3 * 1024 * 1024));

/** Wrong in type, in range, or not there. */
const BROKEN: Readonly<Record<Kind, Readonly<Record<string, readonly unknown[]>>>> = {
  block: {
    _id: ['ab'.repeat(32), 5, undefined],
    header: [undefined, null, 'text', new Binary(new Uint8Array(0)), LARGE, FLIPPED(SOUND.block.header)],
    payload: [undefined, null, 7n, {}, new Binary(new Uint8Array(3)), LARGE, FLIPPED(SOUND.block.payload)],
  },
  commit: {
    _id: ['ab'.repeat(32), 5, undefined],
    bytes: [undefined, null, 5, [], new Binary(new Uint8Array(9)), LARGE, FLIPPED(SOUND.commit.bytes)],
  },
  transaction: {
    _id: [undefined, 5, 'short', 'AB'.repeat(32)],
    height: [undefined, null, 5, '5', -1n, 2n ** 53n, new Date(5)],
    position: [undefined, '0', -1, 0.5, 2 ** 40, Number.NaN],
    block: [undefined, {}, 'x'.repeat(64)],
    kind: [undefined, 1, 'toString', 'TRANSFER-BATCH', 'transfer-batch'.repeat(100)],
    sender: [undefined, null, 3n, -3, 2 ** 32],
    nonce: [undefined, 5, -5n, 'text'],
    fee: [undefined, 5, '5', ...['NaN', '-1', '1E+3', '0.5', '18446744073709551616'].map(decimal)],
    code: [undefined, null, 0, 'constructor', 'MALFORMED', new BSONRegExp('(')],
    detail: [undefined, 'none', 1.5],
    transfers: [null, '2', -1, 8_193, 9],
    bitmap: [undefined, 'bits', new Binary(new Uint8Array(2)), new Binary(new Uint8Array(2_000))],
  },
  height: { height: [undefined, 7, 'seven', -7n] },
  identity: {
    version: [undefined, '1', -1],
    networkId: [undefined, 4, new Binary(new Uint8Array(32)), 'ab'.repeat(1_000)],
    level: [undefined, 3, 'everything'],
  },
  cursor: {
    height: [undefined, 5, 'text', 2n ** 60n],
    hash: [undefined, 'text', 5],
    timestamp: [undefined, 9, '2026-01-01'],
    checkpoint: [undefined, 2, null],
    evidence: [null, 'a/b', [1]],
  },
};

function decimal(text: string): Decimal128 {
  return Decimal128.fromString(text);
}

suite('what the archive holds', () => {
  test('is read as it was written', () => {
    const { receipt, position, block } = read('transaction') as ReturnType<typeof storedTransaction>;
    assert.deepEqual(encodeReceipt(receipt).toHex(), encodeReceipt(partial?.receipt as typeof receipt).toHex());
    assert.deepEqual([position, block], [1, SOUND.block._id]);
    const { id, items } = read('block') as ReturnType<typeof storedBlock>;
    assert.equal(id, SOUND.block._id);
    assert.deepEqual(
      items.map((item) => item.id),
      APPLIED.map((applied) => applied.receipt.id),
    );
    assert.deepEqual(read('commit'), archived.commit);
    assert.equal(read('height'), 7);
    assert.deepEqual(read('identity'), { version: 1, networkId: 'ab'.repeat(32), level: 'batches' });
    const cursor = { height: 5, hash: 'cd'.repeat(32), timeMs: 9, checkpoint: 2 };
    assert.deepEqual(read('cursor'), { ...cursor, evidence: ['a/b'] });
    assert.deepEqual(read('cursor', { evidence: undefined }), { ...cursor, evidence: [] });
  });

  for (const [kind, fields] of Object.entries(BROKEN) as [Kind, Readonly<Record<string, readonly unknown[]>>][]) {
    for (const [field, values] of Object.entries(fields)) {
      test(`is damaged where ${field} of a ${kind} is something else`, () => {
        assert.ok(values.length > 0);
        for (const value of values) {
          assert.throws(
            () => read(kind, { [field]: value }),
            (error) => error instanceof DecodeError || isCoded(error, 'ARCHIVE_DAMAGED'),
            `${field}: ${String(value).slice(0, 80)}`,
          );
        }
      });
    }
  }

  test('says which field it is', () => {
    assert.throws(
      () => read('transaction', { nonce: 'text' }),
      (error) =>
        isCoded(error, 'ARCHIVE_DAMAGED') &&
        error.fields.collection === 'transactions' &&
        error.fields.field === 'nonce',
    );
  });
});
