import assert from 'node:assert/strict';
import { beforeEach, describe, it } from 'node:test';
import { CircuitBreaker } from '../../../src/util/circuit-breaker.ts';
import { VirtualTime } from '../../support/virtual-time.ts';

let time: VirtualTime;
let breaker: CircuitBreaker;

beforeEach(() => {
  time = new VirtualTime();
  breaker = new CircuitBreaker({ failures: 3, pauseMs: 1_000 }, time);
});

function fail(times: number): void {
  for (let i = 0; i < times; i++) {
    assert.ok(breaker.allows());
    breaker.failed();
  }
}

describe('the circuit breaker', () => {
  it('opens after so many failures in a row, and not before', () => {
    fail(2);
    assert.ok(breaker.allows());
    breaker.succeeded();
    fail(2);
    assert.equal(breaker.isOpen, false);
    fail(1);
    assert.equal(breaker.isOpen, true);
    assert.equal(breaker.allows(), false);
  });

  it('lets one try after the pause, which decides', () => {
    fail(3);
    time.advance(999);
    assert.equal(breaker.allows(), false);
    time.advance(1);
    assert.equal(breaker.allows(), true);
    assert.equal(breaker.allows(), false, 'a second one while the first is under way');
    breaker.failed();
    assert.equal(breaker.allows(), false);
    time.advance(1_000);
    assert.equal(breaker.allows(), true);
    breaker.succeeded();
    assert.deepEqual([breaker.isOpen, breaker.allows(), breaker.allows()], [false, true, true]);
  });
});
