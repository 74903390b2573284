import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { PayloadCache } from '../../../src/replica/payload-cache.ts';
import { type BlockId, id } from '../../../src/types/ids.ts';

const block = (number: number): BlockId => id<BlockId>(number.toString(16).padStart(64, '0'));

describe('payload cache', () => {
  it('keeps the newest within its bytes', () => {
    const cache = new PayloadCache(10);
    for (const number of [1, 2, 3]) cache.put(block(number), new Uint8Array(4).fill(number));
    assert.deepEqual(
      [1, 2, 3].map((number) => cache.get(block(number))?.[0]),
      [undefined, 2, 3],
    );
  });

  it('makes as much room as it takes', () => {
    const cache = new PayloadCache(10);
    for (const number of [1, 2, 3]) cache.put(block(number), new Uint8Array(3));
    cache.put(block(4), new Uint8Array(7));
    assert.deepEqual(
      [1, 2, 3, 4].map((number) => cache.get(block(number))?.length),
      [undefined, undefined, 3, 7],
    );
  });

  it('counts a block once, and keeps none that is larger than itself', () => {
    const cache = new PayloadCache(10);
    for (let i = 0; i < 5; i++) cache.put(block(1), new Uint8Array(6));
    cache.put(block(2), new Uint8Array(4));
    assert.equal(cache.get(block(1))?.length, 6);
    cache.put(block(3), new Uint8Array(11));
    assert.deepEqual(
      [1, 2, 3].map((number) => cache.get(block(number))),
      [undefined, undefined, undefined],
    );
    cache.put(block(4), new Uint8Array(10));
    assert.equal(cache.get(block(4))?.length, 10);
  });
});
