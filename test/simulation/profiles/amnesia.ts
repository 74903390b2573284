import type { WireBlock } from '../../../src/types/message.ts';
import { assert } from '../../../src/util/assert.ts';
import { Prng } from '../../../src/util/prng.ts';
import { Cluster } from '../../support/cluster.ts';
import { Puppet } from '../../support/puppet.ts';
import { Checkers } from '../checkers.ts';
import { Clients } from '../clients.ts';
import { finishAll } from '../ending.ts';
import type { Profile, Witness } from '../profile.ts';

/** All with one fault tolerated: the one member that forgets. */
const POWERS = [1, 1, 1, 1];
const LINKED_MS = 3_000;
const RECOVERY_MS = 20_000;
/** A member without its lease says nothing. */
const BARRED_MS = 3_500;
const HEALED_MS = 8_000;
const LONGEST_ABSENCE_MS = 1_500;
/** Own blocks that a faulty member sends again when a peer asks. */
const SAID_AGAIN = 5;
const NOTHING_SAID = { type: 'recovery-reply', ownLatest: undefined, yours: undefined, yoursHighestRound: 0 } as const;

/** Who does what; the fourth goes on. */
interface Cast {
  /** Loses its disk, with its last words under way. */
  readonly victim: number;
  /** Cut off from all but the victim, and behind. */
  readonly absent: number;
  /** Answers the victim only once the cut heals; undefined: there is none. */
  readonly late: number | undefined;
  /** In the hands of an adversary: tells the victim that it has said nothing; undefined: there is none. */
  readonly liar: number | undefined;
}

/**
 * A member forgets what it said while the answers it needs come from members that are behind, late or lie: nobody moves on meanwhile, so that the
 * first round it may sign is the one that the rule says, and nothing else saves it (docs/spec/storage.md, "Recovery of an identity").
 */
export const AMNESIA: Profile = {
  name: 'amnesia',
  about: 'a member that lost its disk hears from members that are behind, late or lie, while nobody can move on',
  run: async (seed, witness) => {
    const prng = new Prng(seed);
    const cast = drawCast(prng);
    const gcDepth = prng.pick([8, 60]);
    const cluster = build(seed, gcDepth, prng, witness);
    const faulty = cast.liar === undefined ? [] : [cast.liar];
    const clients = new Clients(cluster, prng, faulty);
    const checkers = new Checkers(cluster, faulty);
    await cluster.startAll();
    if (cast.liar !== undefined) await corrupt(cluster, cast.liar);
    await cluster.run(LINKED_MS);
    await clients.submit(5);
    await cluster.run(500);
    await fallBehind(cluster, clients, cast, prng);
    await forget(cluster, clients, cast, prng);
    await recover(cluster, cast, prng);
    const honest = [...cluster.nodes.keys()].filter((node) => !faulty.includes(node));
    const outcome = await finishAll({ cluster, clients, checkers, honest });
    return { ...outcome, setting: JSON.stringify({ ...cast, gcDepth }), faults: { wiped: 1, liar: faulty.length } };
  },
};

function drawCast(prng: Prng): Cast {
  const [victim, absent, third] = prng.shuffle([...POWERS.keys()]) as [number, number, number, number];
  const others = [...POWERS.keys()].filter((member) => ![victim, absent, third].includes(member));
  const lies = prng.chance(0.5);
  return { victim, absent, late: lies ? others[0] : undefined, liar: lies ? third : undefined };
}

function build(seed: number, gcDepth: number, prng: Prng, witness: Witness): Cluster {
  const jitterMs = prng.pick([3, 20]);
  const cluster = new Cluster({
    powers: POWERS,
    seed,
    parameters: { gcDepth, checkpointSpacingMs: 100 },
    network: { latencyMs: () => 1 + prng.below(jitterMs) },
    trace: witness.trace,
  });
  witness.watch(cluster);
  return cluster;
}

/** As an honest member, which it is counted on to be while the victim is silent; but asked what it said, it said nothing. */
async function corrupt(cluster: Cluster, member: number): Promise<void> {
  cluster.crash(member, 'killed');
  const puppet = new Puppet(cluster, member);
  const said: WireBlock[] = [];
  puppet.answersFetches = true;
  puppet.onMessage = (peer, message) => {
    if (message.type === 'recovery') puppet.send(peer, { ...NOTHING_SAID, requestId: message.requestId });
    if (message.type !== 'exchange' && message.type !== 'hello') return;
    puppet.send(peer, { type: 'exchange', state: puppet.heardState });
    for (const block of said.slice(-SAID_AGAIN)) puppet.show(block, [peer]);
  };
  let spoken = 0;
  puppet.onHeard = () => {
    const round = puppet.quorumRound + 1;
    if (round <= spoken) return;
    spoken = round;
    void puppet.block(round).then((block) => {
      said.push(block);
      puppet.hear(block.header);
      puppet.show(block);
    });
  };
  await puppet.start();
}

/** The absent member sees the victim only, which does not tell it about the others for long. */
async function fallBehind(cluster: Cluster, clients: Clients, { victim, absent }: Cast, prng: Prng): Promise<void> {
  for (const other of POWERS.keys()) {
    if (other === absent) continue;
    cluster.network.block(other, absent);
    if (other !== victim) cluster.network.block(absent, other);
  }
  await clients.submit(prng.below(10), victim);
  await cluster.run(prng.below(LONGEST_ABSENCE_MS));
}

/** The victim speaks once more; who hears of it is up to the seed. */
async function forget(cluster: Cluster, clients: Clients, { victim, absent }: Cast, prng: Prng): Promise<void> {
  await cluster.run(prng.below(5_000));
  const heard = prng.chance(0.3);
  for (const other of POWERS.keys())
    if (other !== victim && other !== absent && !heard) cluster.network.block(victim, other);
  await clients.submit(1, victim);
  await cluster.run(prng.below(60));
  cluster.wipe(victim);
}

/** First with the answers of those that are not late, then with all. Nobody else can move on: two members are no quorum. */
async function recover(cluster: Cluster, cast: Cast, prng: Prng): Promise<void> {
  const { victim, absent, late } = cast;
  const { network } = cluster;
  network.heal();
  for (const other of POWERS.keys()) {
    if (other !== absent && other !== victim) {
      network.block(other, absent);
      network.block(absent, other);
    }
  }
  if (late !== undefined) {
    network.block(late, victim);
    network.block(victim, late);
  }
  await cluster.start(victim, true);
  const recovered = (): boolean => cluster.validator(victim).replica.recovery === undefined;
  if (late === undefined && isCollected(cluster, cast))
    assert(await cluster.runUntil(recovered, RECOVERY_MS), 'an answer that names a collected block does not count');
  else await cluster.run(BARRED_MS + prng.below(RECOVERY_MS));
  network.heal();
  assert(await cluster.runUntil(recovered, RECOVERY_MS), `node ${victim} does not recover its identity`);
  await cluster.run(HEALED_MS);
  cluster.assertAgreement();
}

/** The last block of the absent member is no longer in the DAG of the others: nobody can admit it. */
function isCollected(cluster: Cluster, { victim, absent }: Cast): boolean {
  const { lastProposedRound } = cluster.validator(absent).replica.core;
  const others = [...POWERS.keys()].filter((member) => member !== absent && member !== victim);
  return others.every((other) => lastProposedRound <= cluster.validator(other).replica.core.gcRound);
}
