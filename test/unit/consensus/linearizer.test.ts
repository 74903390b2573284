import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { Dag } from '../../../src/consensus/dag.ts';
import { LeaderSchedule } from '../../../src/consensus/leader-schedule.ts';
import { type CommitPoint, Linearizer } from '../../../src/consensus/linearizer.ts';
import type { BlockRef, VerifiedHeader } from '../../../src/types/block.ts';
import { type Commit, commitDigest } from '../../../src/types/commit.ts';
import { AssertionFailure } from '../../../src/util/assert.ts';
import { refsOf } from '../../dag/refs.ts';
import { Universe } from '../../dag/universe.ts';
import { shaHasher } from '../../support/sha-hasher.ts';

const GC_DEPTH = 3;

function setup(powers: readonly number[] = [1, 1, 1, 1]) {
  const universe = new Universe({ powers, leaders: 1, gcDepth: GC_DEPTH });
  const { committee, options } = universe;
  const schedule = new LeaderSchedule({ members: powers.length, leadersPerRound: 1, gcDepth: GC_DEPTH });
  const dag = new Dag(committee, 0);
  const linearizer = new Linearizer(
    { committee, epoch: 1, genesisTimeMs: options.genesis.timeMs },
    { schedule, hasher: shaHasher, dag },
  );
  const start: CommitPoint = { index: 0, ...options.genesis, leaderRound: 0, slot: schedule.origin };
  const layer = (round: number, below: readonly BlockRef[], timestampsMs: readonly (number | undefined)[] = []) => {
    const blocks = powers.map((_, author) => {
      const timestampMs = timestampsMs[author];
      return universe.block(author, round, below, timestampMs === undefined ? {} : { timestampMs });
    });
    for (const block of blocks) dag.insert(block);
    return blocks;
  };
  return { universe, linearizer, dag, start, layer };
}

function after(commit: Commit): CommitPoint {
  const { index, digest, timeMs, leader } = commit;
  return { index, digest, timeMs, leaderRound: leader.round, slot: { round: leader.round, offset: 0 } };
}

function nth(blocks: readonly VerifiedHeader[], author: number): VerifiedHeader {
  return blocks[author] as VerifiedHeader;
}

