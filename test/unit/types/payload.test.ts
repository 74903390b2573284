import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { MAX_TRANSACTION_BYTES, SIGNATURE_BYTES } from '../../../src/types/limits.ts';
import { emptyPayloadDigest, encodePayload, parsePayload, type SignedBody } from '../../../src/types/payload.ts';
import { transactionId, wireKey } from '../../../src/types/transaction-codec.ts';
import { ByteWriter } from '../../../src/util/byte-writer.ts';
import { concatBytes } from '../../../src/util/bytes.ts';
import { shaHasher } from '../../support/sha-hasher.ts';
import { decodesOrRefuses, refusal } from './refusal.ts';
import { hasher } from './wire-samples.ts';

const signed = (body: Uint8Array, fill: number): SignedBody => ({
  body,
  signature: new Uint8Array(SIGNATURE_BYTES).fill(fill),
});
const TWO = [signed(Uint8Array.of(1, 2, 3), 1), signed(Uint8Array.of(4), 2)];
const digestOf = (items: readonly SignedBody[]): string =>
  parsePayload(hasher, encodePayload(items), items.length).digest;

describe('payload', () => {
  it('gives back bodies and signatures, and their ids', () => {
    const item = fc.tuple(fc.uint8Array({ maxLength: 50 }), fc.nat(255)).map(([body, fill]) => signed(body, fill));
    fc.assert(
      fc.property(fc.array(item, { maxLength: 4 }), (items) => {
        const parsed = parsePayload(hasher, encodePayload(items), items.length);
        const expected = items.map(({ body, signature }) => {
          const id = transactionId(hasher, body);
          return { id, wireKey: wireKey(hasher, id, signature), body, signature };
        });
        assert.deepEqual(parsed.items, expected);
      }),
      { numRuns: 30 },
    );
  });

  it('has a digest over bodies, signatures and their order', () => {
    const [first, second] = TWO as [SignedBody, SignedBody];
    const digests = [
      TWO,
      [second, first],
      [first],
      [{ ...first, signature: second.signature }, second],
      [{ ...first, body: second.body }, second],
      [],
    ].map(digestOf);
    assert.equal(new Set(digests).size, digests.length);
    assert.equal(digestOf([]), emptyPayloadDigest(hasher));
  });

  it('is two lists: lengths and bodies first, then the signatures', () => {
    const [first, second] = TWO as [SignedBody, SignedBody];
    const head = new ByteWriter().u32(3).bytes(first.body).u32(1).bytes(second.body).finish();
    assert.deepEqual(encodePayload(TWO), concatBytes(head, first.signature, second.signature));
  });

  it('refuses another count, every cut and every addition', () => {
    const bytes = encodePayload(TWO);
    const parse = (count: number, payload = bytes) => parsePayload(hasher, payload, count);
    assert.throws(() => parse(3), refusal('TRUNCATED', 'txCount'));
    assert.throws(() => parse(1), refusal('TRAILING_BYTES', 'end'));
    assert.throws(() => parse(0), refusal('TRAILING_BYTES', 'end'));
    assert.throws(() => parse(2, bytes.subarray(0, -1)), refusal('TRUNCATED', 'signature'));
    assert.throws(() => parse(2, Uint8Array.of(...bytes, 0)), refusal('TRAILING_BYTES', 'end'));
  });

  it('is judged anew with another count or another hasher, though the same bytes were parsed before', () => {
    const bytes = encodePayload(TWO);
    const parsed = parsePayload(hasher, bytes, 2);
    assert.equal(parsePayload(hasher, bytes, 2).items[0], parsed.items[0]);
    assert.throws(() => parsePayload(hasher, bytes, 1), refusal('TRAILING_BYTES', 'end'));
    assert.throws(() => parsePayload(hasher, bytes, 3), refusal('TRUNCATED', 'txCount'));
    assert.notEqual(parsePayload(shaHasher, bytes, 2).digest, parsed.digest);
    assert.deepEqual(parsePayload(hasher, bytes, 2).items, parsed.items);
  });

  it('refuses a transaction over the limit, by its length alone', () => {
    const longest = MAX_TRANSACTION_BYTES - SIGNATURE_BYTES;
    const claim = (length: number) =>
      concatBytes(new ByteWriter().u32(length).finish(), new Uint8Array(SIGNATURE_BYTES));
    assert.throws(() => parsePayload(hasher, claim(longest + 1), 1), refusal('LIMIT', 'body.length'));
    assert.throws(() => parsePayload(hasher, claim(longest), 1), refusal('TRUNCATED', 'body'));
    assert.equal(parsePayload(hasher, encodePayload([signed(new Uint8Array(longest), 0)]), 1).items.length, 1);
  });

  it('throws nothing but a decode error', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 100 }), fc.nat(400), (any, count) => {
        decodesOrRefuses((bytes) => parsePayload(hasher, bytes, count), any);
      }),
    );
  });
});
