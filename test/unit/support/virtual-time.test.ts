import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { VirtualTime } from '../../support/virtual-time.ts';

describe('virtual time', () => {
  it('runs callbacks by time, then in the order they were made', () => {
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 0, max: 20 }), { maxLength: 60 }), (delays) => {
        const time = new VirtualTime();
        const ran: { delay: number; index: number }[] = [];
        delays.forEach((delay, index) => {
          time.after(delay, () => {
            assert.equal(time.monotonicMs(), delay);
            ran.push({ delay, index });
          });
        });
        time.advance(20);
        const expected = delays
          .map((delay, index) => ({ delay, index }))
          .sort((a, b) => a.delay - b.delay || a.index - b.index);
        assert.deepEqual(ran, expected);
      }),
    );
  });

  it('runs nothing early, nothing cancelled, and what callbacks add', () => {
    const time = new VirtualTime(1_000);
    const ran: string[] = [];
    time.after(10, () => {
      ran.push('first');
      time.after(5, () => ran.push('nested'));
    });
    time.after(12, () => ran.push('cancelled')).cancel();
    time.advance(9);
    assert.deepEqual(ran, []);
    time.advance(6);
    assert.deepEqual(ran, ['first', 'nested']);
    assert.equal(time.wallMs(), 1_015);
  });

  it('runs until a condition holds, and says when it does not', () => {
    const time = new VirtualTime();
    let count = 0;
    const tick = (): void => {
      count += 1;
      time.after(10, tick);
    };
    tick();
    assert.equal(
      time.runUntil(() => count === 5, 1_000),
      true,
    );
    assert.equal(time.monotonicMs(), 40);
    assert.equal(
      time.runUntil(() => false, 100),
      false,
    );
  });
});
