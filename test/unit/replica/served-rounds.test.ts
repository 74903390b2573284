import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ServedRounds } from '../../../src/replica/served-rounds.ts';

test('blocks stay within reach until the commit that collected them is certified', () => {
  const served = new ServedRounds();
  served.executed(1, 0);
  served.executed(2, 3);
  served.executed(3, 4);
  assert.equal(served.forgottenRound, 0);
  served.certified(2);
  assert.equal(served.forgottenRound, 3);
  served.certified(1);
  assert.equal(served.forgottenRound, 3, 'an older certificate changes nothing');
  served.certified(3);
  assert.equal(served.forgottenRound, 4);
});

test('a certificate from ahead of execution lets go as execution follows', () => {
  const served = new ServedRounds();
  served.certified(10);
  served.executed(9, 5);
  assert.equal(served.forgottenRound, 5);
  served.executed(11, 7);
  assert.equal(served.forgottenRound, 5);
});

test('without certificates the last 8,192 collected rounds stay, and no more', () => {
  const served = new ServedRounds();
  for (let commit = 1; commit <= 10_000; commit++) served.executed(commit, commit);
  assert.equal(served.forgottenRound, 10_000 - 8_192);
});
