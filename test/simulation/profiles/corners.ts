import { assert } from '../../../src/util/assert.ts';
import { isCoded } from '../../../src/util/errors.ts';
import { Prng } from '../../../src/util/prng.ts';
import { Cluster, type ClusterOptions } from '../../support/cluster.ts';
import { Checkers } from '../checkers.ts';
import { Clients } from '../clients.ts';
import { finishAll } from '../ending.ts';
import type { Profile, Witness } from '../profile.ts';

const POWERS = [1, 1, 1, 1];
const MEMBERS = [...POWERS.keys()];
const LINKED_MS = 3_000;
const SETTLING_MS = 8_000;
const LIMIT_MS = 30_000;
/** Blocks of an idle network are this much later than those of a busy one, and a submission needs a few rounds of them. */
const WAKING_MS = 1_000;
/** What a damaged file may lead to, if it is noticed at all. */
const REFUSALS = ['LOG_DAMAGED', 'LOG_FOREIGN', 'LOG_VERSION', 'GUARD_FOREIGN', 'NEEDS_IDENTITY_RECOVERY'] as const;

interface World {
  readonly cluster: Cluster;
  readonly clients: Clients;
  readonly prng: Prng;
}

interface Corner {
  readonly options?: Partial<ClusterOptions>;
  run(world: World): Promise<void>;
}

/** Coincidences that random faults meet once in a thousand runs, each arranged on purpose, with its details up to the seed. */
export const CORNERS: Profile = {
  name: 'corners',
  about: 'rare coincidences on purpose: lost answers, collected blocks, an idle network, bit rot, a clone, duplicates',
  run: async (seed, witness) => {
    const prng = new Prng(seed);
    const name = prng.pick(Object.keys(KINDS) as (keyof typeof KINDS)[]);
    const { options, run }: Corner = KINDS[name];
    const cluster = build(seed, prng, witness, options);
    const clones = [...cluster.nodes.keys()].slice(POWERS.length);
    const clients = new Clients(cluster, prng, clones);
    const checkers = new Checkers(cluster, clones);
    await cluster.startAll();
    await cluster.run(LINKED_MS);
    await clients.submit(3);
    await cluster.run(prng.below(1_000));
    await run({ cluster, clients, prng });
    cluster.network.heal();
    await cluster.run(SETTLING_MS);
    checkers.check();
    const outcome = await finishAll({ cluster, clients, checkers, honest: MEMBERS });
    return { ...outcome, setting: name, faults: { [name]: 1 } };
  },
};

function build(seed: number, prng: Prng, witness: Witness, options: Partial<ClusterOptions> = {}): Cluster {
  const jitterMs = prng.pick([3, 20]);
  const cluster = new Cluster({
    powers: POWERS,
    seed,
    parameters: { gcDepth: prng.pick([10, 60]), checkpointSpacingMs: 100 },
    network: { latencyMs: () => 1 + prng.below(jitterMs) },
    replica: { snapshotEveryMs: 1_000 },
    trace: witness.trace,
    ...options,
  });
  witness.watch(cluster);
  return cluster;
}

