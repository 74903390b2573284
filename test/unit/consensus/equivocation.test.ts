import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { Equivocation } from '../../../src/consensus/equivocation.ts';
import { ExtraAllowance } from '../../../src/consensus/extra-allowance.ts';
import { Universe } from '../../dag/universe.ts';

const universe = new Universe({ powers: [1, 1, 1, 1], leaders: 1 });
const twins = (author: number, round: number) =>
  [universe.block(author, round, universe.roots), universe.block(author, round, universe.roots)] as const;

describe('equivocation', () => {
  it('calls the first block of a slot primary, and any other an extra', () => {
    const equivocation = new Equivocation(0);
    const [first, second] = twins(1, 1);
    assert.equal(equivocation.isExtra(second.ref), false);
    assert.equal(equivocation.note(first), undefined);
    assert.equal(equivocation.note(first), undefined);
    assert.deepEqual([equivocation.isExtra(first.ref), equivocation.isExtra(second.ref)], [false, true]);
    assert.equal(equivocation.isExposed(1), false);
    assert.deepEqual(equivocation.note(second), { first, second });
    assert.deepEqual([equivocation.isExposed(1), equivocation.isExposed(2)], [true, false]);
  });

  it('reports an author once, and exposes it until the last extra is collected', () => {
    const equivocation = new Equivocation(0);
    const [first, second] = twins(1, 1);
    const [third, fourth] = twins(1, 5);
    equivocation.note(first);
    equivocation.note(second);
    equivocation.note(third);
    assert.equal(equivocation.note(fourth), undefined);
    equivocation.collect(4);
    assert.equal(equivocation.isExposed(1), true);
    equivocation.collect(5);
    assert.equal(equivocation.isExposed(1), false);
    assert.equal(equivocation.isExtra(fourth.ref), false);
  });
});

describe('allowance of extras', () => {
  it('holds one second, and fills by time alone', () => {
    const allowance = new ExtraAllowance(200);
    assert.equal(allowance.available(1_000), 200);
    allowance.spend(200);
    assert.equal(allowance.available(1_000), 0);
    assert.equal(allowance.nextTokenAtMs, 1_005);
    assert.equal(allowance.available(1_005), 1);
    assert.equal(allowance.available(1_500), 100);
    assert.equal(allowance.available(60_000), 200);
    assert.equal(allowance.available(10), 200);
  });
});
