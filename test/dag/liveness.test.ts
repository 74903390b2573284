import assert from 'node:assert/strict';
import { describe, it, mock } from 'node:test';
import { Core, type ProposeInput } from '../../src/consensus/index.ts';
import { Pacemaker } from '../../src/consensus/pacemaker.ts';
import type { BlockRef, VerifiedHeader } from '../../src/types/block.ts';
import { Prng } from '../../src/util/prng.ts';
import { LIAR, neverVotes, newestAt, silentAsLeader } from './faulty-members.ts';
import { type Member, Network } from './network.ts';
import { assertPrefixes } from './observer.ts';

const FAST_MS = 1;
const SLOW_MS = 3;
/** Stalls let the leader timeout grow to three seconds, so rounds without commits are slow. */
const JUMP_RUN_MS = 120_000;
const HEALTHY_RUN_MS = 2_000;

describe('a network without faults', () => {
  for (const [members, leaders] of [
    [1, 1],
    [2, 2],
    [3, 3],
    [4, 1],
    [4, 4],
    [7, 2],
  ] as const) {
    it(`of ${members} commits every slot directly at ${leaders} leaders a round, without a timeout`, () => {
      const network = new Network({ members, leaders, delayMs: () => 4 });
      network.run(1_000);
      assertSameCommits(network);
      for (const { core, decisions } of network.members) {
        assert.equal(decisions.get('indirect-commit') ?? 0, 0);
        assert(
          core.lastCommit.leaderRound >= core.highestRound - 3,
          `${core.lastCommit.leaderRound} of ${core.highestRound}`,
        );
        assert(core.highestRound >= 190, `only ${core.highestRound} rounds in a second of 5 ms each`);
      }
    });
  }
});

describe('a member that is always first and never votes', () => {
  it('does not keep the others from committing directly', () => {
    const network = networkWithNonVoter();
    network.run(2_000);
    assertSameCommits(network);
    const honest = network.members.slice(0, LIAR);
    for (const { digests, decisions, core } of honest) {
      const honestSlots = Math.floor((core.highestRound * 3) / 4) - 5;
      assert(
        (decisions.get('direct-commit') ?? 0) >= honestSlots,
        `${digests.length} commits of ${core.highestRound} rounds`,
      );
    }
  });

  it('does keep them from it when the wait for votes is taken out', () => {
    const planted = mock.method(Pacemaker.prototype, 'stillOpen', () => false);
    try {
      const network = networkWithNonVoter();
      network.run(2_000);
      const [first] = network.members;
      assert((first?.core.highestRound ?? 0) > 100, 'rounds go on');
      assert.equal(first?.decisions.get('direct-commit') ?? 0, 0);
    } finally {
      planted.mock.restore();
    }
  });
});

describe('members that are led past the rounds they lead', () => {
  it('build these rounds all the same, and commits go on', () => {
    const { network, longestHoldMs } = networkLedPastLeaders();
    network.run(HEALTHY_RUN_MS);
    assertSameCommits(network);
    const { core, digests } = network.members[1] as Member;
    assert(digests.length > 100, `${digests.length} commits of ${core.highestRound} rounds`);
    assert(longestHoldMs() < 100, `a block was held for ${longestHoldMs()} ms, a leader timeout is 400`);
  });

  it('never commit anything when they jump to the newest quorum instead', () => {
    const planted = plantFreeJumping();
    try {
      const { network, longestHoldMs } = networkLedPastLeaders();
      network.run(JUMP_RUN_MS);
      const { core, digests } = network.members[1] as Member;
      assert(core.highestRound > 100, `${core.highestRound} rounds`);
      assert.equal(digests.length, 0);
      assert(longestHoldMs() < 100, `a block was held for ${longestHoldMs()} ms, a leader timeout is 400`);
      // Nobody can be led past round 1: genesis needs no sending.
      for (let round = 2; round < core.highestRound - 2; round++) {
        const votes = core.dag
          .blocksAt(round + 1)
          .filter(({ ancestors }) => ancestors.some((ref) => ref.author === round % 4 && ref.round === round));
        assert(votes.length <= 2, `the leader of round ${round} has ${votes.length} votes, more than 2f`);
      }
    } finally {
      planted.mock.restore();
    }
  });
});