describe('linearizer', () => {
  it('takes the history once, by round, author and id, and chains digests', () => {
    const { universe, linearizer, start, layer } = setup();
    const one = layer(1, universe.roots);
    const two = layer(2, refsOf(one));
    const first = linearizer.commit(start, nth(one, 1));
    assert.deepEqual(first.commit.refs, [nth(one, 1).ref]);
    const second = linearizer.commit(after(first.commit), nth(two, 2));
    assert.deepEqual(second.commit.refs, refsOf([nth(one, 0), nth(one, 2), nth(one, 3), nth(two, 2)]));
    assert.deepEqual(
      second.blocks.map((block) => block.ref),
      second.commit.refs,
    );
    const { digest, ...rest } = second.commit;
    assert.deepEqual(
      [rest.index, rest.previousDigest, digest],
      [2, first.commit.digest, commitDigest(shaHasher, rest)],
    );
    assert.equal(first.commit.previousDigest, universe.options.genesis.digest);
  });

  it('sorts two blocks of one author and round by id', () => {
    const { universe, linearizer, dag, start, layer } = setup();
    const one = layer(1, universe.roots);
    const twins = Array.from({ length: 6 }, () => universe.block(0, 1, universe.roots));
    for (const twin of twins) dag.insert(twin);
    // Each block of the next rounds names one twin, so that the last one has all of them in its history.
    let below: readonly BlockRef[] = refsOf(one);
    let round = 2;
    let leader = nth(one, 1);
    for (const twin of twins) {
      const withTwin = [twin.ref, ...below.filter((ref) => ref.author !== 0)];
      const layerBlocks = [1, 2, 3].map((author) => universe.block(author, round, withTwin));
      for (const block of layerBlocks) dag.insert(block);
      leader = layerBlocks[0] as VerifiedHeader;
      below = refsOf(layerBlocks);
      round += 1;
    }
    const ids = linearizer
      .commit(start, leader)
      .commit.refs.filter((ref) => ref.author === 0)
      .map((ref) => ref.id as string);
    assert.deepEqual(ids, twins.map((twin) => twin.ref.id as string).sort());
  });

  it('leaves out what lies below the previous leader by the collection depth, whatever is still held', () => {
    const { universe, linearizer, dag, start } = setup();
    const late = universe.block(3, 1, universe.roots);
    const below = [0, 1, 2].map((author) => universe.block(author, 1, universe.roots));
    for (const block of [late, ...below]) dag.insert(block);
    let layerBefore = [0, 1, 2].map((author) => universe.block(author, 2, refsOf(below)));
    for (const block of layerBefore) dag.insert(block);
    for (let round = 3; round <= 4; round++) {
      layerBefore = [0, 1, 2].map((author) => universe.block(author, round, refsOf(layerBefore)));
      for (const block of layerBefore) dag.insert(block);
    }
    const previous = linearizer.commit(start, nth(layerBefore, 0));
    const heir = universe.block(3, 5, [late.ref, ...refsOf(layerBefore)]);
    dag.insert(heir);
    const next = linearizer.commit(after(previous.commit), heir);
    assert.equal(dag.has(late.ref.id), true);
    assert.deepEqual(next.commit.refs, refsOf([...layerBefore.slice(1), heir]));
    assert.equal(linearizer.isLinearised(late.ref), false);
  });

  it('refuses to linearise a leader twice', () => {
    const { universe, linearizer, start, layer } = setup();
    const one = layer(1, universe.roots);
    const first = linearizer.commit(start, nth(one, 1));
    assert.throws(() => linearizer.commit(after(first.commit), nth(one, 1)), AssertionFailure);
  });
});

describe('commit time', () => {
  const timeOf = (powers: readonly number[], timestampsMs: readonly number[]) => {
    const { universe, linearizer, start, layer } = setup(powers);
    const one = layer(1, universe.roots, timestampsMs);
    const two = layer(
      2,
      refsOf(one),
      timestampsMs.map(() => 99_999_999),
    );
    return linearizer.commit(start, nth(two, 2)).commit.timeMs;
  };

  it('is the median of the round below the leader, weighted by power', () => {
    const base = 1_000_000;
    assert.equal(timeOf([1, 1, 1, 1], [base + 4, base + 1, base + 3, base + 2]), base + 3);
    assert.equal(timeOf([1, 1, 1], [base + 1, base + 9, base + 5]), base + 5);
    assert.equal(timeOf([5, 1, 1, 1, 1], [base + 7, base + 1, base + 2, base + 3, base + 4]), base + 7);
    assert.equal(timeOf([4, 1, 1, 1, 1], [base + 7, base + 1, base + 2, base + 3, base + 4]), base + 4 + 3);
    assert.equal(timeOf([3, 1, 1, 1, 1], [base + 7, base + 1, base + 2, base + 3, base + 4]), base + 4);
  });

  it('does not follow one clock an hour off', () => {
    const base = 10_000_000;
    const hour = 3_600_000;
    assert.equal(timeOf([1, 1, 1, 1], [base, base + hour, base + 1, base + 2]), base + 2);
    assert.equal(timeOf([1, 1, 1, 1], [base, base - hour, base + 1, base + 2]), base + 1);
  });

  it('starts at the time of genesis and never goes back', () => {
    const { universe, linearizer, start, layer } = setup();
    const one = layer(1, universe.roots, [1, 1, 1, 1]);
    const two = layer(2, refsOf(one));
    const first = linearizer.commit(start, nth(one, 1)).commit;
    assert.equal(first.timeMs, universe.options.genesis.timeMs);
    assert.equal(linearizer.commit(after(first), nth(two, 2)).commit.timeMs, universe.options.genesis.timeMs);
  });
});
