import { Prng } from '../../../src/util/prng.ts';
import { Cluster } from '../../support/cluster.ts';
import { Puppet } from '../../support/puppet.ts';
import { BEHAVIOURS, type BehaviourName, behave, type Hand } from '../adversaries.ts';
import { Checkers } from '../checkers.ts';
import { Clients } from '../clients.ts';
import { finishAll } from '../ending.ts';
import type { Outcome, Profile, Witness } from '../profile.ts';

const COMMITTEES = [
  [1, 1, 1, 1],
  [2, 2, 2, 1],
  [1, 1, 1, 1, 1],
  [1, 1, 1, 1, 1, 1, 1],
  [2, 2, 3, 1, 2, 3, 1],
  [1, 1, 1, 1, 1, 1, 1, 1, 1, 1],
  [3, 2, 2, 2, 1, 1, 1, 1, 1, 1],
] as const;
const NAMES = Object.keys(BEHAVIOURS) as BehaviourName[];
/** Five times the work of ten members, so rarely and for a shorter time. */
const TWENTY = Array.from({ length: 20 }, () => 1);
const OFTEN_SMALLER = 0.95;
const STEPS = 20;
const STEPS_OF_MANY = 5;
const MANY = 10;
const LONGEST_STEP_MS = 800;
/** Greetings are over and the first rounds were made. */
const STARTING_MS = 2_000;
/** Links are dialled again, and leases are granted again. */
const SETTLING_MS = 6_000;

/** What is drawn from the seed. */
interface Setting {
  readonly powers: readonly number[];
  readonly faulty: readonly number[];
  readonly latencyMs: number;
  readonly jitterMs: number;
  readonly frameLoss: number;
  readonly gcDepth: number;
  readonly load: number;
  /** Whether the faulty members fall silent when everything else is healed. */
  readonly endsMute: boolean;
}

/** Members in the hands of an adversary, up to what a network tolerates: the honest ones agree, and finish all work. */
export const BYZANTINE: Profile = {
  name: 'byzantine',
  about: 'faulty members with up to f of the power: equivocation, withholding, silence, lies, floods; 4 to 20 members',
  run: async (seed, witness) => {
    const run = new Byzantine(seed, new Prng(seed), witness);
    await run.begin();
    for (let step = 0; step < run.steps; step++) await run.disturb();
    await run.heal();
    return await run.finish();
  },
};

class Byzantine {
  readonly #setting: Setting;
  readonly #prng: Prng;
  readonly #cluster: Cluster;
  readonly #clients: Clients;
  readonly #checkers: Checkers;
  readonly #hands: Hand[] = [];
  readonly #honest: readonly number[];
  readonly #faults: Record<string, number> = {};

