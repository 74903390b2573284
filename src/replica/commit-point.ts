import { type CommitPoint, type CoreOptions, LeaderSchedule } from '../consensus/index.ts';
import type { Commit } from '../types/commit.ts';
import { assertDefined } from '../util/assert.ts';

/** The end of the sequence of commits after `commit`, from which a core goes on. */
export function commitPoint({ committee, parameters }: CoreOptions, commit: Commit): CommitPoint {
  const { leadersPerRound, gcDepth } = parameters;
  const schedule = new LeaderSchedule({ members: committee.size, leadersPerRound, gcDepth });
  const { index, digest, timeMs, leader } = commit;
  const slot = assertDefined(schedule.slotOf(leader.author, leader.round), 'a committed block leads its slot');
  return { index, digest, timeMs, leaderRound: leader.round, slot };
}
