import type { Core } from '../../src/consensus/index.ts';
import { assert } from '../../src/util/assert.ts';
import type { Cluster } from '../support/cluster.ts';
import type { Checkers } from './checkers.ts';
import type { Clients } from './clients.ts';
import type { Outcome } from './profile.ts';

const FINISHING_MS = 120_000;
const RESUBMIT_EVERY_MS = 1_000;

export interface Ending {
  readonly cluster: Cluster;
  readonly clients: Clients;
  readonly checkers: Checkers;
  readonly honest: readonly number[];
}

/** A healed network commits at once and finishes everything that was submitted. */
export async function finishAll(
  ending: Ending,
): Promise<Pick<Outcome, 'commits' | 'transactions' | 'virtualMs' | 'decisions' | 'fingerprint'>> {
  const { cluster, clients, checkers } = ending;
  await expectCommits(ending);
  const untilMs = cluster.time.monotonicMs() + FINISHING_MS;
  while (!clients.allFinal() && cluster.time.monotonicMs() < untilMs) {
    await clients.resubmit();
    await cluster.run(RESUBMIT_EVERY_MS);
    checkers.check();
  }
  assert(clients.allFinal(), `not final after healing: ${clients.open().join(', ')}`);
  clients.assertState();
  return {
    commits: checkers.check(),
    transactions: clients.ids().length,
    virtualMs: cluster.time.monotonicMs(),
    decisions: cluster.decisions,
    fingerprint: cluster.fingerprint(),
  };
}

/** 3(f + 1) + 4 rounds or four leader timeouts, whichever is later, and twice that for the worst run. */
async function expectCommits({ cluster, clients, honest }: Ending): Promise<void> {
  // Asked again each time: a node that synchronised commits goes on with another core.
  const cores = (): Core[] => honest.map((node) => cluster.validator(node).replica.core);
  const highest = (): number => Math.max(...cores().map(({ highestRound }) => highestRound));
  const before = cores().map(({ lastCommit }) => lastCommit.index);
  const lastRound = highest() + 2 * (3 * (cluster.genesis.committee.f + 1) + 4);
  const timeoutsMs = 8 * Math.max(...cores().map(({ leaderTimeoutMs }) => leaderTimeoutMs));
  await clients.submit(1);
  const committed = (): boolean => cores().every(({ lastCommit }, i) => lastCommit.index > (before[i] as number));
  if (await cluster.runUntil(committed, timeoutsMs)) return;
  await cluster.runUntil(() => committed() || highest() > lastRound, FINISHING_MS);
  const rounds = cores().map(({ highestRound }) => highestRound);
  assert(committed(), `no commit ${timeoutsMs} ms after healing, at rounds ${rounds.join(', ')}`);
}
