import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { AssertionFailure } from '../../../src/util/assert.ts';
import { ByteReader, DecodeError } from '../../../src/util/byte-reader.ts';
import { ByteWriter } from '../../../src/util/byte-writer.ts';

const U64_MAX = 0xffff_ffff_ffff_ffffn;

const field = fc.oneof(
  fc.record({ type: fc.constant('u8' as const), value: fc.nat(0xff) }),
  fc.record({ type: fc.constant('u16' as const), value: fc.nat(0xffff) }),
  fc.record({ type: fc.constant('u32' as const), value: fc.nat(0xffff_ffff) }),
  fc.record({ type: fc.constant('u53' as const), value: fc.maxSafeNat() }),
  fc.record({ type: fc.constant('u64' as const), value: fc.bigInt(0n, U64_MAX) }),
  fc.record({ type: fc.constant('bytes' as const), value: fc.uint8Array({ maxLength: 300 }) }),
);

/** Exactly this refusal, with these fields. */
function refuses(action: () => unknown, code: string, name: string, offset: number): void {
  assert.throws(action, (error) => {
    assert.ok(error instanceof DecodeError, String(error));
    assert.deepEqual({ code: error.code, fields: error.fields }, { code, fields: { field: name, offset } });
    return true;
  });
}

describe('byte writer and reader', () => {
  it('give back what was written, however much it was', () => {
    fc.assert(
      fc.property(fc.array(field, { maxLength: 30 }), fc.integer({ min: 1, max: 8 }), (fields, capacity) => {
        const out = new ByteWriter(capacity);
        for (const { type, value } of fields) (out[type] as (value: unknown) => ByteWriter)(value);
        const encoded = out.finish();
        assert.equal(out.length, encoded.length);
        const reader = new ByteReader(encoded);
        for (const { type, value } of fields) {
          const read = type === 'bytes' ? reader.bytes(value.length, 'f') : reader[type]('f');
          assert.deepEqual(read, value);
        }
        reader.end();
      }),
    );
  });

  it('are little-endian', () => {
    const bytes = new ByteWriter().u8(1).u16(0x0203).u32(0x0405_0607).u64(0x08n).hex('ff', 1).finish();
    assert.equal(bytes.toHex(), '010302070605040800000000000000ff');
  });

  it('hand out a copy of what was written', () => {
    const out = new ByteWriter().u8(1);
    const first = out.finish();
    out.u8(2);
    first[0] = 9;
    assert.deepEqual(out.finish(), Uint8Array.of(1, 2));
  });
});

describe('byte writer', () => {
  const writer = () => new ByteWriter();
  for (const [name, write] of Object.entries({
    'u8 above': () => writer().u8(256),
    'u8 below': () => writer().u8(-1),
    'u8 fraction': () => writer().u8(0.5),
    'u16 above': () => writer().u16(0x1_0000),
    'u32 above': () => writer().u32(2 ** 32),
    'u53 above': () => writer().u53(2 ** 53),
    'u53 below': () => writer().u53(-1),
    'u64 above': () => writer().u64(U64_MAX + 1n),
    'u64 below': () => writer().u64(-1n),
    'fixed short': () => writer().fixed(Uint8Array.of(1), 2),
    'hex long': () => writer().hex('0000', 1),
  })) {
    it(`asserts the range: ${name}`, () => assert.throws(write, AssertionFailure));
  }
});

describe('byte reader', () => {
  it('refuses what is cut, and stays where it was', () => {
    const widths = { u8: 1, u16: 2, u32: 4, u53: 8, u64: 8, flag: 1 } as const;
    for (const [type, width] of Object.entries(widths) as [keyof typeof widths, number][]) {
      const reader = new ByteReader(new Uint8Array(width));
      reader.bytes(1, 'first');
      refuses(() => reader[type]('cut'), 'TRUNCATED', 'cut', 1);
      assert.equal(reader.offset, 1);
    }
    refuses(() => new ByteReader(new Uint8Array(3)).bytes(4, 'cut'), 'TRUNCATED', 'cut', 0);
    refuses(() => new ByteReader(new Uint8Array(3)).hex(4, 'cut'), 'TRUNCATED', 'cut', 0);
  });

  it('refuses a u53 above 2^53 - 1', () => {
    const largest = new ByteWriter()
      .u53(Number.MAX_SAFE_INTEGER)
      .u64(2n ** 53n)
      .finish();
    const reader = new ByteReader(largest);
    assert.equal(reader.u53('largest'), Number.MAX_SAFE_INTEGER);
    refuses(() => reader.u53('above'), 'LIMIT', 'above', 16);
  });

  it('refuses a flag that is neither 0 nor 1', () => {
    const reader = new ByteReader(Uint8Array.of(0, 1, 2));
    assert.deepEqual([reader.flag('f'), reader.flag('f')], [false, true]);
    refuses(() => reader.flag('f'), 'NON_CANONICAL', 'f', 3);
  });

  it('refuses counts over the limit, and counts whose items cannot be there', () => {
    const reader = new ByteReader(new Uint8Array(10));
    assert.equal(reader.count(5, 5, 2, 'items'), 5);
    refuses(() => reader.count(6, 5, 1, 'items'), 'LIMIT', 'items', 0);
    refuses(() => reader.count(6, 9, 2, 'items'), 'TRUNCATED', 'items', 0);
  });

  it('refuses bytes left over', () => {
    const reader = new ByteReader(new Uint8Array(2));
    reader.u8('first');
    assert.equal(reader.remaining, 1);
    refuses(() => reader.end(), 'TRAILING_BYTES', 'end', 1);
  });

  it('reads a view that does not begin at its buffer', () => {
    const reader = new ByteReader(Uint8Array.of(9, 9, 1, 0, 5).subarray(2));
    assert.equal(reader.u16('a'), 1);
    assert.deepEqual(reader.bytes(1, 'b'), Uint8Array.of(5));
    reader.end();
  });
});
