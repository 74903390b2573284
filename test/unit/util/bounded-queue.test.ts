import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { AssertionFailure } from '../../../src/util/assert.ts';
import { BoundedQueue } from '../../../src/util/bounded-queue.ts';

describe('bounded queue', () => {
  it('is first in, first out, and never holds more than its limits', () => {
    const step = fc.oneof(fc.constant('shift' as const), fc.constant('clear' as const), fc.nat(12));
    fc.assert(
      fc.property(fc.array(step, { maxLength: 200 }), (steps) => {
        const queue = new BoundedQueue<number>({ maxItems: 5, maxBytes: 20 });
        let model: { value: number; bytes: number }[] = [];
        for (const [value, action] of steps.entries()) {
          const held = model.reduce((sum, item) => sum + item.bytes, 0);
          if (action === 'shift') assert.equal(queue.shift(), model.shift()?.value);
          else if (action === 'clear') {
            queue.clear();
            model = [];
          } else {
            const room = model.length < 5 && held + action <= 20;
            assert.equal(queue.push(value, action), room);
            if (room) model.push({ value, bytes: action });
          }
          assert.equal(queue.size, model.length);
          assert.equal(
            queue.bytes,
            model.reduce((sum, item) => sum + item.bytes, 0),
          );
        }
      }),
    );
  });

  it('has room again after a shift', () => {
    const queue = new BoundedQueue<string>({ maxItems: 1, maxBytes: 10 });
    assert.deepEqual([queue.push('a', 10), queue.push('b', 0)], [true, false]);
    assert.equal(queue.shift(), 'a');
    assert.equal(queue.push('b', 10), true);
    assert.deepEqual([queue.shift(), queue.shift()], ['b', undefined]);
  });

  it('wants positive limits', () => {
    assert.throws(() => new BoundedQueue({ maxItems: 0, maxBytes: 1 }), AssertionFailure);
    assert.throws(() => new BoundedQueue({ maxItems: 1, maxBytes: 0 }), AssertionFailure);
  });
});
