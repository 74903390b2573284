import type { ProtocolParameters } from '../../../src/params/protocol-parameters.ts';
import { Prng } from '../../../src/util/prng.ts';
import { Cluster } from '../../support/cluster.ts';
import { Checkers } from '../checkers.ts';
import { Clients } from '../clients.ts';
import { finishAll } from '../ending.ts';
import type { Outcome, Profile, Witness } from '../profile.ts';

/** Sizes and voting powers; several have members with more power than others, and some have no fault tolerance. */
const COMMITTEES = [
  [1],
  [1, 1, 1],
  [1, 1, 1, 1],
  [2, 2, 2, 1],
  [1, 1, 1, 1, 1],
  [3, 2, 2, 2, 1],
  [1, 1, 1, 1, 1, 1, 1],
  [2, 2, 3, 1, 2, 3, 1],
] as const;
const FAULTS = [
  'killed',
  'power-cut',
  'power-cut-at-write',
  'power-cut-of-many',
  'paused',
  'partition',
  'one-way-cut',
  'slow',
  'disk-refuses',
  'clock',
  'wiped',
  'stopped',
] as const;
type Fault = (typeof FAULTS)[number];
const CHAOS_STEPS = 40;
const REAL_STEPS = 12;
const LONGEST_STEP_MS = 1_500;
/** Links are dialled again, leases are granted again, and leaders' pauses are over after this. */
const SETTLING_MS = 20_000;

/** What is drawn from the seed. */
interface Setting {
  readonly powers: readonly number[];
  readonly latencyMs: number;
  readonly jitterMs: number;
  readonly frameLoss: number;
  readonly gcDepth: number;
  /** Share of steps that repair. */
  readonly calm: number;
  /** Transactions submitted a step, at most. */
  readonly load: number;
}

/** A network under faults of every kind, then a healed one that must finish all its work. */
export const CHAOS: Profile = {
  name: 'chaos',
  about: 'crashes, power cuts, partitions, loss, slow and refusing disks, wiped members; 1 to 7 members, LAN and WAN',
  run: (seed, witness) => runChaos(seed, witness, { real: false, steps: CHAOS_STEPS }),
};

/** The same with nothing replaced but time, network and disks. */
export const REAL: Profile = {
  name: 'real',
  about: 'as chaos, shorter, with ML-DSA-87 signatures and the native ledger',
  run: (seed, witness) => runChaos(seed, witness, { real: true, steps: REAL_STEPS }),
};

async function runChaos(
  seed: number,
  witness: Witness,
  { real, steps }: { real: boolean; steps: number },
): Promise<Outcome> {
  const prng = new Prng(seed);
  const chaos = new Chaos(seed, real, drawSetting(prng), prng, witness);
  try {
    await chaos.begin();
    for (let step = 0; step < steps; step++) await chaos.disturb();
    await chaos.heal();
    return await chaos.finish();
  } finally {
    chaos.dispose();
  }
}

function drawSetting(prng: Prng): Setting {
  const wide = prng.chance(0.4);
  return {
    powers: prng.pick(COMMITTEES),
    latencyMs: wide ? 20 + prng.below(60) : 1,
    jitterMs: wide ? 30 : 3,
    frameLoss: prng.chance(0.3) ? 0.01 + prng.below(10) / 100 : 0,
    gcDepth: wide ? 5 + prng.below(56) : 20 + prng.below(41),
    calm: prng.pick([0.3, 0.5, 0.8]),
    load: prng.pick([1, 5, 20, 60]),
  };
}

class Chaos {
  readonly #setting: Setting;
  readonly #prng: Prng;
  readonly #cluster: Cluster;
  readonly #clients: Clients;
  readonly #checkers: Checkers;
  readonly #paused = new Set<number>();
  #wiped: number | undefined;
  readonly #faults: Record<string, number> = {};

