import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { LeaderSchedule } from '../../../src/consensus/leader-schedule.ts';

describe('leader schedule', () => {
  it('goes round the members, one further each round', () => {
    const schedule = new LeaderSchedule({ members: 4, leadersPerRound: 2, gcDepth: 10 });
    const leaders = [1, 2, 3, 4].map((round) => schedule.slots(round).map((slot) => schedule.leader(slot)));
    assert.deepEqual(leaders, [
      [1, 2],
      [2, 3],
      [3, 0],
      [0, 1],
    ]);
  });

  it('never gives two slots of a round to one member', () => {
    for (let members = 1; members <= 20; members++) {
      for (const leadersPerRound of [1, Math.min(2, members), members]) {
        const schedule = new LeaderSchedule({ members, leadersPerRound, gcDepth: 10 });
        for (let round = 1; round <= members; round++) {
          const leaders = schedule.slots(round).map((slot) => schedule.leader(slot));
          assert.equal(new Set(leaders).size, leadersPerRound);
        }
      }
    }
  });

  it('has no slot in round 0, and numbers the others without a gap', () => {
    const schedule = new LeaderSchedule({ members: 7, leadersPerRound: 3, gcDepth: 10 });
    assert.deepEqual(schedule.slots(0), []);
    assert.deepEqual(schedule.slots(-1), []);
    const positions = [1, 2, 3].flatMap((round) => schedule.slots(round).map((slot) => schedule.position(slot)));
    const first = schedule.position(schedule.origin) + 1;
    assert.deepEqual(
      positions,
      [0, 1, 2, 3, 4, 5, 6, 7, 8].map((i) => first + i),
    );
    for (const position of positions) assert.equal(schedule.position(schedule.slotAt(position)), position);
  });

  it('votes one, certifies two and anchors three rounds on', () => {
    const schedule = new LeaderSchedule({ members: 4, leadersPerRound: 1, gcDepth: 10 });
    const slot = { round: 5, offset: 0 };
    assert.deepEqual(
      [schedule.votingRound(slot), schedule.certifyingRound(slot), schedule.firstAnchorRound(slot)],
      [6, 7, 8],
    );
  });

  it('completes a round at its last slot only', () => {
    const schedule = new LeaderSchedule({ members: 4, leadersPerRound: 2, gcDepth: 10 });
    assert.equal(schedule.completedRound(schedule.origin), 0);
    assert.equal(schedule.completedRound({ round: 3, offset: 0 }), 2);
    assert.equal(schedule.completedRound({ round: 3, offset: 1 }), 3);
  });

  it('collects gcDepth rounds below the committed leader, and nothing before', () => {
    const schedule = new LeaderSchedule({ members: 4, leadersPerRound: 1, gcDepth: 10 });
    assert.deepEqual(
      [0, 9, 10, 11, 500].map((round) => schedule.gcRoundAfter(round)),
      [0, 0, 0, 1, 490],
    );
  });
});
