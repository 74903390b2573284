import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Cluster } from '../support/cluster.ts';
import { finalEverywhere, load, started } from './steps.ts';

const MEMBER = 3;
const CLONE = 4;

test('a second process with a copy of everything signs nothing, whenever it starts', async () => {
  for (const offsetMs of [0, 900, 2_900, 3_100, 5_100]) {
    const cluster = await started({ powers: [1, 1, 1, 1], seed: 61, cloneOf: MEMBER });
    await load(cluster, [0, MEMBER], 3, 50);
    await cluster.copyFiles(MEMBER, CLONE);
    await cluster.run(offsetMs);
    await cluster.start(CLONE);
    for (let step = 0; step < 20; step++) {
      await load(cluster, [0, MEMBER], 1, 500);
      assert.equal(cluster.validator(CLONE).replica.links.maySign(), false, `${offsetMs} ms`);
    }
    assert.equal(cluster.validator(MEMBER).replica.links.maySign(), true);
    cluster.assertAgreement();
  }
});

test('both start at the same time from the same files: at most one speaks', async () => {
  for (let seed = 62; seed < 66; seed++) {
    const cluster = await started({ powers: [1, 1, 1, 1], seed, cloneOf: MEMBER });
    await load(cluster, [0, MEMBER], 3, 50);
    cluster.crash(MEMBER, 'killed');
    await cluster.copyFiles(MEMBER, CLONE);
    await cluster.run(100 * (seed - 62));
    await cluster.start(MEMBER);
    await cluster.run(20 * (seed - 62));
    await cluster.start(CLONE);
    for (let step = 0; step < 25; step++) {
      await load(cluster, [0, 1], 1, 500);
      assert.ok(!speaks(cluster, MEMBER) || !speaks(cluster, CLONE), `seed ${seed}`);
    }
    cluster.ownBlocks.assertNoTwins();
  }
});

test('stopped by the system around the end of its lease while a clone takes over: it wakes and says nothing', async () => {
  for (const pausedMs of [2_900, 3_100, 9_900, 17_000]) {
    const cluster = await started({ powers: [1, 1, 1, 1], seed: 70, cloneOf: MEMBER });
    await load(cluster, [0, MEMBER], 3, 50);
    cluster.network.pause(MEMBER);
    await cluster.copyFiles(MEMBER, CLONE);
    await cluster.start(CLONE);
    await load(cluster, [0, 1, 2], pausedMs / 500, 500);
    const takenOver = speaks(cluster, CLONE);
    cluster.network.resume(MEMBER);
    for (let step = 0; step < 20; step++) {
      await load(cluster, [0], 1, 500);
      assert.ok(!speaks(cluster, MEMBER) || !speaks(cluster, CLONE), `${pausedMs} ms`);
    }
    if (pausedMs >= 17_000) assert.ok(takenOver, 'the clone had its turn');
    cluster.ownBlocks.assertNoTwins();
  }
});

test('a clean stop hands the identity over at once', async () => {
  const cluster = await started({ powers: [1, 1, 1, 1], seed: 71, cloneOf: MEMBER });
  await load(cluster, [0, MEMBER], 3, 50);
  await cluster.run(1_000);
  const stopped = cluster.validator(MEMBER).stop();
  await cluster.run(100);
  await stopped;
  await cluster.copyFiles(MEMBER, CLONE);
  cluster.crash(MEMBER, 'killed');
  await cluster.start(CLONE);
  assert.ok(await cluster.runUntil(() => speaks(cluster, CLONE), 2_000));
  assert.ok(await finalEverywhere(cluster, await load(cluster, [0, CLONE], 3, 100), 10_000));
  cluster.assertAgreement();
});

function speaks(cluster: Cluster, node: number): boolean {
  return cluster.node(node).halted === undefined && cluster.validator(node).replica.links.maySign();
}
