import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { repeatedKey } from '../../../src/cli/repeated-key.ts';

suite('a key that comes twice', () => {
  for (const [json, found] of [
    ['{"a":1,"a":2}', 'a'],
    ['{"a":1,"b":{"c":1},"a":2}', 'a'],
    ['{"b":{"c":1,"c":1}}', 'c'],
    ['{"a":1,"\\u0061":2}', 'a'],
    ['[{"a" : 1, "a"\n:2}]', 'a'],
  ] as const) {
    test(`is found: ${JSON.stringify(json)}`, () => assert.equal(repeatedKey(json), found));
  }

  for (const json of [
    '{"a":1,"b":{"a":1}}',
    '[{"a":1},{"a":1}]',
    '{"a":"a","b":"a"}',
    '{"a":"\\"a\\":1","b":"{","c":["a","a"]}',
    '{"a":"\\\\","b":1}',
    '{}',
    '1',
  ]) {
    test(`is not there: ${JSON.stringify(json)}`, () => assert.equal(repeatedKey(json), undefined));
  }
});
