import type { VerifiedHeader } from '../../../src/types/block.ts';
import { assert } from '../../../src/util/assert.ts';
import { Prng } from '../../../src/util/prng.ts';
import { LIAR, neverVotes, silentAsLeader } from '../../dag/faulty-members.ts';
import { Network, type NetworkOptions } from '../../dag/network.ts';
import { assertPrefixes } from '../../dag/observer.ts';
import type { Outcome, Profile } from '../profile.ts';

const KINDS = ['healthy', 'late-leader', 'non-voter', 'silent-leader', 'crash', 'two-down', 'losses'] as const;
type Kind = (typeof KINDS)[number];
/** From the proposal to the block being durable (test/dag/network.ts). */
const DURABLE_MS = 1;
const RUN_MS = 3_000;
const LONG_RUN_MS = 12_000;

/** Consensus cores alone in virtual time: rounds keep the pace of the network whatever one member does. */
export const PACING: Profile = {
  name: 'pacing',
  about:
    'cores in virtual time: no timeouts without faults; late leader, non-voter, silent leader, crashes and losses cost little',
  run: async (seed) => {
    const prng = new Prng(seed);
    const kind = prng.pick(KINDS);
    const delayMs = 2 + prng.below(10);
    const network = build(kind, delayMs, prng);
    const untilMs = SCRIPTS[kind](network, delayMs);
    return outcomeOf(kind, delayMs, network, untilMs);
  },
};

/** Each runs its network, checks the pace, and returns when it ended. */
const SCRIPTS: Readonly<Record<Kind, (network: Network, delayMs: number) => number>> = {
  healthy: (network, delayMs) => {
    network.run(RUN_MS);
    for (const { core, decisions } of network.members) {
      assert((decisions.get('indirect-commit') ?? 0) === 0, 'every slot is committed directly');
      assert(core.lastCommit.leaderRound >= core.highestRound - 3, 'commits follow the rounds');
    }
    expectRounds(network, 0, RUN_MS, delayMs);
    return RUN_MS;
  },
  'late-leader': (network) => {
    network.run(RUN_MS);
    for (const { core, decisions } of network.members) {
      const direct = decisions.get('direct-commit') ?? 0;
      assert(direct >= core.highestRound - 5, `${direct} direct commits in ${core.highestRound} rounds`);
    }
    return RUN_MS;
  },
  'non-voter': (network) => {
    network.run(RUN_MS);
    for (const { core, decisions } of network.members.slice(0, LIAR)) {
      const honestSlots = Math.floor((core.highestRound * 3) / 4) - 5;
      const direct = decisions.get('direct-commit') ?? 0;
      assert(direct >= honestSlots, `${direct} direct commits of ${honestSlots} honest leaders`);
    }
    return RUN_MS;
  },
  'silent-leader': (network, delayMs) => {
    network.run(LONG_RUN_MS);
    const rounds = highest(network);
    network.run(2 * LONG_RUN_MS);
    expectRounds(network, rounds, LONG_RUN_MS, 2 * delayMs);
    return 2 * LONG_RUN_MS;
  },
  crash: (network, delayMs) => {
    network.run(200);
    network.members[2]?.stop();
    network.run(RUN_MS + 1_000);
    const rounds = highest(network);
    network.run(2 * RUN_MS);
    expectRounds(network, rounds, RUN_MS - 1_000, delayMs);
    return 2 * RUN_MS;
  },
  /** Two of four stop; the first to return completes the quorum. */
  'two-down': (network) => {
    network.run(200);
    network.members[2]?.stop();
    network.run(1_000);
    network.members[3]?.stop();
    network.run(2_000);
    const before = network.members[0]?.digests.length ?? 0;
    network.members[2]?.wake();
    network.run(5_000);
    const commits = (network.members[0]?.digests.length ?? 0) - before;
    assert(commits > 20, `${commits} commits in three seconds after the quorum is complete again`);
    return 5_000;
  },
  /** What a link owes is pushed again by the exchange; here once, when the losses stop. */
  losses: (network) => {
    network.run(4_000);
    const before = network.members[0]?.core.lastCommit.index ?? 0;
    for (const member of network.members) member.wake();
    network.run(8_000);
    for (const { core } of network.members)
      assert(core.lastCommit.index > before + 50, `${core.lastCommit.index - before} commits after the losses`);
    return 8_000;
  },
};

