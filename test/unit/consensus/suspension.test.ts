import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { Equivocation } from '../../../src/consensus/equivocation.ts';
import { type BoundsOptions, defaultBounds } from '../../../src/consensus/options.ts';
import { Suspension } from '../../../src/consensus/suspension.ts';
import type { VerifiedHeader } from '../../../src/types/block.ts';
import { refsOf } from '../../dag/refs.ts';
import { Universe } from '../../dag/universe.ts';

function setup(bounds: Partial<BoundsOptions> = {}) {
  const universe = new Universe({ powers: new Array<number>(7).fill(1), leaders: 1 });
  const equivocation = new Equivocation(0);
  const suspension = new Suspension(
    { committee: universe.committee, bounds: { ...defaultBounds(7, 1_000), ...bounds } },
    { equivocation },
  );
  const add = (block: VerifiedHeader, absent = block.ancestors.filter((ref) => ref.round > 0), nowMs = 0) => {
    equivocation.note(block);
    return suspension.add(block, absent, nowMs);
  };
  return { universe, equivocation, suspension, add };
}

describe('suspension', () => {
  it('wants absent ancestors once, and says who names them, lowest round first', () => {
    const { universe, suspension, add } = setup();
    const one = refsOf(universe.layer(1, universe.roots));
    const two = universe.layer(2, one);
    const three = universe.block(3, 3, refsOf(two));
    assert.deepEqual(add(three).missing, three.ancestors);
    const named = add(two[4] as VerifiedHeader).missing;
    assert.deepEqual(new Set(named), new Set(one));
    assert.deepEqual(add(two[5] as VerifiedHeader).missing, []);
    const missing = suspension.missing();
    assert.deepEqual(
      missing.map(({ ref }) => [ref.round, ref.author]),
      [...one.map((ref) => [1, ref.author]), ...[0, 1, 2, 3, 6].map((author) => [2, author])],
    );
    assert.deepEqual(missing[0]?.namers, [4, 5]);
    assert.deepEqual(missing.at(-1)?.namers, [3]);
  });

  it('releases a block with its last ancestor', () => {
    const { universe, suspension, add } = setup();
    const one = universe.layer(1, universe.roots);
    const two = universe.block(0, 2, refsOf(one));
    add(two);
    for (const ref of refsOf(one.slice(1))) assert.deepEqual(suspension.resolve(ref.id), []);
    assert.equal(suspension.holds(two.ref.id), true);
    assert.deepEqual(suspension.resolve((one[0] as VerifiedHeader).ref.id), [two]);
    assert.deepEqual([suspension.holds(two.ref.id), suspension.size, suspension.bytes], [false, 0, 0]);
  });

  it('counts collected ancestors as absent, and lets collected blocks go', () => {
    const { universe, suspension, add } = setup();
    const one = refsOf(universe.layer(1, universe.roots));
    const two = universe.layer(2, one);
    const three = universe.block(0, 3, refsOf(two));
    for (const block of two) add(block);
    add(three);
    const { ready, dropped } = suspension.collect(1);
    assert.deepEqual([new Set(ready), dropped], [new Set(two), []]);
    const gone = suspension.collect(3);
    assert.deepEqual([gone.ready, gone.dropped], [[], [three]]);
    assert.deepEqual([suspension.size, suspension.bytes, suspension.missing()], [0, 0, []]);
  });

  it('keeps the oldest blocks of an author within its bytes, and drops the newest', () => {
    const { universe, suspension, add } = setup({ suspendedBytesPerAuthor: 2_000 });
    const one = refsOf(universe.layer(1, universe.roots));
    const chain = [2, 3, 4, 5, 6, 7, 8, 9].map((round) => universe.block(0, round, one));
    const other = universe.block(1, 9, one);
    add(other);
    const dropped = chain.flatMap((block) => add(block).dropped);
    assert(dropped.length > 0 && suspension.bytes < 3_000);
    assert.deepEqual(dropped, chain.slice(chain.length - dropped.length));
    assert.equal(suspension.holds(other.ref.id), true);
    assert.equal(suspension.holds((chain[0] as VerifiedHeader).ref.id), true);
  });

  it('keeps within the limit of awaited ids by dropping the newest block', () => {
    const { universe, suspension, add } = setup({ maxMissing: 10 });
    const one = refsOf(universe.layer(1, universe.roots));
    const newer = universe.block(0, 8, refsOf(universe.layer(7, one)));
    const older = universe.block(1, 2, one);
    assert.deepEqual(add(newer).dropped, []);
    assert.deepEqual(add(older).dropped, [newer]);
    assert.deepEqual(new Set(suspension.missing().map(({ ref }) => ref)), new Set(one));
  });
});

