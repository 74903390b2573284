import assert from 'node:assert/strict';
import { it } from 'node:test';
import { HandshakeBudget } from '../../../src/network/handshake-budget.ts';
import { VirtualTime } from '../../support/virtual-time.ts';

it('allows a second of handshakes at once and the rate on average', () => {
  const time = new VirtualTime();
  const budget = new HandshakeBudget(20, time);
  const taken = () => {
    let count = 0;
    while (budget.take()) count += 1;
    return count;
  };
  assert.equal(taken(), 20);
  time.advance(49);
  assert.equal(taken(), 0);
  time.advance(1);
  assert.equal(taken(), 1);
  time.advance(3_600_000);
  assert.equal(taken(), 20, 'unused budget does not pile up');
});
