import assert from 'node:assert/strict';
import { before, describe, test } from 'node:test';
import type { Cluster } from '../support/cluster.ts';
import type { SimulatedDisk } from '../support/simulated-disk.ts';
import { finalEverywhere, load, started } from './steps.ts';

const FOUR = [1, 1, 1, 1];
const VICTIM = 3;
const GUARD = 'guard/guard';
const SLOT_BYTES = 4_096;
const SNAPSHOTS = 'data/snapshots';
/** A dozen blocks: the log of a few seconds has several segments. */
const SEGMENT_BYTES = 64 * 1_024;

type Files = ReadonlyMap<string, Uint8Array>;

interface Damage {
  readonly name: string;
  apply(cluster: Cluster): void | Promise<void>;
  /** What the start is refused with; fields by name. */
  readonly refusal: Readonly<Record<string, unknown>>;
}

function segment(number: number): string {
  return `data/log/segment-${String(number).padStart(7, '0')}.log`;
}

function victim(cluster: Cluster): SimulatedDisk {
  return cluster.node(VICTIM).disk;
}

/** Bytes of the log whose checksum is the digest in a block's header: those of a transaction. */
function payloadByte(cluster: Cluster, inSegment: number): number {
  const bytes = Buffer.from(victim(cluster).contents(segment(inSegment)));
  const found = cluster.accounts.map(({ address }) => bytes.indexOf(Buffer.from(address, 'hex')));
  return Math.max(...found) + 1;
}

async function filesOf(disk: SimulatedDisk): Promise<Files> {
  const paths: string[] = [];
  for (const folder of ['data/log', SNAPSHOTS, 'guard'])
    for (const name of await disk.list(folder)) paths.push(`${folder}/${name}`);
  return new Map(paths.map((path) => [path, disk.contents(path)]));
}

/** As it was before the damage. */
function restore(disk: SimulatedDisk, files: Files): void {
  for (const [path, bytes] of files) disk.plant(path, bytes);
}

const LOG_DAMAGE: readonly Damage[] = [
  {
    name: 'a bit in a record that was synced',
    apply: (cluster) => victim(cluster).flip(segment(1), 1_000, 1),
    refusal: { code: 'LOG_DAMAGED', fields: { segment: 1, offset: 56, places: 1 } },
  },
  {
    name: 'a bit in the length of a record',
    apply: (cluster) => victim(cluster).flip(segment(1), 56, 128),
    refusal: { code: 'LOG_DAMAGED', fields: { segment: 1, offset: 56, places: 1 } },
  },
  {
    name: 'a bit in a payload',
    apply: (cluster) => victim(cluster).flip(segment(1), payloadByte(cluster, 1), 1),
    refusal: { code: 'LOG_DAMAGED' },
  },
  {
    name: 'a bit in the header of a segment',
    apply: (cluster) => victim(cluster).flip(segment(1), 10, 1),
    refusal: { code: 'LOG_DAMAGED', fields: { segment: 1, offset: 0, places: 1 } },
  },
  {
    name: 'a segment that is gone',
    apply: (cluster) => victim(cluster).remove(segment(1)),
    refusal: { code: 'LOG_DAMAGED', fields: { segment: 1, offset: 0, places: 1 } },
  },
  {
    name: 'a segment that ends early',
    apply: (cluster) => victim(cluster).plant(segment(1), victim(cluster).contents(segment(1)).slice(0, 30_000)),
    refusal: { code: 'LOG_DAMAGED' },
  },
  {
    name: 'a segment of another log',
    apply: (cluster) => victim(cluster).plant(segment(1), cluster.node(0).disk.contents(segment(1))),
    refusal: { code: 'LOG_FOREIGN' },
  },
  {
    name: 'every header',
    apply: async (cluster) => {
      for (const name of await victim(cluster).list('data/log')) victim(cluster).flip(`data/log/${name}`, 3, 1);
    },
    refusal: { code: 'LOG_DAMAGED', fields: { file: segment(0), offset: 0 } },
  },
];

