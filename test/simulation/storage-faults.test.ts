import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Cluster } from '../support/cluster.ts';
import type { PlannedFault } from '../support/simulated-disk.ts';
import { finalEverywhere, load, started } from './steps.ts';

const FOUR = [1, 1, 1, 1];
const LOG = 'data/log/segment-0000000.log';
const GUARD = 'guard/guard';

const REFUSALS: readonly PlannedFault[] = [
  { operation: 'write', code: 'DISK_FULL', path: 'data/log' },
  { operation: 'sync', code: 'IO_ERROR', path: 'data/log' },
  { operation: 'write', code: 'DISK_FULL', path: 'guard' },
  { operation: 'sync', code: 'IO_ERROR', path: 'guard' },
];

for (const fault of REFUSALS) {
  test(`${fault.code} at a ${fault.operation} of ${fault.path}: signing stops, readiness says why, and it resumes alone`, async () => {
    const cluster = await started({ powers: FOUR, seed: 31 });
    cluster.node(2).disk.fail(fault);
    const during = await load(cluster, [0, 1, 3], 10, 100);
    const { readiness } = cluster.validator(2).status();
    assert.equal(readiness.ableToSign.code, 'DISK');
    assert.match(readiness.ableToSign.reason ?? '', new RegExp(fault.code));
    assert.equal(readiness.alive.ok, true, 'nothing that time does not mend');
    assert.ok(
      await cluster.runUntil(
        () => during.every((id) => cluster.validator(0).transaction(id)?.receipt !== undefined),
        10_000,
      ),
      'the others go on',
    );
    cluster.node(2).disk.healFaults();
    const after = await load(cluster, [2], 5, 1_000);
    assert.ok(await finalEverywhere(cluster, [...during, ...after], 20_000));
    assert.equal(cluster.validator(2).status().readiness.ableToSign.ok, true);
    cluster.assertAgreement();
  });
}

for (const powers of [[1, 1, 1], FOUR]) {
  test(`power cut at every write of log and guard around a proposal, n = ${powers.length}: nothing is said twice and the network goes on`, async () => {
    const cluster = await started({ powers, seed: 32 });
    for (let operation = 1; operation <= 8; operation++) {
      for (const when of ['before', 'after'] as const) {
        const { disk } = cluster.node(0);
        disk.crashAt(operation, when);
        await cluster.validator(0).submit([cluster.transfer(0)], 'test');
        assert.ok(await cluster.runUntil(() => disk.isOff, 10_000), 'the power went off');
        cluster.crash(0, 'power-cut');
        await cluster.start(0);
        const account = cluster.accounts[0];
        assert.ok(account !== undefined);
        await cluster.run(8_000);
        account.nonce = cluster.validator(0).account(0).value?.nextNonce ?? 0;
        assert.ok(
          await finalEverywhere(cluster, await load(cluster, [1], 1, 50), 20_000),
          `after a cut ${when} operation ${operation}`,
        );
        cluster.assertAgreement();
      }
    }
  });
}

test('data and guard restored from a backup: it halts before it signs', async () => {
  const cluster = await started({ powers: FOUR, seed: 33 });
  await load(cluster, [0, 1, 2, 3], 5, 50);
  cluster.crash(3, 'killed');
  const { disk } = cluster.node(3);
  const backup = [LOG, GUARD].map((path) => ({ path, bytes: disk.contents(path) }));
  await cluster.start(3);
  await cluster.run(8_000);
  await load(cluster, [0, 1, 2, 3], 10, 50);
  const signed = cluster.validator(3).replica.core.lastProposedRound;
  cluster.crash(3, 'killed');
  for (const { path, bytes } of backup) disk.plant(path, bytes);
  cluster.node(3).promised = 0;
  await cluster.start(3);
  await cluster.run(10_000);
  assert.match(cluster.node(3).halted ?? '', /NEEDS_IDENTITY_RECOVERY/);
  cluster.ownBlocks.assertNoTwins();
  cluster.crash(3, 'killed');
  cluster.node(3).halted = undefined;
  await cluster.start(3, true);
  const after = await load(cluster, [0, 3], 5, 1_000);
  assert.ok(await finalEverywhere(cluster, after, 20_000));
  assert.ok(cluster.validator(3).replica.core.lastProposedRound > signed + 1);
  cluster.assertAgreement();
});

