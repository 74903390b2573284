import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { Prng } from '../../../src/util/prng.ts';

const draw = (seed: number, count: number): number[] => {
  const prng = new Prng(seed);
  return Array.from({ length: count }, () => prng.u32());
};

describe('prng', () => {
  it('is xoshiro128** seeded by splitmix32: a change here changes every seeded simulation', () => {
    // Computed with an independent implementation.
    assert.deepEqual(draw(1, 4), [393_288_148, 2_174_103_013, 3_814_759_091, 2_092_745_082]);
    assert.notDeepEqual(draw(7, 8), draw(8, 8));
  });

  it('stays within bounds', () => {
    fc.assert(
      fc.property(fc.nat(), fc.integer({ min: 1, max: 2 ** 32 }), (seed, bound) => {
        const value = new Prng(seed).below(bound);
        assert.ok(Number.isInteger(value) && value >= 0 && value < bound);
      }),
    );
  });

  it('draws about as often as asked', () => {
    const prng = new Prng(3);
    const hits = Array.from({ length: 10_000 }, () => prng.chance(0.25)).filter(Boolean).length;
    assert.ok(hits > 2_300 && hits < 2_700, String(hits));
    assert.equal(new Prng(3).chance(0), false);
    assert.equal(new Prng(3).chance(1), true);
  });

  it('shuffles a copy', () => {
    const items = Array.from({ length: 20 }, (_, i) => i);
    const shuffled = new Prng(5).shuffle(items);
    assert.notDeepEqual(shuffled, items);
    assert.deepEqual(
      shuffled.toSorted((a, b) => a - b),
      items,
    );
    assert.equal(items[0], 0);
  });

  it('picks every item and fills bytes', () => {
    const prng = new Prng(9);
    assert.deepEqual(new Set(Array.from({ length: 100 }, () => prng.pick(['a', 'b', 'c']))), new Set(['a', 'b', 'c']));
    assert.equal(prng.bytes(33).length, 33);
    assert.ok(new Set(prng.bytes(1_000)).size > 200);
  });
});
