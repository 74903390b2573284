import assert from 'node:assert/strict';
import { test } from 'node:test';
import { BlockLog, DEFAULT_BLOCK_LOG_OPTIONS } from '../../src/storage/index.ts';
import { storageMetrics } from '../../src/storage/metrics.ts';
import { decodeCertificate, encodeCertificate } from '../../src/types/certificate.ts';
import { id, type StateRoot } from '../../src/types/ids.ts';
import { NO_INSTRUMENTS } from '../../src/util/instruments.ts';
import { Prng } from '../../src/util/prng.ts';
import { type Cluster, PATHS } from '../support/cluster.ts';
import { VirtualTime } from '../support/virtual-time.ts';
import { finalEverywhere, load, started } from './steps.ts';

const FOUR = [1, 1, 1, 1];
const CHECKPOINT_MS = 100;
const SEED = 31;

function isReady(cluster: Cluster, node: number): boolean {
  const { readiness } = cluster.validator(node).status();
  return Object.values(readiness).every(({ ok }) => ok);
}

test('one member computes another state: it alone stops, the others go on', async () => {
  const cluster = await started({
    powers: FOUR,
    seed: SEED,
    divergent: [3],
    parameters: { checkpointSpacingMs: CHECKPOINT_MS },
  });
  await load(cluster, [0, 1, 2], 5, 50);
  assert.ok(await cluster.runUntil(() => cluster.node(3).halted !== undefined, 5_000));
  assert.match(cluster.node(3).halted as string, /^HALT_(ROOT_MISMATCH|CHECKPOINT_CONFLICT)/);
  assert.equal(isReady(cluster, 3), false);
  cluster.crash(3, 'killed');
  const ids = await load(cluster, [0, 1, 2], 5, 50);
  assert.ok(await finalEverywhere(cluster, ids, 10_000));
  assert.deepEqual(
    [0, 1, 2].map((node) => cluster.node(node).halted),
    [undefined, undefined, undefined],
  );
});

test('more than f compute another state: nobody certifies anything, and every node stops and says so', async () => {
  const cluster = await started({
    powers: FOUR,
    seed: SEED,
    divergent: [2, 3],
    parameters: { checkpointSpacingMs: CHECKPOINT_MS },
  });
  await load(cluster, [0, 1, 2, 3], 5, 20);
  const all = [0, 1, 2, 3];
  assert.ok(await cluster.runUntil(() => all.every((node) => !isReady(cluster, node)), 10 * CHECKPOINT_MS + 5_000));
  for (const node of all) {
    assert.match(cluster.node(node).halted ?? 'runs', /^HALT_CHECKPOINT_CONFLICT/);
    assert.equal(cluster.validator(node).status().lastCertified, 0, 'two states never have a certificate each');
  }
});

test('two certificates of one checkpoint in its log: a member that starts says so, and speaks to nobody', async () => {
  const cluster = await started({ powers: FOUR, seed: SEED, parameters: { checkpointSpacingMs: CHECKPOINT_MS } });
  await load(cluster, [0, 1, 2, 3], 3, 20);
  assert.ok(await cluster.runUntil(() => cluster.validator(3).status().lastCertified > 0, 5_000));
  const bytes = cluster
    .validator(3)
    .replica.checkpoints.certificate(cluster.validator(3).status().lastCertified)?.bytes;
  cluster.crash(3, 'killed');
  await appendContradiction(cluster, 3, bytes as Uint8Array);
  const before = cluster.validator(0).status().progress;
  await cluster.start(3);
  assert.match(cluster.node(3).halted ?? 'runs', /^HALT_CERTIFICATE_CONFLICT: .* signed both/);
  await cluster.run(3_000);
  assert.equal(isReady(cluster, 3), false);
  assert.deepEqual(
    cluster
      .validator(0)
      .status()
      .peers.map(({ linked }) => linked),
    [true, true, false],
  );
  assert.notDeepEqual(cluster.validator(0).status().progress, before, 'the others go on');
});

/** Behind what a node wrote, as it would have written it: the certificate that it has, and the same votes for another state. */
async function appendContradiction(cluster: Cluster, node: number, known: Uint8Array): Promise<void> {
  const { hasher } = cluster;
  const modules = { random: new Prng(1), clock: new VirtualTime(), metrics: storageMetrics(NO_INSTRUMENTS) };
  const options = { ...DEFAULT_BLOCK_LOG_OPTIONS, directory: PATHS.log };
  const { log } = await BlockLog.open(options, { disk: cluster.node(node).disk, hasher, ...modules }, () => true);
  const certificate = decodeCertificate(known);
  const statement = { ...certificate.statement, accountsRoot: id<StateRoot>('bb'.repeat(32)) };
  for (const bytes of [known, encodeCertificate({ ...certificate, statement })])
    log.append({ type: 'certificate', bytes });
  await log.close();
}

test('more than f are absent: nothing becomes final, nodes are not ready; all goes on when they are back', async () => {
  const cluster = await started({ powers: FOUR, seed: SEED });
  cluster.crash(2, 'killed');
  cluster.crash(3, 'power-cut');
  await cluster.run(12_000);
  const before = cluster.validator(0).replica.core.lastCommit.index;
  const ids = await load(cluster, [0, 1], 3, 100);
  await cluster.run(5_000);
  assert.equal(cluster.validator(0).replica.core.lastCommit.index, before);
  for (const node of [0, 1]) assert.equal(isReady(cluster, node), false);
  await cluster.start(2);
  await cluster.start(3);
  assert.ok(await finalEverywhere(cluster, ids, 20_000));
  cluster.assertAgreement();
});