describe('a crashed member', () => {
  it('costs timeouts for eight rounds, then none', () => {
    const network = new Network({ members: 4, leaders: 1, delayMs: () => 4 });
    network.run(200);
    network.members[2]?.stop();
    network.run(3_000);
    const afterTimeouts = network.members[0]?.core.highestRound ?? 0;
    network.run(4_000);
    const rounds = (network.members[0]?.core.highestRound ?? 0) - afterTimeouts;
    assert(rounds >= 190, `only ${rounds} rounds in a second of 5 ms each`);
    assertSameCommits(network, [0, 1, 3]);
  });

  it('is back in the rounds at once, and needed when another one crashes', () => {
    const network = new Network({ members: 4, leaders: 4, delayMs: () => 4 });
    network.run(200);
    network.members[2]?.stop();
    network.run(2_000);
    network.members[3]?.stop();
    network.run(5_000);
    const stuck = network.members[0]?.digests.length ?? 0;
    network.run(6_000);
    assert.equal(network.members[0]?.digests.length, stuck, 'two of four are no quorum');
    network.members[2]?.wake();
    network.run(8_000);
    assert((network.members[0]?.digests.length ?? 0) > stuck + 50, 'the returned member completes the quorum');
    assertSameCommits(network, [0, 1, 2]);
  });

  it('halts three members, and nothing is lost when it returns', () => {
    const network = new Network({ members: 3, leaders: 3, delayMs: () => 4 });
    network.run(200);
    network.members[1]?.stop();
    network.run(1_000);
    const before = network.members[0]?.digests.length ?? 0;
    assert(before > 0);
    network.members[1]?.wake();
    network.run(2_000);
    assert((network.members[0]?.digests.length ?? 0) > before + 50);
    assertSameCommits(network);
  });
});

describe('a leader that is silent in its own slots', () => {
  it('is paused for longer each time, so that it costs a small part of the time', () => {
    const network = new Network({
      members: 4,
      leaders: 1,
      delayMs: () => 3,
      faulty: new Map([[LIAR, silentAsLeader]]),
    });
    network.run(10_000);
    const first = network.members[0]?.core.highestRound ?? 0;
    network.run(20_000);
    const rounds = (network.members[0]?.core.highestRound ?? 0) - first;
    // A healthy round takes 4 ms; without the pause every fourth one would take 400 ms, and 10 s see 100 rounds.
    assert(rounds > 2_000, `${rounds} rounds in 10 s`);
    assertSameCommits(network);
    assert.equal(network.members[0]?.core.dag.blocksOf(LIAR, 4 * 100 + LIAR).length, 0, 'it was silent');
  });

  it('costs nearly all of the time when pauses are taken out', () => {
    const planted = mock.method(Pacemaker.prototype, 'isPaused', () => false);
    try {
      const network = new Network({
        members: 4,
        leaders: 1,
        delayMs: () => 3,
        faulty: new Map([[LIAR, silentAsLeader]]),
      });
      network.run(10_000);
      assert((network.members[0]?.core.highestRound ?? 0) < 150);
    } finally {
      planted.mock.restore();
    }
  });
});

describe('lost and delayed blocks', () => {
  for (const seed of [1, 2, 3, 4, 5]) {
    it(`stop nothing for long, seed ${seed}`, () => {
      const prng = new Prng(seed);
      const network = new Network({
        members: 4,
        leaders: prng.pick([1, 2, 4]),
        gcDepth: 50,
        delayMs: (_, __, nowMs) =>
          nowMs < 4_000 && prng.chance(0.1) ? undefined : 1 + prng.below(nowMs < 4_000 ? 60 : 10),
      });
      network.run(4_000);
      const [before] = network.members;
      const atHeal = before?.core.lastCommit.index ?? 0;
      // What a link owes is pushed again by the exchange; here once, when the losses stop.
      for (const member of network.members) member.wake();
      network.run(10_000);
      for (const { core } of network.members)
        assert(core.lastCommit.index > atHeal + 100, `${core.lastCommit.index} of ${atHeal}`);
      assertSameCommits(network);
    });
  }
});