for (const powers of [[1, 1, 1], FOUR]) {
  test(`wiped with blocks in flight, n = ${powers.length}: it comes back and says nothing twice`, async () => {
    for (let seed = 40; seed < 52; seed++) {
      const cluster = await started({ powers, seed, network: { latencyMs: (_from, _to, prng) => 1 + prng.below(40) } });
      await load(cluster, [0, 1, 2], 1 + (seed % 5), 3 * seed);
      await cluster.run(400 * (seed % 10));
      // What it says from here on reaches nobody, and the others, idle, do not leave it behind.
      for (const other of [...powers.keys()].filter((index) => index !== 2)) cluster.network.block(2, other);
      await load(cluster, [2], 1, 20 * (seed % 3));
      cluster.wipe(2);
      cluster.network.heal();
      await cluster.start(2, true);
      assert.ok(
        await cluster.runUntil(() => cluster.validator(2).replica.recovery === undefined, 30_000),
        `recovered, seed ${seed}`,
      );
      await cluster.run(2_000);
      assert.ok(await finalEverywhere(cluster, await load(cluster, [0, 1], 2, 100), 30_000), `goes on, seed ${seed}`);
      cluster.assertAgreement();
    }
  });
}

test('a guard that knows more than the answers, and a member restarted before it spoke again', async () => {
  const cluster = await started({ powers: FOUR, seed: 34 });
  await load(cluster, [0, 1, 2, 3], 5, 50);
  const guard = cluster.node(3).disk.contents(GUARD);
  const { lastProposedRound } = cluster.validator(3).replica.core;
  cluster.wipe(3);
  cluster.node(3).disk.plant(GUARD, guard);
  await cluster.start(3, true);
  assert.ok(await cluster.runUntil(() => cluster.validator(3).replica.recovery === undefined, 30_000));
  await cluster.run(500);
  cluster.crash(3, 'killed');
  await cluster.start(3);
  assert.ok(await finalEverywhere(cluster, await load(cluster, [0, 3], 5, 1_000), 30_000));
  assert.ok(cluster.validator(3).replica.core.lastProposedRound > lastProposedRound);
  cluster.assertAgreement();
});

test('time goes on after the network stood still for longer than a clock may be wrong', async () => {
  const cluster = await started({ powers: FOUR, seed: 35 });
  await load(cluster, [0], 3, 50);
  for (const index of cluster.nodes.keys()) cluster.crash(index, 'killed');
  await cluster.run(60_000);
  for (const index of cluster.nodes.keys()) await cluster.start(index);
  await cluster.run(10_000);
  assert.ok(await finalEverywhere(cluster, await load(cluster, [0], 3, 200), 10_000));
  const { timeMs } = cluster.validator(0).replica.core.lastCommit;
  assert.ok(cluster.time.wallMs() - timeMs < 2_000, `commit time lags by ${cluster.time.wallMs() - timeMs} ms`);
});

test("commits from before everybody's newest snapshot are still there for a member that was away", async () => {
  const cluster = await started({
    powers: FOUR,
    seed: 36,
    replica: { snapshotEveryMs: 500 },
    parameters: { gcDepth: 30, checkpointSpacingMs: 100 },
  });
  cluster.crash(3, 'killed');
  const missed = await load(cluster, [0, 1, 2], 40, 100);
  for (const index of [0, 1, 2]) {
    cluster.crash(index, 'killed');
    await cluster.start(index);
    await cluster.run(8_000);
  }
  await cluster.start(3);
  assert.ok(await caughtUp(cluster, 3, 60_000));
  assert.ok(cluster.node(3).commits.size > 100);
  assert.ok(
    missed.every((id) => cluster.node(3).finals.has(id)),
    'every receipt is here',
  );
  cluster.assertAgreement();
});

function caughtUp(cluster: Cluster, index: number, limitMs: number): Promise<boolean> {
  const commit = (node: number): number => cluster.validator(node).replica.executor.lastExecuted;
  return cluster.runUntil(() => commit(index) >= commit(0), limitMs);
}
