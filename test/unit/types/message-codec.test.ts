import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { encodeHeader } from '../../../src/types/block-codec.ts';
import { MAX_FRAME_BYTES, MAX_HEADER_BYTES, SIGNATURE_BYTES } from '../../../src/types/limits.ts';
import type { Message } from '../../../src/types/message.ts';
import { decodeMessage, encodeMessage, MAX_FETCH_BLOCKS, MAX_FETCH_IDS } from '../../../src/types/message-codec.ts';
import { ByteWriter } from '../../../src/util/byte-writer.ts';
import { concatBytes, utf8 } from '../../../src/util/bytes.ts';
import { decodesOrRefuses, refusal } from './refusal.ts';
import { anyHeader, anyMessage, anyMessageOf, hasher } from './wire-samples.ts';

const decode = (frame: Uint8Array): Message => decodeMessage(hasher, frame);
const types = Object.keys(anyMessageOf) as Message['type'][];

/** One fixed message of a type. */
function sample<Type extends Message['type']>(type: Type): Extract<Message, { type: Type }> {
  const [message] = fc.sample(anyMessageOf[type], { seed: 42, numRuns: 1 });
  return message as Extract<Message, { type: Type }>;
}

const zeros = (length: number): Uint8Array => new Uint8Array(length);

describe('message codec', () => {
  for (const type of types) {
    it(`decodes what it encodes: ${type}`, () => {
      const property = fc.property(anyMessageOf[type] as fc.Arbitrary<Message>, (message) => {
        assert.deepEqual(decode(encodeMessage(message)), message);
      });
      fc.assert(property, { numRuns: 40 });
    });

    it(`refuses every cut and every addition: ${type}`, () => {
      const frame = encodeMessage(sample(type));
      for (let length = 0; length < frame.length; length += length < 200 ? 1 : 211) {
        assert.throws(() => decode(frame.subarray(0, length)), { code: 'TRUNCATED' }, `${length} of ${frame.length}`);
      }
      assert.throws(() => decode(Uint8Array.of(...frame, 0)), refusal('TRAILING_BYTES', 'end'));
    });
  }

  it('takes one encoding of a value, and throws nothing but a decode error', () => {
    fc.assert(
      fc.property(anyMessage, fc.nat(), fc.nat(255), (message, at, byte) => {
        const frame = encodeMessage(message);
        const changed = frame.with(at % Math.min(frame.length, 300), byte);
        if (decodesOrRefuses(decode, changed)) assert.deepEqual(encodeMessage(decode(changed)), changed);
      }),
    );
    fc.assert(
      fc.property(fc.nat(30), fc.uint8Array({ maxLength: 200 }), (tag, rest) => {
        const frame = Uint8Array.of(tag, ...rest);
        if (decodesOrRefuses(decode, frame)) assert.deepEqual(encodeMessage(decode(frame)), frame);
      }),
      { numRuns: 2_000 },
    );
  });

  it('gives every type a first byte of its own, for ever', () => {
    const tags = types.map((type) => [type, encodeMessage(sample(type))[0]]);
    assert.deepEqual(Object.fromEntries(tags), {
      hello: 1,
      refuse: 2,
      lease: 3,
      'lease-ok': 4,
      release: 5,
      block: 6,
      exchange: 7,
      follow: 8,
      evidence: 9,
      fetch: 16,
      'fetch-reply': 17,
      commits: 18,
      'commits-reply': 19,
      certificate: 20,
      'certificate-reply': 21,
      recovery: 24,
      'recovery-reply': 25,
    });
  });

  it('copies headers out of the frame, so that they do not keep a payload in memory', () => {
    const message = decode(encodeMessage(sample('block')));
    assert.ok(message.type === 'block');
    const { bytes, signature } = message.block.header;
    assert.equal(bytes.buffer.byteLength, bytes.length);
    assert.equal(signature.buffer.byteLength, SIGNATURE_BYTES);
  });
});

