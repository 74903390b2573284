import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Schedule } from '../../../bench/cluster/schedule.ts';

test('transactions are due at a fixed rate, whatever was taken of them', () => {
  const schedule = new Schedule(1_000, 100);
  assert.equal(schedule.due(999), 0);
  assert.equal(schedule.due(1_000), 1);
  assert.equal(schedule.due(1_049), 5);
  assert.equal(schedule.take(1_049), 1_000);
  assert.equal(schedule.due(1_049), 4);
});

test('after a stall every transaction still has the time at which it should have gone out', () => {
  const schedule = new Schedule(0, 10);
  const stalledUntilMs = 1_000;
  assert.equal(schedule.due(stalledUntilMs), 11);
  const due = Array.from({ length: 11 }, () => schedule.take(stalledUntilMs));
  assert.deepEqual(due, [0, 100, 200, 300, 400, 500, 600, 700, 800, 900, 1_000]);
  assert.equal(schedule.due(stalledUntilMs), 0);
  assert.equal(schedule.nextMs, 1_100);
});

test('at an infinite rate everything is due, and due now', () => {
  const schedule = new Schedule(0, Number.POSITIVE_INFINITY);
  assert.equal(schedule.due(5), Number.POSITIVE_INFINITY);
  assert.equal(schedule.take(5), 5);
  assert.equal(schedule.take(7), 7);
});
