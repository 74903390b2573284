import assert from 'node:assert/strict';
import { test } from 'node:test';
import { WireKeyCache } from '../../../src/pipeline/wire-key-cache.ts';
import { id, type WireKey } from '../../../src/types/ids.ts';

/** All begin alike, so that all meet in one bucket. */
function key(index: number): WireKey {
  return id<WireKey>(`${'ab'.repeat(28)}${index.toString(16).padStart(8, '0')}`);
}

test('a key is found whole or not at all', () => {
  const cache = new WireKeyCache(100);
  assert.equal(cache.has(key(1)), false);
  cache.add(key(1));
  assert.equal(cache.has(key(1)), true);
  assert.equal(cache.has(key(2)), false, 'differs in the last byte');
});

test('a full bucket forgets its oldest keys, and adding again takes no second place', () => {
  const cache = new WireKeyCache(8);
  for (let i = 0; i < 8; i++) cache.add(key(i));
  cache.add(key(7));
  assert.ok([0, 1, 2, 3, 4, 5, 6, 7].every((i) => cache.has(key(i))));
  cache.add(key(8));
  cache.add(key(9));
  assert.deepEqual(
    [0, 1, 2, 3, 4, 5, 6, 7, 8, 9].filter((i) => !cache.has(key(i))),
    [0, 1],
  );
});