describe('message codec refuses', () => {
  const u16 = (value: number): Uint8Array => new ByteWriter().u16(value).finish();
  const u32 = (value: number): Uint8Array => new ByteWriter().u32(value).finish();
  const block = encodeMessage(sample('block')).subarray(1);
  const ids = (count: number): Uint8Array => concatBytes(u16(count), zeros(count * 32));
  const helloUpTo = zeros(1 + 32 + 4 + 32 + 2 + 2 + 16).with(0, 1);

  const frames: readonly [
    name: string,
    code: 'TRUNCATED' | 'LIMIT' | 'NON_CANONICAL',
    field: string,
    ...frame: Uint8Array[],
  ][] = [
    ['a frame over the limit', 'LIMIT', 'frame', zeros(MAX_FRAME_BYTES + 1)],
    ['nothing', 'TRUNCATED', 'type'],
    ['an unknown type', 'NON_CANONICAL', 'type', Uint8Array.of(10)],
    ['type 0', 'NON_CANONICAL', 'type', Uint8Array.of(0)],
    ['an unknown refusal', 'NON_CANONICAL', 'code', Uint8Array.of(2, 5)],
    ['a time above 2^53', 'LIMIT', 'timeMs', Uint8Array.of(3), zeros(8).fill(0xff)],
    ['a peer id of 129 bytes', 'LIMIT', 'senderPeerId', helloUpTo, Uint8Array.of(129), zeros(129).fill(0x61)],
    ['a peer id that is no UTF-8', 'NON_CANONICAL', 'senderPeerId', helloUpTo, Uint8Array.of(1, 0xff)],
    ['101 rounds', 'LIMIT', 'highestRounds', Uint8Array.of(7), u32(0), u16(101), zeros(404)],
    ['rounds that are not there', 'TRUNCATED', 'highestRounds', Uint8Array.of(7), u32(0), u16(100), zeros(399)],
    ['65 wanted ids', 'LIMIT', 'ids', Uint8Array.of(16), zeros(10), ids(MAX_FETCH_IDS + 1)],
    ['65 fetched blocks', 'LIMIT', 'blocks', Uint8Array.of(17), zeros(4), u16(MAX_FETCH_BLOCKS + 1)],
    ['blocks that are not there', 'TRUNCATED', 'blocks', Uint8Array.of(17), zeros(4), u16(64), block],
    ['1,025 commits', 'LIMIT', 'commits', Uint8Array.of(19), zeros(4), u16(1_025), zeros(9_000)],
    ['4,097 blocks of a commit', 'LIMIT', 'blocks', Uint8Array.of(19), zeros(4), u16(1), u32(0), u16(4_097)],
    [
      'a long header',
      'LIMIT',
      'header.length',
      Uint8Array.of(6),
      u32(MAX_HEADER_BYTES + 1),
      zeros(MAX_HEADER_BYTES + 1),
    ],
    [
      'a request with a flag of 2',
      'NON_CANONICAL',
      'withBlocks',
      Uint8Array.of(18),
      zeros(20),
      Uint8Array.of(2),
      zeros(4),
    ],
    ['a reference flag of 2', 'NON_CANONICAL', 'ownLatest', Uint8Array.of(25), zeros(4), Uint8Array.of(2)],
    ['a certificate that is not there', 'TRUNCATED', 'certificate', Uint8Array.of(21), zeros(4), u32(0xffff_ffff)],
  ];
  for (const [name, code, field, ...parts] of frames) {
    it(name, () => {
      assert.throws(() => decode(concatBytes(...parts)), refusal(code, field));
    });
  }

  it('a payload of another length than its header says', () => {
    const [header] = fc.sample(anyHeader(fc.constant(10)), { seed: 1, numRuns: 1 });
    assert.ok(header !== undefined);
    const bytes = encodeHeader(header);
    const frame = (payload: number): Uint8Array =>
      concatBytes(Uint8Array.of(6), u32(bytes.length), bytes, zeros(SIGNATURE_BYTES), zeros(payload));
    assert.equal(decode(frame(10)).type, 'block');
    assert.throws(() => decode(frame(9)), refusal('TRUNCATED', 'payload'));
    assert.throws(() => decode(frame(11)), refusal('TRAILING_BYTES', 'end'));
  });

  it('no byte order mark: it is part of the text', () => {
    const senderPeerId = '\ufeffpeer';
    const message = { ...sample('hello'), senderPeerId };
    const frame = encodeMessage(message);
    assert.ok(frame.toHex().includes(utf8(senderPeerId).toHex()));
    assert.deepEqual(decode(frame), message);
  });
});