const GUARD_DAMAGE: readonly Damage[] = [
  {
    name: 'both slots of the guard',
    apply: (cluster) => {
      victim(cluster).flip(GUARD, 50, 1);
      victim(cluster).flip(GUARD, SLOT_BYTES + 50, 1);
    },
    refusal: { code: 'NEEDS_IDENTITY_RECOVERY', fields: { reason: 'guard-corrupt', path: GUARD } },
  },
  {
    name: 'a guard cut short',
    apply: (cluster) => victim(cluster).plant(GUARD, victim(cluster).contents(GUARD).slice(0, SLOT_BYTES)),
    refusal: { code: 'NEEDS_IDENTITY_RECOVERY', fields: { reason: 'guard-corrupt', path: GUARD } },
  },
  {
    name: 'the guard of another member, with its log',
    apply: async (cluster) => {
      for (const [path, bytes] of await filesOf(cluster.node(2).disk)) victim(cluster).plant(path, bytes);
    },
    refusal: { code: 'GUARD_FOREIGN' },
  },
  {
    name: 'the guard of another log',
    apply: (cluster) => victim(cluster).plant(GUARD, cluster.node(2).disk.contents(GUARD)),
    refusal: { code: 'NEEDS_IDENTITY_RECOVERY', fields: { reason: 'guard-of-other-log', path: GUARD } },
  },
  {
    name: 'the last own block, which was synced and sent',
    apply: async (cluster) => {
      const last = (await victim(cluster).list('data/log')).at(-1) as string;
      const bytes = victim(cluster).contents(`data/log/${last}`);
      victim(cluster).plant(`data/log/${last}`, bytes.slice(0, 56));
    },
    refusal: { code: 'NEEDS_IDENTITY_RECOVERY' },
  },
  {
    name: 'a disk that refuses while the log is opened',
    apply: (cluster) => victim(cluster).fail({ operation: 'sync', code: 'IO_ERROR', path: 'data/log', times: 1 }),
    refusal: { code: 'IO_ERROR' },
  },
  {
    name: 'a disk that refuses while the guard is opened',
    apply: (cluster) => victim(cluster).fail({ operation: 'sync', code: 'IO_ERROR', path: GUARD, times: 1 }),
    refusal: { code: 'IO_ERROR' },
  },
  {
    name: 'a snapshot of another network',
    apply: async (cluster) => {
      const other = await started({ powers: [1], seed: 92, replica: { snapshotEveryMs: 500 } });
      await load(other, [0], 3, 1_000);
      const { disk } = other.node(0);
      const [name] = await disk.list(SNAPSHOTS);
      victim(cluster).plant(`${SNAPSHOTS}/snapshot-0000000000999999.snap`, disk.contents(`${SNAPSHOTS}/${name}`));
    },
    refusal: { code: 'SNAPSHOT_FOREIGN' },
  },
];

describe('a killed member whose files were damaged is refused with the place, and comes back as it was with sound ones', () => {
  let cluster: Cluster;
  let files: Files;

  before(async () => {
    cluster = await started({ powers: FOUR, seed: 91, log: { segmentBytes: SEGMENT_BYTES } });
    await load(cluster, [0, 1, 2, VICTIM], 10, 30);
    for (const node of [2, VICTIM]) {
      cluster.crash(node, 'killed');
      if (node === 2) await cluster.start(node);
      await cluster.run(8_000);
    }
    files = await filesOf(victim(cluster));
    assert.ok(files.has(segment(4)), 'the log has several segments');
  });

  for (const { name, apply, refusal } of [...LOG_DAMAGE, ...GUARD_DAMAGE]) {
    test(name, async () => {
      await apply(cluster);
      await assert.rejects(cluster.start(VICTIM), refusal);
      for (const path of (await filesOf(victim(cluster))).keys())
        if (!files.has(path)) await victim(cluster).remove(path);
      victim(cluster).healFaults();
      restore(victim(cluster), files);
    });
  }

  test('one slot of the guard: the other one counts', async () => {
    const sound = victim(cluster).contents(GUARD);
    for (const slot of [0, 1]) {
      victim(cluster).flip(GUARD, slot * SLOT_BYTES + 50, 1);
      await cluster.start(VICTIM);
      cluster.crash(VICTIM, 'killed');
      victim(cluster).plant(GUARD, sound);
    }
  });

  test('without its log, and with the guard, it recovers its identity while the disk refuses at first', async () => {
    victim(cluster).flip(segment(1), 1_000, 1);
    await assert.rejects(cluster.start(VICTIM), { code: 'LOG_DAMAGED' });
    const guard = victim(cluster).contents(GUARD);
    cluster.wipe(VICTIM);
    victim(cluster).plant(GUARD, guard);
    victim(cluster).fail({ operation: 'rename', code: 'IO_ERROR', path: GUARD, times: 2 });
    await cluster.start(VICTIM, true);
    assert.ok(await cluster.runUntil(() => cluster.validator(VICTIM).replica.recovery === undefined, 30_000));
    const ids = await load(cluster, [0, VICTIM], 5, 1_000);
    assert.ok(await finalEverywhere(cluster, ids, 30_000));
    cluster.assertAgreement();
  });
});