/** Blocks of the round's leader are fast, of the liar at once, of everybody else slow: a quorum forms before the last honest vote. */
function networkWithNonVoter(): Network {
  return new Network({
    members: 4,
    leaders: 1,
    delayMs: ({ author, round }) => (author === LIAR ? 0 : author === round % 4 ? FAST_MS : SLOW_MS),
    faulty: new Map([[LIAR, neverVotes]]),
  });
}

/**
 * The published attack on free round-jumping, bounded delays included: members B and D are handed the block of the leader before them, and all that names
 * it, only once the others have a quorum in the round that they lead themselves; A, which is faulty, votes for nobody, itself included.
 */
function networkLedPastLeaders(): { readonly network: Network; readonly longestHoldMs: () => number } {
  const held = new Map<number, { readonly block: VerifiedHeader; readonly sinceMs: number }[]>([
    [1, []],
    [3, []],
  ]);
  let longestHoldMs = 0;
  const release = (victim: number, round: number, nowMs: number) => {
    const blocks = held.get(victim) ?? [];
    const authors = new Set(blocks.filter(({ block }) => block.round === round).map(({ block }) => block.author));
    if (authors.size < 3) return;
    held.set(victim, []);
    network.at(nowMs + FAST_MS, () => {
      const member = network.members[victim] as Member;
      for (const { block, sinceMs } of blocks) {
        longestHoldMs = Math.max(longestHoldMs, network.nowMs - sinceMs);
        member.core.insert(block, network.nowMs);
      }
      member.poll();
    });
  };
  const network: Network = new Network({
    members: 4,
    leaders: 1,
    delayMs: (block, to, nowMs) => {
      const blocks = held.get(to);
      const isLeader = block.author === block.round % 4;
      const holds = (round: number) => round % 4 === to;
      if (blocks === undefined || (block.round === 0 && isLeader)) return FAST_MS;
      if (!(isLeader && holds(block.round + 1)) && !holds(block.round)) return FAST_MS;
      blocks.push({ block, sinceMs: nowMs });
      release(to, block.round, nowMs);
      return undefined;
    },
    faulty: new Map([[0, votesForNobody]]),
  });
  return { network, longestHoldMs: () => longestHoldMs };
}

/** What the pacing rule forbids: a member goes straight to the round after the newest one with a quorum. */
function plantFreeJumping() {
  const propose = Core.prototype.propose;
  return mock.method(Core.prototype, 'propose', function (this: Core, nowMs: number, input: ProposeInput) {
    let newest = this.highestRound;
    while (newest > 0 && new Set(this.dag.blocksAt(newest).map(({ author }) => author)).size < 3) newest -= 1;
    this.barRounds(newest);
    return propose.call(this, nowMs, input);
  });
}

/** Leads last of all, references three blocks of the round below but not that of its leader: after its own turn an older one of its own. */
function votesForNobody(core: Core, round: number): readonly BlockRef[] | undefined {
  if (round % 4 === 0 && [1, 2, 3].some((author) => newestAt(core, author, round) === undefined)) return undefined;
  const leader = (round - 1) % 4;
  const below = [1, 2, 3].map((author) => newestAt(core, author, round - 1)).filter((ref) => ref !== undefined);
  if (leader === 0 && round > 1) {
    const older = newestAt(core, 0, round - 2) ?? core.genesisRef(0);
    return below.length === 3 ? [older, ...below] : undefined;
  }
  const others = below.filter(({ author }) => round === 1 || author !== leader);
  return others.length >= 2 ? [newestAt(core, 0, round - 1) ?? core.genesisRef(0), ...others] : undefined;
}

function assertSameCommits(network: Network, members = network.members.map((_, author) => author)): void {
  const lists = members.map((author) => network.members[author]?.digests ?? []);
  for (const list of lists) assert(list.length > 0, 'a run that commits nothing proves nothing');
  assertPrefixes(lists, 'members committed differently');
}
