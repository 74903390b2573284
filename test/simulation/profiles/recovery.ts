import { assert } from '../../../src/util/assert.ts';
import { Prng } from '../../../src/util/prng.ts';
import { Cluster } from '../../support/cluster.ts';
import { Clients } from '../clients.ts';
import type { Profile, Witness } from '../profile.ts';

/** All with fault tolerance: without it nobody may lose a disk with blocks under way. */
const COMMITTEES = [
  [1, 1, 1, 1],
  [1, 1, 1, 1, 1],
  [2, 2, 2, 1],
] as const;
const TURNS = 3;
const LINKED_MS = 3_000;
const LIMIT_MS = 30_000;

/** Short lives of small networks: power cuts of all at any instant, and one member that loses its disk with blocks under way. */
export const RECOVERY: Profile = {
  name: 'recovery',
  about:
    'power cuts of all members at any instant, a member that loses its disk with blocks under way; 4 and 5 members',
  run: async (seed, witness) => {
    const prng = new Prng(seed);
    const powers = prng.pick(COMMITTEES);
    const cluster = build(seed, powers, prng, witness);
    const clients = new Clients(cluster, prng);
    const faults: Record<string, number> = {};
    const wipeAt = prng.below(TURNS);
    await cluster.startAll();
    await cluster.run(LINKED_MS);
    for (let turn = 0; turn < TURNS; turn++) {
      await clients.submit(prng.below(8));
      await cluster.run(prng.below(400));
      const fault = turn === wipeAt ? 'wiped' : 'power-cut-of-all';
      faults[fault] = (faults[fault] ?? 0) + 1;
      if (fault === 'wiped') await loseDisk(cluster, clients, prng);
      else await cutPower(cluster, prng);
      await finish(cluster, clients);
    }
    clients.assertState();
    return {
      setting: JSON.stringify({ powers }),
      commits: cluster.assertAgreement().size,
      transactions: clients.ids().length,
      virtualMs: cluster.time.monotonicMs(),
      faults,
      decisions: cluster.decisions,
      fingerprint: cluster.fingerprint(),
    };
  },
};

function build(seed: number, powers: readonly number[], prng: Prng, witness: Witness): Cluster {
  const jitterMs = prng.pick([3, 40]);
  const cluster = new Cluster({
    powers,
    seed,
    parameters: { gcDepth: prng.pick([10, 60]), checkpointSpacingMs: 100 },
    network: { latencyMs: () => 1 + prng.below(jitterMs) },
    replica: { snapshotEveryMs: 1_000 },
    trace: witness.trace,
  });
  witness.watch(cluster);
  return cluster;
}

/** What the member says at last reaches some or nobody; then its disk is gone. */
async function loseDisk(cluster: Cluster, clients: Clients, prng: Prng): Promise<void> {
  const { committee } = cluster.genesis;
  const members = [...cluster.nodes.keys()];
  const victim = prng.pick(members.filter((member) => committee.power(member) <= committee.f));
  await cluster.run(prng.below(5_000));
  const silence = prng.pick([0.7, 1]);
  for (const other of members) if (other !== victim && prng.chance(silence)) cluster.network.block(victim, other);
  // The others, idle, do not leave it behind.
  await clients.submit(1, victim);
  await cluster.run(prng.below(60));
  cluster.wipe(victim);
  cluster.network.heal();
  await cluster.start(victim, true);
  const recovered = (): boolean => cluster.validator(victim).replica.recovery === undefined;
  assert(await cluster.runUntil(recovered, LIMIT_MS), `node ${victim} does not recover its identity`);
}

/** Some stop in the middle of what they write; all are off for a while. */
async function cutPower(cluster: Cluster, prng: Prng): Promise<void> {
  for (const { disk } of cluster.nodes)
    if (prng.chance(0.7)) disk.crashAt(1 + prng.below(12), prng.pick(['before', 'after']));
  await cluster.runUntil(() => {
    for (const [index, { disk }] of cluster.nodes.entries()) if (disk.isOff) cluster.crash(index, 'power-cut');
    return false;
  }, prng.below(600));
  for (const index of cluster.nodes.keys()) cluster.crash(index, 'power-cut');
  await cluster.run(prng.below(5_000));
  for (const index of cluster.nodes.keys()) await cluster.start(index);
}

/** Whatever was submitted becomes final. */
async function finish(cluster: Cluster, clients: Clients): Promise<void> {
  const untilMs = cluster.time.monotonicMs() + LIMIT_MS;
  await clients.submit(1);
  do {
    assert(cluster.time.monotonicMs() < untilMs, `not final: ${clients.open().join(', ')}`);
    await cluster.run(500);
    await clients.resubmit();
    cluster.assertAgreement();
  } while (!clients.allFinal());
}
