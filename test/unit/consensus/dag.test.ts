import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { Dag } from '../../../src/consensus/dag.ts';
import type { BlockRef } from '../../../src/types/block.ts';
import { AssertionFailure } from '../../../src/util/assert.ts';
import { refsOf } from '../../dag/refs.ts';
import { Universe } from '../../dag/universe.ts';

describe('dag', () => {
  const universe = new Universe({ powers: [1, 1, 1, 1], leaders: 1 });
  const one = universe.layer(1, universe.roots);
  const two = universe.layer(2, refsOf(one), [0, 1, 2]);
  const three = universe.layer(3, refsOf(two), [0, 1]);
  const twin = universe.block(0, 2, refsOf(one));
  const filled = () => {
    const dag = new Dag(universe.committee, 0);
    for (const block of [...one, ...two, ...three, twin]) dag.insert(block);
    return dag;
  };

  it('finds blocks by id, round and author, in order of admission', () => {
    const dag = filled();
    assert.equal(dag.get(twin.ref.id), twin);
    assert.deepEqual(dag.blocksAt(2), [...two, twin]);
    assert.deepEqual(dag.blocksOf(0, 2), [two[0], twin]);
    assert.deepEqual(dag.blocksAt(9), []);
    assert.equal(dag.highestRound, 3);
    assert.deepEqual(dag.highestRounds, [3, 3, 2, 1]);
  });

  it('sees a quorum by authors, and always one at genesis', () => {
    const dag = filled();
    assert.deepEqual(
      [0, 1, 2, 3, 4].map((round) => dag.quorumAt(round)),
      [true, true, true, false, false],
    );
    assert.deepEqual(dag.absentAt(3), [2, 3]);
    assert.deepEqual(dag.absentAt(7), [0, 1, 2, 3]);
  });

  it('does not let twins make a quorum', () => {
    const dag = new Dag(universe.committee, 0);
    for (const block of [...one, two[0], two[1], twin]) dag.insert(block as (typeof one)[number]);
    assert.equal(dag.quorumAt(2), false);
  });

  it('walks a history once, down to a floor, around what it is told to stop at', () => {
    const dag = filled();
    const top = three[0] as (typeof three)[number];
    const ids = (floor: number, stop?: (ref: BlockRef) => boolean) =>
      new Set([...dag.history(top, floor, stop)].map((block) => block.ref.id));
    assert.deepEqual(ids(0), new Set([top, ...two, ...one].map((block) => block.ref.id)));
    assert.deepEqual(ids(1), new Set([top, ...two].map((block) => block.ref.id)));
    assert.deepEqual(
      ids(0, (ref) => ref.round === 2),
      new Set([top.ref.id]),
    );
    assert.equal([...dag.history(top, 0)].length, 8);
  });

  it('walks a chain of 20,000 blocks', () => {
    const chain = new Universe({ powers: [1], leaders: 1 });
    const dag = new Dag(chain.committee, 0);
    let last = chain.block(0, 1, chain.roots);
    dag.insert(last);
    for (let round = 2; round <= 20_000; round++) {
      last = chain.block(0, round, [last.ref]);
      dag.insert(last);
    }
    assert.equal([...dag.history(last, 0)].length, 20_000);
  });

  it('forgets collected rounds and returns their blocks', () => {
    const dag = filled();
    assert.deepEqual(dag.collect(2), [...one, ...two, twin]);
    assert.equal(dag.gcRound, 2);
    assert.equal(dag.size, 2);
    assert.equal(dag.has(twin.ref.id), false);
    assert.deepEqual(dag.highestRounds, [3, 3, 2, 1]);
    assert.deepEqual(dag.collect(1), []);
    assert.throws(() => [...dag.history(three[0] as (typeof three)[number], 1)], AssertionFailure);
  });

  it('takes a block once', () => {
    assert.throws(() => filled().insert(twin), AssertionFailure);
  });
});