describe('what an exposed author makes a node fetch', () => {
  function exposed() {
    const room = setup();
    const { universe, equivocation } = room;
    for (const twin of [universe.block(6, 1, universe.roots), universe.block(6, 1, universe.roots)])
      equivocation.note(twin);
    const one = refsOf(universe.layer(1, universe.roots, [0, 1, 2, 3, 4, 5]));
    const two = refsOf(universe.layer(2, one, [0, 1, 2, 3, 4]));
    return { ...room, suspect: universe.block(6, 3, [universe.genesis(6), ...two]), two };
  }

  it('is nothing on its own behalf', () => {
    const { suspension, add, suspect } = exposed();
    assert.deepEqual(add(suspect).missing, []);
    assert.deepEqual(suspension.missing(), []);
    assert.equal(suspension.holds(suspect.ref.id), true);
  });

  it('is its history once the block of somebody else names it', () => {
    const { universe, suspension, add, suspect, two } = exposed();
    add(suspect);
    const three = refsOf(universe.layer(3, two, [0, 1, 2, 3]));
    const honest = universe.block(0, 4, [...three, suspect.ref]);
    const { missing } = add(honest);
    assert.deepEqual(new Set(missing), new Set([...three, ...two]));
    assert.equal(suspension.isWanted(suspect.ref.id), true);
  });
});