const KINDS = {
  /** A member dies whose last block one other does not have, and every answer to that one is lost for a while. */
  'lost answers': {
    run: async ({ cluster, clients, prng }) => {
      const [author, deaf] = prng.shuffle(MEMBERS) as [number, number];
      cluster.network.block(author, deaf);
      cluster.network.lose(1, ['sync']);
      await clients.submit(5);
      await cluster.run(20 + prng.below(200));
      cluster.crash(author, 'killed');
      await cluster.run(2_000 + prng.below(8_000));
      cluster.network.lose(0);
      cluster.network.heal();
      const before = cluster.validator(deaf).replica.core.lastCommit.index;
      await clients.submit(1, deaf);
      const moves = (): boolean => cluster.validator(deaf).replica.core.lastCommit.index > before;
      assert(await cluster.runUntil(moves, LIMIT_MS), 'what three of four lack is never fetched');
      await cluster.start(author);
    },
  },
  /** Nobody hears a member until its blocks are too old; its clients ask nobody else. */
  collected: {
    options: { parameters: { gcDepth: 10, checkpointSpacingMs: 100 } },
    run: async ({ cluster, clients, prng }) => {
      const [unheard, other] = prng.shuffle(MEMBERS) as [number, number];
      for (const member of MEMBERS) if (member !== unheard) cluster.network.block(unheard, member);
      await clients.submit(5, unheard);
      // After a leader timeout the others go on without it, as fast as they have work.
      for (let steps = 10 + prng.below(40); steps > 0; steps--) {
        await clients.submit(1, other);
        await cluster.run(50);
      }
      cluster.network.heal();
      assert(await cluster.runUntil(() => clients.allFinal(), LIMIT_MS), `lost: ${clients.open().join(', ')}`);
    },
  },
  /** A member that restarted is not in step with the idle rounds of the others; what it is given need not wait for them. */
  idle: {
    run: async ({ cluster, clients, prng }) => {
      await cluster.run(5_000);
      const restarted = prng.pick(MEMBERS);
      cluster.crash(restarted, 'killed');
      await cluster.start(restarted);
      await cluster.run(10_000 + prng.below(10_000));
      await clients.submit(1, restarted);
      assert(
        await cluster.runUntil(() => clients.allFinal(), WAKING_MS),
        `not final ${WAKING_MS} ms after it was idle`,
      );
    },
  },
  /** One bit of a member's files is another: it is refused, or passed over, and never believed. */
  'bit rot': {
    options: { log: { segmentBytes: 64 * 1_024 } },
    run: async ({ cluster, clients, prng }) => {
      await clients.submit(20);
      await cluster.run(1_000 + prng.below(3_000));
      const member = prng.pick(MEMBERS);
      cluster.crash(member, prng.pick(['killed', 'power-cut']));
      const { disk } = cluster.node(member);
      const folder = prng.pick(['data/log', 'data/log', 'data/snapshots', 'guard']);
      const names = await disk.list(folder);
      if (names.length > 0) {
        const path = `${folder}/${prng.pick(names)}`;
        disk.flip(path, prng.below(disk.contents(path).length), 1 << prng.below(8));
      }
      await clients.submit(5);
      await cluster.run(prng.below(3_000));
      try {
        await cluster.start(member);
      } catch (error) {
        if (!isCoded(error, ...REFUSALS)) throw error;
        cluster.trace(`node ${member} refused`, { code: error.code });
        cluster.wipe(member);
        await cluster.start(member, true);
      }
    },
  },
  /** Two processes with the files and keys of one member. */
  clone: {
    options: { cloneOf: 3 },
    run: async ({ cluster, clients, prng }) => {
      const [member, clone] = [3, 4];
      const isStopped = prng.chance(0.5);
      if (isStopped) cluster.network.pause(member);
      await cluster.copyFiles(member, clone);
      await cluster.run(prng.below(8_000));
      await cluster.start(clone);
      for (let step = 0; step < 10; step++) {
        await clients.submit(1, prng.below(3));
        await cluster.run(prng.below(2_000));
        if (prng.chance(0.2)) cluster.network.resume(member);
        const speak = [member, clone].filter((node) => cluster.validator(node).replica.links.maySign());
        assert(speak.length < 2 || isStopped, 'both may sign');
        cluster.ownBlocks.assertNoTwins();
      }
      cluster.network.resume(member);
      cluster.crash(clone, 'killed');
      cluster.node(clone).halted = undefined;
      await cluster.run(SETTLING_MS);
      if (cluster.node(member).halted === undefined) return;
      // The clone has spoken, and the member heard of it.
      cluster.wipe(member);
      cluster.node(member).halted = undefined;
      await cluster.start(member, true);
    },
  },
  /** Everything may come twice. */
  duplicates: {
    run: async ({ cluster, clients, prng }) => {
      cluster.network.duplicate(prng.pick([0.05, 0.5, 1]));
      for (let step = 0; step < 10; step++) {
        await clients.submit(3);
        await cluster.run(prng.below(500));
        if (prng.chance(0.2)) {
          const member = prng.pick(MEMBERS);
          cluster.crash(member, 'killed');
          await cluster.run(prng.below(2_000));
          await cluster.start(member);
        }
      }
    },
  },
} as const satisfies Readonly<Record<string, Corner>>;