  constructor(seed: number, prng: Prng, witness: Witness) {
    this.#prng = prng;
    const drawn = drawSetting(prng);
    const { powers, latencyMs, jitterMs, frameLoss, gcDepth } = drawn;
    const network = { latencyMs: () => latencyMs + prng.below(jitterMs), frameLoss };
    this.#cluster = new Cluster({
      powers,
      seed,
      parameters: { gcDepth, checkpointSpacingMs: 100 },
      network,
      replica: { snapshotEveryMs: 1_000 },
      trace: witness.trace,
    });
    witness.watch(this.#cluster);
    // A position in the committee has another power than its place in the list: members are sorted by their keys.
    const faulty = drawFaulty(this.#cluster, prng);
    this.#setting = { ...drawn, faulty };
    this.#honest = [...this.#cluster.nodes.keys()].filter((node) => !faulty.includes(node));
    this.#clients = new Clients(this.#cluster, prng, faulty);
    this.#checkers = new Checkers(this.#cluster, faulty);
  }

  get steps(): number {
    return this.#cluster.nodes.length > MANY ? STEPS_OF_MANY : STEPS;
  }

  async begin(): Promise<void> {
    const cluster = this.#cluster;
    await cluster.startAll();
    for (const member of this.#setting.faulty) {
      cluster.crash(member, 'killed');
      const puppet = new Puppet(cluster, member);
      await puppet.start();
      const hand = { cluster, puppet, prng: this.#prng, transfers: () => this.#clients.newest() };
      this.#hands.push(hand);
      this.#corrupt(hand, this.#prng.pick(NAMES));
    }
    await cluster.run(STARTING_MS);
  }

  async disturb(): Promise<void> {
    const prng = this.#prng;
    if (prng.chance(0.1)) this.#corrupt(prng.pick(this.#hands), prng.pick(NAMES));
    if (prng.chance(0.2)) await this.#crashOrRestart(prng.pick(this.#honest));
    await this.#clients.submit(prng.below(this.#setting.load + 1));
    await this.#cluster.run(prng.below(LONGEST_STEP_MS));
    this.#checkers.check();
  }

  /** Everything but the faulty members is well again. */
  async heal(): Promise<void> {
    this.#cluster.network.lose(0);
    if (this.#setting.endsMute) for (const hand of this.#hands) this.#corrupt(hand, 'mute');
    for (const node of this.#honest)
      if (this.#cluster.node(node).validator === undefined) await this.#cluster.start(node);
    await this.#cluster.run(SETTLING_MS);
    this.#checkers.check();
  }

  async finish(): Promise<Outcome> {
    const [cluster, clients, checkers, honest] = [this.#cluster, this.#clients, this.#checkers, this.#honest];
    const outcome = await finishAll({ cluster, clients, checkers, honest });
    checkers.assertEvidence();
    return { ...outcome, setting: JSON.stringify(this.#setting), faults: this.#faults };
  }

  #corrupt(hand: Hand, name: BehaviourName): void {
    this.#cluster.trace(`fault ${name} at node ${hand.puppet.index}`);
    this.#faults[name] = (this.#faults[name] ?? 0) + 1;
    behave(name, hand);
  }

  /** One honest member at a time, and only where the faulty ones leave power for it. */
  async #crashOrRestart(node: number): Promise<void> {
    const { committee } = this.#cluster.genesis;
    const down = this.#honest.find((honest) => this.#cluster.node(honest).validator === undefined);
    if (down !== undefined) return this.#cluster.start(down);
    const power = [node, ...this.#setting.faulty].reduce((sum, member) => sum + committee.power(member), 0);
    if (power > committee.f) return;
    this.#cluster.trace(`fault power-cut at node ${node}`);
    this.#faults['power-cut'] = (this.#faults['power-cut'] ?? 0) + 1;
    this.#cluster.crash(node, 'power-cut');
  }
}

function drawSetting(prng: Prng): Omit<Setting, 'faulty'> {
  const isDrawnWide = prng.chance(0.4);
  const powers = prng.chance(OFTEN_SMALLER) ? prng.pick(COMMITTEES) : TWENTY;
  // Twenty members on a LAN make 250 rounds a second, each of 400 blocks sent: minutes for a virtual second.
  const wide = isDrawnWide || powers === TWENTY;
  return {
    powers,
    latencyMs: wide ? 20 + prng.below(60) : 1,
    jitterMs: wide ? 30 : 3,
    frameLoss: prng.chance(0.3) ? 0.01 : 0,
    gcDepth: wide ? 5 + prng.below(56) : 20 + prng.below(41),
    load: prng.pick([1, 5, 20]),
    endsMute: prng.chance(0.2),
  };
}

/** In random order, as long as their power is within f; sometimes the first only. */
function drawFaulty({ genesis: { committee } }: Cluster, prng: Prng): number[] {
  const faulty: number[] = [];
  let power = 0;
  for (const member of prng.shuffle(committee.members.keys().toArray())) {
    if (power + committee.power(member) > committee.f) continue;
    faulty.push(member);
    power += committee.power(member);
    if (prng.chance(0.3)) break;
  }
  return faulty;
}
