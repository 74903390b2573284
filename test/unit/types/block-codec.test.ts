import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import type { Header } from '../../../src/types/block.ts';
import { compareRefs, formatRef } from '../../../src/types/block.ts';
import { blockId, decodeHeader, decodeSignedHeader, encodeHeader, REF_BYTES } from '../../../src/types/block-codec.ts';
import { type BlockId, id, type PayloadDigest, type StatementDigest } from '../../../src/types/ids.ts';
import { MAX_BLOCK_BYTES, MAX_HEADER_BYTES, SIGNATURE_BYTES } from '../../../src/types/limits.ts';
import { AssertionFailure } from '../../../src/util/assert.ts';
import { ByteWriter } from '../../../src/util/byte-writer.ts';
import { decodesOrRefuses, refusal } from './refusal.ts';
import { anyHeader, hasher } from './wire-samples.ts';

const ref = (author: number) => ({ round: 4, author, id: id<BlockId>(`${author}${author}`.repeat(32)) });

const VALID: Header = {
  version: 1,
  epoch: 1,
  round: 5,
  author: 2,
  timestampMs: 1_700_000_000_000,
  executedCommit: 17,
  ancestors: [ref(2), ref(0), ref(1)],
  payload: { digest: id<PayloadDigest>('0d'.repeat(32)), bytes: 5_000, txCount: 1 },
  attestations: [{ ref: ref(0), bad: [1, 3] }],
  checkpointVote: {
    statementDigest: id<StatementDigest>('5d'.repeat(32)),
    checkpointIndex: 3,
    signature: new Uint8Array(SIGNATURE_BYTES).fill(7),
  },
};

/** Where each field begins in the bytes of `VALID`. */
const AT = {
  version: 0,
  epoch: 1,
  round: 5,
  author: 9,
  timestampMs: 11,
  executedCommit: 19,
  ancestors: 27,
  'ancestor.round': 29,
  'ancestor.author': 33,
  'ancestor.id': 35,
  'payload.digest': 29 + 3 * REF_BYTES,
  'payload.bytes': 29 + 3 * REF_BYTES + 32,
  'payload.txCount': 29 + 3 * REF_BYTES + 36,
  attestations: 29 + 3 * REF_BYTES + 38,
  'attestation.round': 29 + 3 * REF_BYTES + 40,
  'attestation.author': 29 + 3 * REF_BYTES + 44,
  'attestation.id': 29 + 3 * REF_BYTES + 46,
  'attestation.bad': 29 + 4 * REF_BYTES + 40,
  checkpointVote: 29 + 4 * REF_BYTES + 46,
  'checkpointVote.statementDigest': 29 + 4 * REF_BYTES + 47,
  'checkpointVote.checkpointIndex': 29 + 4 * REF_BYTES + 79,
  'checkpointVote.signature': 29 + 4 * REF_BYTES + 87,
} as const;

const bytes = encodeHeader(VALID);
/** The valid bytes with others from `at` on. */
const patched = (at: number, patch: Uint8Array): Uint8Array => {
  const out = bytes.slice();
  out.set(patch, at);
  return out;
};
const u16 = (value: number): Uint8Array => new ByteWriter().u16(value).finish();
const u32 = (value: number): Uint8Array => new ByteWriter().u32(value).finish();

