import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { AssertionFailure } from '../../../src/util/assert.ts';
import { compareBytes, concatBytes, equalBytes, fromHex, isHex, toHex, utf8 } from '../../../src/util/bytes.ts';

const bytes = fc.uint8Array({ maxLength: 40 });

describe('bytes', () => {
  it('have one hexadecimal text', () => {
    fc.assert(fc.property(bytes, (value) => assert.deepEqual(fromHex(toHex(value)), value)));
    assert.equal(toHex(Uint8Array.of(0, 0xab, 0x0f)), '00ab0f');
    for (const wrong of ['0', 'AB', 'zz', ' 00', '0x00']) {
      assert.equal(isHex(wrong), false, wrong);
      assert.throws(() => fromHex(wrong), AssertionFailure, wrong);
    }
  });

  it('are hexadecimal of a length or not', () => {
    assert.deepEqual([isHex('', 0), isHex('00', 1), isHex('00', 2), isHex('0000', 1)], [true, true, false, false]);
  });

  it('concatenate', () => {
    fc.assert(
      fc.property(fc.array(bytes), (parts) => {
        assert.deepEqual(
          [...concatBytes(...parts)],
          parts.flatMap((part) => [...part]),
        );
      }),
    );
  });

  it('compare as their texts do', () => {
    fc.assert(
      fc.property(bytes, bytes, (a, b) => {
        const [x, y] = [toHex(a), toHex(b)];
        assert.equal(Math.sign(compareBytes(a, b)), x < y ? -1 : x > y ? 1 : 0);
        assert.equal(equalBytes(a, b), x === y);
      }),
    );
    assert.ok(compareBytes(Uint8Array.of(1), Uint8Array.of(1, 0)) < 0);
    assert.equal(equalBytes(Uint8Array.of(1, 2), Uint8Array.of(1, 3)), false);
  });

  it('are made of text as UTF-8', () => {
    assert.deepEqual(utf8('aé'), Uint8Array.of(0x61, 0xc3, 0xa9));
  });
});