function build(kind: Kind, delayMs: number, prng: Prng): Network {
  const leaders = kind === 'healthy' || kind === 'losses' || kind === 'two-down' ? prng.pick([1, 2, 4]) : 1;
  const members = kind === 'healthy' ? prng.pick([1, 2, 3, 4, 7]) : 4;
  const delays: Partial<Record<Kind, NetworkOptions['delayMs']>> = {
    'late-leader': ({ author, round }) => (author === round % 4 ? 3 * delayMs : delayMs),
    'non-voter': ({ author, round }) => (author === LIAR ? 0 : author === round % 4 ? 1 : 1 + delayMs),
    losses: (_, __, nowMs) =>
      nowMs < 4_000 && prng.chance(0.1) ? undefined : 1 + prng.below(nowMs < 4_000 ? 60 : delayMs),
  };
  const faulty = { 'non-voter': neverVotes, 'silent-leader': silentAsLeader } as const;
  const network: Network = new Network({
    members,
    leaders: Math.min(leaders, members),
    delayMs: (block, to, nowMs) => {
      assertNoJump(network, block);
      return (delays[kind] ?? (() => delayMs))(block, to, nowMs);
    },
    ...(kind === 'non-voter' || kind === 'silent-leader' ? { faulty: new Map([[LIAR, faulty[kind]]]) } : {}),
  });
  return network;
}

/** A correct member builds in every round, but for those whose slots are all decided (docs/spec/commit-rule.md, "Pacing"). */
function assertNoJump({ members, options, universe }: Network, { author, round, ancestors }: VerifiedHeader): void {
  if (options.faulty?.has(author)) return;
  const { core } = members[author] as (typeof members)[number];
  for (let skipped = (ancestors[0]?.round ?? 0) + 1; skipped < round; skipped++)
    for (let offset = 0; offset < universe.options.parameters.leadersPerRound; offset++)
      assert(
        core.statusOf({ round: skipped, offset }).decision !== 'undecided',
        `${author} jumped from round ${ancestors[0]?.round} to ${round}`,
      );
}

/** Rounds take one delay and the disk; a tenth may be lost to timeouts. */
function expectRounds(network: Network, before: number, spentMs: number, delayMs: number): void {
  const rounds = highest(network) - before;
  const expected = Math.floor((0.9 * spentMs) / (delayMs + DURABLE_MS)) - 2;
  assert(rounds >= expected, `${rounds} rounds in ${spentMs} ms of ${delayMs} ms each, not ${expected}`);
}

function highest({ members }: Network): number {
  return members[0]?.core.highestRound ?? 0;
}

function outcomeOf(kind: Kind, delayMs: number, network: Network, virtualMs: number): Outcome {
  assertPrefixes(
    network.members.map(({ digests }) => digests),
    'members committed differently',
  );
  const decisions: Record<string, number> = {};
  for (const member of network.members)
    for (const [decision, count] of member.decisions) decisions[decision] = (decisions[decision] ?? 0) + count;
  const longest = network.members.reduce((a, b) => (b.digests.length > a.digests.length ? b : a));
  return {
    setting: `${kind}, ${network.members.length} members, ${delayMs} ms`,
    commits: longest.digests.length,
    transactions: 0,
    virtualMs,
    faults: kind === 'healthy' ? {} : { [kind]: 1 },
    decisions,
    fingerprint: (longest.digests.at(-1) ?? '').slice(0, 16),
  };
}
