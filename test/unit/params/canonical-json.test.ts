import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { type CanonicalValue, canonicalJson } from '../../../src/params/canonical-json.ts';
import { AssertionFailure } from '../../../src/util/assert.ts';

const { value } = fc.letrec<{ value: CanonicalValue }>((tie) => ({
  value: fc.oneof(
    { maxDepth: 3 },
    fc.string({ unit: 'binary' }),
    fc.maxSafeInteger(),
    fc.boolean(),
    fc.constant(null),
    fc.array(tie('value'), { maxLength: 4 }),
    fc.dictionary(fc.string(), tie('value'), { maxKeys: 4, noNullPrototype: true }),
  ),
}));

describe('canonical JSON', () => {
  it('has no spaces and keys in the order of their UTF-16 code units', () => {
    assert.equal(
      canonicalJson({ b: [1, { d: null, c: true }], a: 'x', 10: 0, 9: 0, '\u{1f600}': 1, '\ufb33': 2 }),
      // The example of RFC 8785, section 3.2.3: a surrogate comes before U+FB33.
      '{"10":0,"9":0,"a":"x","b":[1,{"c":true,"d":null}],"\u{1f600}":1,"\ufb33":2}',
    );
  });

  it('escapes what RFC 8785, section 3.2.2.2 names, and nothing else', () => {
    assert.equal(canonicalJson('\u20ac$\u000f\nA\'B"\\\\"/'), '"\u20ac$\\u000f\\nA\'B\\"\\\\\\\\\\"/"');
  });

  it('is read back as the same value, whatever the order of its keys', () => {
    fc.assert(
      fc.property(value, (any) => {
        const text = canonicalJson(any);
        assert.deepEqual(JSON.parse(text), JSON.parse(JSON.stringify(any)));
        assert.equal(canonicalJson(JSON.parse(text)), text);
      }),
    );
  });

  for (const number of [0.5, 2 ** 53, Number.NaN, Number.POSITIVE_INFINITY]) {
    it(`holds no ${number}`, () => assert.throws(() => canonicalJson([number]), AssertionFailure));
  }
});