  constructor(seed: number, real: boolean, setting: Setting, prng: Prng, witness: Witness) {
    this.#setting = setting;
    this.#prng = prng;
    const { powers, latencyMs, jitterMs, frameLoss, gcDepth } = setting;
    // A checkpoint must come more often than blocks are collected, or nobody who fell behind could follow.
    const parameters: Partial<ProtocolParameters> = { gcDepth, checkpointSpacingMs: 100 };
    const trace = witness.trace;
    const network = { latencyMs: () => latencyMs + prng.below(jitterMs), frameLoss };
    this.#cluster = new Cluster({
      powers,
      seed,
      parameters,
      network,
      replica: { snapshotEveryMs: 1_000 },
      trace,
      real,
    });
    witness.watch(this.#cluster);
    this.#clients = new Clients(this.#cluster, prng);
    this.#checkers = new Checkers(this.#cluster);
  }

  async begin(): Promise<void> {
    await this.#cluster.startAll();
    await this.#run(3_000);
  }

  /** One fault or repair, some load, some time; then the promises are looked at. */
  async disturb(): Promise<void> {
    await this.#faultOrRepair();
    await this.#clients.submit(this.#prng.below(this.#setting.load + 1));
    await this.#run(this.#prng.below(LONGEST_STEP_MS));
    this.#checkers.check();
  }

  async heal(): Promise<void> {
    const { network, nodes } = this.#cluster;
    network.heal();
    network.lose(0);
    for (const node of this.#paused) network.resume(node);
    this.#paused.clear();
    for (const [index, node] of nodes.entries()) {
      node.disk.healFaults();
      node.clockSkewMs = 0;
      network.slow(index, 0);
      await this.#restart(index);
    }
    await this.#run(SETTLING_MS);
    this.#checkers.check();
  }

  async finish(): Promise<Outcome> {
    const [cluster, clients, checkers] = [this.#cluster, this.#clients, this.#checkers];
    const honest = [...cluster.nodes.keys()];
    const outcome = await finishAll({ cluster, clients, checkers, honest });
    return { ...outcome, setting: JSON.stringify(this.#setting), faults: this.#faults };
  }

  dispose(): void {
    this.#cluster.dispose();
  }

  /** A repair, or one fault on one node; faults that would change nothing are not counted. */
  async #faultOrRepair(): Promise<void> {
    const node = this.#prng.below(this.#cluster.nodes.length);
    if (this.#prng.chance(this.#setting.calm)) return this.#repair(node);
    const fault = this.#prng.pick(FAULTS);
    if (!(await this.#inject(fault, node))) return;
    this.#cluster.trace(`fault ${fault} at node ${node}`);
    this.#faults[fault] = (this.#faults[fault] ?? 0) + 1;
  }

  async #inject(fault: Fault, node: number): Promise<boolean> {
    const { network, nodes } = this.#cluster;
    const { disk, validator } = this.#cluster.node(node);
    switch (fault) {
      case 'killed':
      case 'power-cut':
        this.#cluster.crash(node, fault);
        return validator !== undefined;
      case 'power-cut-at-write':
        disk.crashAt(1 + this.#prng.below(20), this.#prng.pick(['before', 'after']));
        return validator !== undefined;
      case 'power-cut-of-many':
        for (const index of nodes.keys()) if (this.#prng.chance(0.5)) this.#cluster.crash(index, 'power-cut');
        return true;
      case 'paused':
        if (validator === undefined) return false;
        network.pause(node);
        this.#paused.add(node);
        return true;
      case 'partition':
        network.partition(this.#prng.shuffle([...nodes.keys()]).slice(0, 1 + this.#prng.below(nodes.length)));
        return true;
      case 'one-way-cut':
        return this.#cutOneWay(node, this.#prng.below(nodes.length));
      case 'slow':
        network.slow(node, this.#prng.below(300));
        return true;
      case 'disk-refuses': {
        const code = this.#prng.pick(['DISK_FULL', 'IO_ERROR'] as const);
        disk.fail({ operation: this.#prng.pick(['write', 'sync']), code });
        return validator !== undefined;
      }
      case 'clock':
        return this.#setClock(node);
      case 'wiped':
        return this.#wipe(node);
      case 'stopped':
        return this.#stop(node);
    }
  }

  #cutOneWay(node: number, other: number): boolean {
    if (node !== other) this.#cluster.network.block(node, other);
    return node !== other;
  }

  /** Jumps forth or back; the clocks that are wrong at one time have no more power than may be faulty. */
  #setClock(node: number): boolean {
    const { committee } = this.#cluster.genesis;
    const wrong = [...this.#cluster.nodes.keys()].filter(
      (index) => index === node || this.#cluster.node(index).clockSkewMs !== 0,
    );
    if (wrong.reduce((power, index) => power + committee.power(index), 0) > committee.f) return false;
    this.#cluster.node(node).clockSkewMs = this.#prng.pick([-3_600_000, -30_000, -1_000, 1_000, 30_000, 3_600_000]);
    return true;
  }

  /** Repairs are more frequent than faults, so that there is something to disturb. */
  async #repair(node: number): Promise<void> {
    const { network } = this.#cluster;
    if (this.#prng.chance(0.5)) network.heal();
    network.slow(node, 0);
    this.#cluster.node(node).clockSkewMs = 0;
    for (const { disk } of this.#cluster.nodes) disk.healFaults();
    for (const paused of this.#paused) if (this.#prng.chance(0.7)) this.#resume(paused);
    for (const index of this.#cluster.nodes.keys()) if (this.#prng.chance(0.6)) await this.#restart(index);
  }

  /** A member may lose everything once, if its power is within what the network tolerates; the others are then spared it. */
  #wipe(node: number): boolean {
    const { committee } = this.#cluster.genesis;
    if (this.#wiped !== undefined || committee.power(node) > committee.f) return false;
    this.#wiped = node;
    this.#cluster.wipe(node);
    return true;
  }

  async #stop(node: number): Promise<boolean> {
    const { validator } = this.#cluster.node(node);
    if (validator === undefined || this.#paused.has(node)) return false;
    // A disk that refuses may keep it from ending well; what was promised is durable all the same.
    void Promise.allSettled([validator.stop()]);
    await this.#run(1_000);
    this.#cluster.crash(node, 'killed');
    return true;
  }

  #resume(node: number): void {
    this.#cluster.network.resume(node);
    this.#paused.delete(node);
  }

  async #restart(node: number): Promise<void> {
    if (this.#cluster.node(node).validator !== undefined) return;
    this.#paused.delete(node);
    const guard = await this.#cluster.node(node).disk.exists('guard/guard');
    await this.#cluster.start(node, !guard);
  }

  #run(ms: number): Promise<boolean> {
    return this.#runUntil(() => false, ms);
  }

  /** A machine whose planned power cut came is off from that moment. */
  #runUntil(condition: () => boolean, ms: number): Promise<boolean> {
    return this.#cluster.runUntil(() => {
      for (const [index, { disk }] of this.#cluster.nodes.entries())
        if (disk.isOff) this.#cluster.crash(index, 'power-cut');
      return condition();
    }, ms);
  }
}