test('a damaged snapshot is passed over for the older one; without any the log is replayed from its start', async () => {
  const cluster = await started({ powers: FOUR, seed: 93, replica: { snapshotEveryMs: 500 } });
  await load(cluster, [0, 1, 2, VICTIM], 20, 200);
  cluster.crash(VICTIM, 'killed');
  const damages: readonly ((older: string, newer: string) => void)[] = [
    (_older, newer) => victim(cluster).flip(newer, 200, 1),
    (_older, newer) => victim(cluster).plant(newer, victim(cluster).contents(newer).slice(0, 20)),
    (_older, newer) => victim(cluster).plant(newer, victim(cluster).contents(newer).slice(0, -5)),
    (_older, newer) => victim(cluster).plant(newer, Uint8Array.of(...victim(cluster).contents(newer), 0)),
    (older, newer) => victim(cluster).plant(newer, victim(cluster).contents(older)),
    (older, newer) => {
      victim(cluster).flip(newer, 10, 1);
      victim(cluster).flip(older, 10, 1);
    },
  ];
  for (const damage of damages) {
    const [older, newer] = (await victim(cluster).list(SNAPSHOTS)).map((name) => `${SNAPSHOTS}/${name}`);
    assert.ok(older !== undefined && newer !== undefined, 'two snapshots are kept');
    damage(older, newer);
    await cluster.start(VICTIM);
    const ids = await load(cluster, [0, 1], 3, 300);
    assert.ok(await finalEverywhere(cluster, ids, 20_000));
    cluster.crash(VICTIM, 'killed');
    cluster.assertAgreement();
  }
});

test('a disk that refuses while a segment is begun: signing stops, and it goes on alone', async () => {
  const cluster = await started({ powers: FOUR, seed: 94, log: { segmentBytes: SEGMENT_BYTES } });
  for (const operation of ['create', 'write', 'rename', 'sync-directory'] as const) {
    victim(cluster).fail({
      operation,
      code: 'DISK_FULL',
      path: operation === 'sync-directory' ? 'data/log' : '.log.new',
    });
    const during = await load(cluster, [0, 1, 2], 5, 200);
    assert.equal(cluster.validator(VICTIM).status().readiness.ableToSign.code, 'DISK', operation);
    victim(cluster).healFaults();
    const after = await load(cluster, [VICTIM], 2, 1_000);
    assert.ok(await finalEverywhere(cluster, [...during, ...after], 20_000), operation);
  }
  cluster.assertAgreement();
  cluster.crash(VICTIM, 'power-cut');
  await cluster.start(VICTIM);
});

test('a bit flips under a running member: peers get what they miss from others, and it says what it cannot read', async () => {
  const cluster = await started({ powers: FOUR, seed: 95, parameters: { gcDepth: 30, checkpointSpacingMs: 100 } });
  cluster.crash(VICTIM, 'killed');
  const ids = await load(cluster, [0, 1, 2], 40, 100);
  for (const { disk } of [cluster.node(0), cluster.node(1)]) {
    const { length } = disk.contents(segment(0));
    for (let offset = 2_000; offset < length; offset += 15_000) disk.flip(segment(0), offset, 1);
  }
  await cluster.start(VICTIM);
  assert.ok(await finalEverywhere(cluster, ids, 60_000));
  const complaints = [0, 1].flatMap((node) => cluster.node(node).complaints);
  assert.ok(complaints.some((line) => line.startsWith('a peer was not answered')));
  cluster.assertAgreement();
});
