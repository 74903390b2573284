import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { TokenBucket } from '../../../src/util/token-bucket.ts';

describe('token bucket', () => {
  it('allows the burst at once and then the rate', () => {
    const bucket = new TokenBucket(10, 3, 0);
    assert.deepEqual(
      [1, 2, 3, 4].map(() => bucket.take(1, 0)),
      [true, true, true, false],
    );
    assert.deepEqual([bucket.take(1, 99), bucket.take(1, 100), bucket.take(1, 100)], [false, true, false]);
  });

  it('saves up no more than the burst', () => {
    const bucket = new TokenBucket(10, 3, 0);
    assert.equal(bucket.take(4, 1_000_000), false);
    assert.equal(bucket.take(3, 1_000_000), true);
  });

  it('takes all or nothing', () => {
    const bucket = new TokenBucket(10, 3, 0);
    assert.equal(bucket.take(4, 0), false);
    assert.equal(bucket.take(3, 0), true);
  });

  it('lets work be paid afterwards: the debt delays what comes next', () => {
    const bucket = new TokenBucket(1_000, 10, 0);
    bucket.spend(110, 0);
    assert.equal(bucket.take(0, 99), false);
    assert.equal(bucket.take(0, 100), true);
  });

  it('says when enough will be there', () => {
    const bucket = new TokenBucket(10, 3, 0);
    assert.equal(bucket.waitMs(3, 0), 0);
    bucket.spend(3, 0);
    assert.equal(bucket.waitMs(1, 0), 100);
    assert.equal(bucket.waitMs(1, 60), 40);
  });

  it('never gives more than burst and rate allow', () => {
    fc.assert(
      fc.property(fc.array(fc.nat(50), { maxLength: 100 }), (gapsMs) => {
        const bucket = new TokenBucket(100, 5, 0);
        let now = 0;
        let taken = 0;
        for (const gapMs of gapsMs) {
          now += gapMs;
          if (bucket.take(1, now)) taken += 1;
          assert.ok(taken <= 5 + now / 10 + 1e-9);
        }
      }),
    );
  });
});
