import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Cluster } from '../support/cluster.ts';
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
