import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { parseStrictJson } from '../../../src/api/strict-json.ts';
import { utf8 } from '../../../src/util/bytes.ts';
import { isCoded } from '../../../src/util/errors.ts';

describe('parseStrictJson', () => {
  it('reads what JSON.stringify writes, up to eight levels', () => {
    const value = fc.jsonValue({ maxDepth: 6 });
    fc.assert(
      fc.property(value, fc.nat(3), (any, space) => {
        const text = JSON.stringify(any, undefined, space);
        assert.deepEqual(parseStrictJson(utf8(text)), JSON.parse(text));
      }),
    );
  });

  it('accepts one key in two objects, and strings that look like keys', () => {
    for (const text of [
      '[{"a":1},{"a":2}]',
      '{"a":{"a":"a"}}',
      '["a","a"]',
      '{"a":"{\\"a\\":1,\\"a\\":2}"}',
      '{"\\\\":1,"b" :2}',
    ]) {
      assert.deepEqual(parseStrictJson(utf8(text)), JSON.parse(text));
    }
  });

  it('finds a key that comes twice wherever it stands', () => {
    const key = fc.string({ minLength: 1 });
    fc.assert(
      fc.property(key, fc.array(key), (twice, others) => {
        const keys = [...new Set([...others, twice]), twice].map((each) => `${JSON.stringify(each)} : "x"`);
        assert.throws(
          () => parseStrictJson(utf8(`[1,{${keys.join(',')}}]`)),
          (error) => isCoded(error, 'DUPLICATE_KEY'),
        );
      }),
    );
  });

  it('answers anything else with a code', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 64 }), (bytes) => {
        try {
          parseStrictJson(bytes);
        } catch (error) {
          assert.ok(isCoded(error, 'INVALID_JSON', 'JSON_LIMIT', 'DUPLICATE_KEY'));
        }
      }),
    );
    fc.assert(
      fc.property(fc.array(fc.constantFrom('{', '}', '[', ']', '"', '\\', ':', ',', 'a', '1', ' ')), (parts) => {
        try {
          parseStrictJson(utf8(parts.join('')));
        } catch (error) {
          assert.ok(isCoded(error, 'INVALID_JSON', 'JSON_LIMIT', 'DUPLICATE_KEY'));
        }
      }),
    );
  });
});
