import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { Committer } from '../../../src/consensus/committer.ts';
import { Dag } from '../../../src/consensus/dag.ts';
import { ConsensusHalt } from '../../../src/consensus/errors.ts';
import { LeaderSchedule } from '../../../src/consensus/leader-schedule.ts';
import type { VerifiedHeader } from '../../../src/types/block.ts';
import { refsOf } from '../../dag/refs.ts';
import { Universe } from '../../dag/universe.ts';

interface Setup {
  readonly universe: Universe;
  readonly schedule: LeaderSchedule;
  readonly committer: Committer;
  readonly add: (...blocks: readonly VerifiedHeader[]) => void;
}

function setup(leaders = 1): Setup {
  const universe = new Universe({ powers: [1, 1, 1, 1], leaders });
  const { committee } = universe;
  const schedule = new LeaderSchedule({ members: 4, leadersPerRound: leaders, gcDepth: 100 });
  const dag = new Dag(committee, 0);
  const committer = new Committer({ committee, schedule, dag });
  const add = (...blocks: readonly VerifiedHeader[]) => {
    for (const block of blocks) {
      dag.insert(block);
      committer.observe(block);
    }
  };
  return { universe, schedule, committer, add };
}

function halt(act: () => void): ConsensusHalt {
  try {
    act();
  } catch (error) {
    assert(error instanceof ConsensusHalt);
    return error;
  }
  assert.fail('no halt');
}

describe('committer', () => {
  it('decides the same again until a block changes it', () => {
    const { universe, schedule, committer, add } = setup();
    const one = universe.layer(1, universe.roots);
    const two = universe.layer(2, refsOf(one));
    add(...one, ...two);
    assert.deepEqual(committer.decide(schedule.origin), []);
    add(...universe.layer(3, refsOf(two)));
    const decided = committer.decide(schedule.origin);
    assert.deepEqual(decided, [{ slot: { round: 1, offset: 0 }, decision: 'direct-commit', leader: one[1] }]);
    assert.deepEqual(committer.decide(schedule.origin), decided);
    assert.deepEqual(committer.decide({ round: 1, offset: 0 }), []);
  });

  it('stops at the first gap', () => {
    const { universe, schedule, committer, add } = setup(2);
    const one = universe.layer(1, universe.roots);
    const without = refsOf(one.filter((block) => block.author !== 1));
    const two = [...universe.layer(2, refsOf(one), [0, 1]), ...universe.layer(2, without, [2, 3])];
    add(...one, ...two, ...universe.layer(3, refsOf(two)));
    assert.equal(committer.statusOf({ round: 1, offset: 1 }, schedule.origin).decision, 'direct-commit');
    assert.deepEqual(committer.decide(schedule.origin), []);
  });

  it('counts the power of votes', () => {
    const { universe, committer, add } = setup();
    const one = universe.layer(1, universe.roots);
    add(...one, ...universe.layer(2, refsOf(one), [0, 1]));
    const candidate = one[1] as VerifiedHeader;
    assert.equal(committer.votePower({ round: 1, offset: 0 }, candidate.ref.id), 2);
    assert.equal(committer.votePower({ round: 2, offset: 0 }, candidate.ref.id), 0);
  });

  it('keeps a settled status until its round is collected', () => {
    const { universe, schedule, committer, add } = setup();
    const one = universe.layer(1, universe.roots);
    const two = universe.layer(2, refsOf(one));
    add(...one, ...two, ...universe.layer(3, refsOf(two)));
    for (const status of committer.decide(schedule.origin)) committer.settle(status);
    const last = { round: 1, offset: 0 };
    assert.equal(committer.statusOf(last, last).decision, 'direct-commit');
    committer.collect(1, 1);
    assert.equal(committer.statusOf(last, last).decision, 'undecided');
  });
});

describe('more than f faulty', () => {
  it('halts at two certified candidates of a slot, with both sets of certificates', () => {
    const { universe, schedule, committer, add } = setup();
    const one = universe.layer(1, universe.roots);
    const twin = universe.block(1, 1, universe.roots);
    const other = refsOf([...one.filter((block) => block.author !== 1), twin]);
    const votes = universe.layer(2, refsOf(one), [0, 1, 2]);
    const otherVotes = universe.layer(2, other, [1, 2, 3]);
    add(...one, twin, ...votes, ...otherVotes);
    const first = universe.block(0, 3, refsOf(votes));
    const second = universe.block(3, 3, refsOf(otherVotes));
    add(first);
    const error = halt(() => add(second));
    assert.deepEqual([error.code, error.fields], ['CONSENSUS_HALT', { round: 1, offset: 0 }]);
    assert.deepEqual(error.proofs, [[first], [second]]);
    assert.equal(committer.halted, true);
    assert.equal(
      halt(() => committer.decide(schedule.origin)),
      error,
    );
  });

  it('halts at a certificate for a slot that a quorum blames', () => {
    const { universe, add } = setup();
    const one = universe.layer(1, universe.roots);
    const without = refsOf(one.filter((block) => block.author !== 1));
    const votes = universe.layer(2, refsOf(one), [0, 1, 2]);
    const blames = universe.layer(2, without, [0, 2, 3]);
    add(...one, ...votes, ...blames);
    const certificate = universe.block(0, 3, refsOf(votes));
    const error = halt(() => add(certificate));
    assert.deepEqual(error.proofs, [blames, [certificate]]);
  });

  it('halts at blames that come after the certificate', () => {
    const { universe, add } = setup();
    const one = universe.layer(1, universe.roots);
    const without = refsOf(one.filter((block) => block.author !== 1));
    const votes = universe.layer(2, refsOf(one), [0, 1, 2]);
    const blames = universe.layer(2, without, [0, 2, 3]);
    add(...one, ...votes, universe.block(0, 3, refsOf(votes)), ...blames.slice(0, 2));
    assert.equal(halt(() => add(...blames.slice(2))).code, 'CONSENSUS_HALT');
  });

  it('halts when a quorum commits what was skipped', () => {
    const { universe, schedule, committer, add } = setup();
    const one = universe.layer(1, universe.roots);
    const without = refsOf(one.filter((block) => block.author !== 1));
    const votes = universe.layer(2, refsOf(one), [0, 1]);
    const blames = universe.layer(2, without, [2, 3]);
    const two = [...votes, ...blames];
    let below = universe.layer(3, refsOf(two));
    add(...one, ...two, ...below);
    for (let round = 4; round <= 6; round++) {
      below = universe.layer(round, refsOf(below));
      add(...below);
    }
    const [status] = committer.decide(schedule.origin);
    assert.equal(status?.decision, 'indirect-skip');
    committer.settle(status);
    const lateVote = universe.block(2, 2, refsOf(one));
    const certificates = universe.layer(3, refsOf([...votes, lateVote]), [0, 1, 2]);
    add(lateVote, ...certificates.slice(0, 2));
    const error = halt(() => add(...certificates.slice(2)));
    assert.deepEqual(error.proofs, [[], certificates]);
  });
});