describe('header codec', () => {
  it('decodes what it encodes', () => {
    assert.deepEqual(decodeHeader(bytes), VALID);
    fc.assert(fc.property(anyHeader(), (header) => assert.deepEqual(decodeHeader(encodeHeader(header)), header)));
  });

  it('has an id that covers the header and never the signature', () => {
    const one = decodeSignedHeader(hasher, bytes, new Uint8Array(SIGNATURE_BYTES));
    const other = decodeSignedHeader(hasher, bytes, new Uint8Array(SIGNATURE_BYTES).fill(1));
    assert.equal(one.ref.id, other.ref.id);
    assert.deepEqual(one.ref, { round: 5, author: 2, id: blockId(hasher, bytes) });
    assert.notEqual(blockId(hasher, encodeHeader({ ...VALID, epoch: 2 })), one.ref.id);
  });

  for (const [field, at] of Object.entries(AT)) {
    it(`refuses bytes that end inside or before ${field}`, () => {
      // A count that promises more than is there is refused at the count, before anything is made for its items.
      const counted: Record<string, string> = { ancestor: 'ancestors', attestation: 'attestations' };
      const inList = /^(ancestor|attestation)\./.exec(field)?.[1];
      const named = inList === undefined ? field : (counted[inList] as string);
      assert.throws(() => decodeHeader(bytes.subarray(0, at)), refusal('TRUNCATED', named));
    });
  }

  it('refuses every other length', () => {
    for (let length = 0; length < bytes.length; length += length < 300 ? 1 : 97) {
      assert.throws(() => decodeHeader(bytes.subarray(0, length)), { code: 'TRUNCATED' }, `${length}`);
    }
    assert.throws(() => decodeHeader(Uint8Array.of(...bytes, 0)), refusal('TRAILING_BYTES', 'end'));
  });

  const broken: readonly [
    name: string,
    patch: Uint8Array,
    code: 'LIMIT' | 'NON_CANONICAL',
    field: string,
    at: number,
  ][] = [
    ['another version', Uint8Array.of(2), 'NON_CANONICAL', 'version', AT.version],
    ['a time above 2^53', new Uint8Array(8).fill(0xff), 'LIMIT', 'timestampMs', AT.timestampMs],
    ['a commit above 2^53', new Uint8Array(8).fill(0xff), 'LIMIT', 'executedCommit', AT.executedCommit],
    ['101 ancestors', u16(101), 'LIMIT', 'ancestors', AT.ancestors],
    ['a payload over the limit', u32(MAX_BLOCK_BYTES + 1), 'LIMIT', 'payload.bytes', AT['payload.bytes']],
    ['401 transactions', u16(401), 'LIMIT', 'payload.txCount', AT['payload.txCount']],
    ['1,001 attestations', u16(1_001), 'LIMIT', 'attestations', AT.attestations],
    ['401 bad positions', u16(401), 'LIMIT', 'attestation.bad', AT['attestation.bad']],
    ['equal bad positions', u16(3), 'NON_CANONICAL', 'attestation.bad', AT['attestation.bad'] + 2],
    ['descending bad positions', u16(4), 'NON_CANONICAL', 'attestation.bad', AT['attestation.bad'] + 2],
    ['a vote flag of 2', Uint8Array.of(2), 'NON_CANONICAL', 'checkpointVote', AT.checkpointVote],
    [
      'an index above 2^53',
      new Uint8Array(8).fill(0xff),
      'LIMIT',
      'checkpointVote.checkpointIndex',
      AT['checkpointVote.checkpointIndex'],
    ],
  ];
  for (const [name, patch, code, field, at] of broken) {
    it(`refuses ${name}`, () => {
      assert.throws(() => decodeHeader(patched(at, patch)), refusal(code, field));
    });
  }

  it('refuses a header over the limit before reading it', () => {
    assert.throws(() => decodeHeader(new Uint8Array(MAX_HEADER_BYTES + 1)), refusal('LIMIT', 'header'));
  });

  it('never encodes a vote whose signature has another length', () => {
    const checkpointVote = { ...VALID.checkpointVote, signature: new Uint8Array(3) } as NonNullable<
      Header['checkpointVote']
    >;
    assert.throws(() => encodeHeader({ ...VALID, checkpointVote }), AssertionFailure);
  });

  it('takes one encoding of a value, and throws nothing but a decode error', () => {
    fc.assert(
      fc.property(fc.nat(), fc.nat(255), (at, byte) => {
        const changed = bytes.with(at % bytes.length, byte);
        if (decodesOrRefuses(decodeHeader, changed)) assert.deepEqual(encodeHeader(decodeHeader(changed)), changed);
      }),
    );
    fc.assert(fc.property(fc.uint8Array({ maxLength: 300 }), (any) => void decodesOrRefuses(decodeHeader, any)));
  });
});

describe('block references', () => {
  it('are ordered by round, author and id', () => {
    const at = (round: number, author: number, byte: string) => ({ round, author, id: id<BlockId>(byte.repeat(32)) });
    const ordered = [at(1, 9, 'ff'), at(2, 0, 'ff'), at(2, 1, '00'), at(2, 1, '01'), at(10, 0, '00')];
    assert.deepEqual(ordered.toReversed().sort(compareRefs), ordered);
    assert.equal(compareRefs(at(2, 1, '00'), at(2, 1, '00')), 0);
  });

  it('have a short text', () => {
    assert.equal(formatRef({ round: 7, author: 3, id: id<BlockId>('0123456789abcdef'.repeat(4)) }), '3@7:01234567');
  });
});