describe('the budget of extras', () => {
  const BUDGET = 3;
  /** Member 6 makes two chains of blocks in rounds 1 to 12; the first is known, the second is a chain of extras whose last block is `tip`. */
  function chains(extraBudget = BUDGET, bounds: Partial<BoundsOptions> = {}) {
    const room = setup({ extraBudget, extrasPerSecond: 2, ...bounds });
    const { universe, equivocation } = room;
    const extras: VerifiedHeader[] = [];
    let below = universe.layer(1, universe.roots, [0, 1, 2, 3, 4]);
    let extra = universe.block(6, 1, universe.roots);
    equivocation.note(universe.block(6, 1, universe.roots));
    extras.push(extra);
    for (let round = 2; round <= 12; round++) {
      equivocation.note(universe.block(6, round, [...refsOf(below), universe.genesis(6)]));
      extra = universe.block(6, round, [...refsOf(below), extra.ref]);
      extras.push(extra);
      below = universe.layer(round, refsOf(below), [0, 1, 2, 3, 4]);
    }
    const tip = extras.at(-1) as VerifiedHeader;
    const namer = (author: number) => universe.block(author, 13, [...refsOf(below), tip.ref]);
    /** Answers every want for an extra, down the chain; returns how many were fetched. */
    const fetchAll = (missing: readonly { readonly id: string }[], nowMs = 0) => {
      let fetched = 0;
      const queue = [...missing];
      for (let next = queue.shift(); next !== undefined; next = queue.shift()) {
        const found = extras.find((block) => block.ref.id === next?.id);
        if (found === undefined) continue;
        fetched += 1;
        queue.push(
          ...room.add(
            found,
            found.ancestors.filter((ref) => ref.author === 6 && ref.round > 0),
            nowMs,
          ).missing,
        );
      }
      return fetched;
    };
    const needs = (block: VerifiedHeader) => [
      block.ancestors.find((ref) => ref.id === tip.ref.id) as (typeof tip)['ref'],
    ];
    return { ...room, tip, namer, fetchAll, needs };
  }

  it('parks a block whose history names more', () => {
    const { suspension, add, namer, fetchAll, needs } = chains();
    const block = namer(0);
    assert.equal(fetchAll(add(block, needs(block)).missing), BUDGET);
    assert.deepEqual([suspension.isParked(block.ref.id), suspension.hasParked], [true, true]);
    assert.deepEqual(suspension.missing(), []);
  });

  it('takes a parked block up when authors of more than f power name it, at the allowed rate', () => {
    const { universe, suspension, add, namer, fetchAll, needs } = chains(1);
    const block = namer(0);
    const name = (author: number) => {
      const below = refsOf(universe.layer(13, universe.roots, [1, 2, 3, 4]));
      return fetchAll(add(universe.block(author, 14, [block.ref, ...below]), [block.ref]).missing);
    };
    assert.equal(universe.committee.validity, 3);
    // One by the budget of the block, one by the budget of each that names it, and two a second by the allowance.
    assert.deepEqual([fetchAll(add(block, needs(block)).missing), name(1), name(2)], [1, 1, 1]);
    assert.equal(suspension.nextGrantMs(), undefined);
    let fetched = 3 + name(3);
    for (let nowMs = 0; nowMs <= 2_000; nowMs += 100) fetched += fetchAll(suspension.grantExtras(nowMs), nowMs);
    assert.equal(fetched, 3 + 1 + 2 + 4);
    assert.equal(suspension.nextGrantMs(), 2_500);
    for (let nowMs = 2_000; nowMs <= 10_000; nowMs += 100) fetched += fetchAll(suspension.grantExtras(nowMs), nowMs);
    assert.equal(fetched, 12);
    assert.deepEqual([suspension.nextGrantMs(), suspension.missing()], [undefined, []]);
  });

  it('takes all parked blocks up when the quorum of the clock round is missing', () => {
    const { suspension, add, namer, fetchAll, needs } = chains();
    const block = namer(0);
    fetchAll(add(block, needs(block)).missing);
    assert.equal(fetchAll(suspension.takeUpParked(0)), 1);
    assert.equal(suspension.hasParked, false);
  });

  it('is handed over when the block that fetched is dropped', () => {
    const { universe, suspension, add, namer, fetchAll, needs, tip } = chains(1, { maxMissing: 3 });
    const alone = universe.block(3, 13, universe.roots);
    const [older, newer] = [namer(0), universe.block(1, 14, [tip.ref, alone.ref])];
    assert.deepEqual(new Set(add(newer, [tip.ref, alone.ref]).missing), new Set([tip.ref, alone.ref]));
    assert.deepEqual(add(older, needs(older)).missing, []);
    const oldest = universe.block(2, 2, refsOf(universe.layer(1, universe.roots)));
    assert.deepEqual(add(oldest, oldest.ancestors.slice(0, 2)).dropped, [newer]);
    for (const ref of oldest.ancestors.slice(0, 2)) suspension.resolve(ref.id);
    // The tip, which is charged to nobody now, and one more on the budget of the older block.
    assert.equal(fetchAll([tip.ref]), 2);
    assert.equal(suspension.isParked(older.ref.id), true);
  });

  it("is each block's own, and goes on where another's ended", () => {
    const { suspension, add, namer, fetchAll, needs } = chains();
    const [first, second] = [namer(0), namer(1)];
    assert.equal(fetchAll(add(first, needs(first)).missing), BUDGET);
    assert.equal(fetchAll(add(second, needs(second)).missing), BUDGET);
    assert.deepEqual([suspension.isParked(first.ref.id), suspension.isParked(second.ref.id)], [true, true]);
  });
});
