import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { TransactionId } from '../../src/types/ids.ts';
import type { Cluster } from '../support/cluster.ts';
import { finalEverywhere, load, started } from './steps.ts';

const FOUR = [1, 1, 1, 1];

test('four validators make a transfer final within 100 ms and agree on state', async () => {
  const cluster = await started({ powers: FOUR, seed: 1 });
  const tx = cluster.transfer(0);
  const startMs = cluster.time.monotonicMs();
  const [submission] = await cluster.validator(0).submit([tx], 'test');
  assert.equal(submission?.status, 'accepted');
  assert.ok(await finalEverywhere(cluster, [tx.id], 5_000));
  assert.ok(cluster.time.monotonicMs() - startMs < 100, `${cluster.time.monotonicMs() - startMs} ms`);
  await cluster.run(3_000);
  assert.ok(cluster.validator(0).replica.checkpoints.certified >= 1, 'a checkpoint is certified');
  for (const index of cluster.nodes.keys()) {
    assert.equal(cluster.validator(index).account(1).value?.balances[0]?.amount, 1_000_001n);
    assert.equal(cluster.validator(index).transaction(tx.id)?.level, 'certified');
    const { instruments } = cluster.node(index);
    const { index: commits } = cluster.validator(index).replica.core.lastCommit;
    assert.equal(instruments.total('av10_commits_total', { decision: 'direct-commit' }), commits);
    assert.equal(instruments.total('av10_commits_total'), commits);
  }
  cluster.assertAgreement();
});

test('an idle network writes little and wakes at once', async () => {
  const cluster = await started({ powers: FOUR, seed: 2 });
  await cluster.run(10_000);
  const before = cluster.validator(0).replica.core.highestRound;
  await cluster.run(60_000);
  const rounds = cluster.validator(0).replica.core.highestRound - before;
  assert.ok(rounds > 5 && rounds < 40, `${rounds} rounds in an idle minute`);
  const tx = cluster.transfer(3);
  await cluster.validator(2).submit([tx], 'test');
  assert.ok(await finalEverywhere(cluster, [tx.id], 1_000));
});

test('one of four is killed under load: commits go on, and it catches up after its restart', async () => {
  const cluster = await started({ powers: FOUR, seed: 3 });
  const first = await load(cluster, [0, 1, 2], 20, 50);
  cluster.crash(3, 'killed');
  const second = await load(cluster, [0, 1, 2], 60, 50);
  assert.ok(await finalEverywhere(cluster, [...first, ...second], 10_000));
  await cluster.start(3);
  assert.ok(await finalEverywhere(cluster, [...first, ...second], 30_000), 'the restarted node has every receipt');
  const third = await load(cluster, [3], 5, 100);
  assert.ok(await finalEverywhere(cluster, third, 10_000), 'it signs again');
  cluster.assertAgreement();
});

test('all four lose power at once, again and again: every final receipt is kept, nothing is applied twice', async () => {
  const cluster = await started({ powers: FOUR, seed: 4 });
  const submitted: TransactionId[] = [];
  for (let cut = 0; cut < 5; cut++) {
    submitted.push(...(await load(cluster, [0, 1, 2, 3], 10, 20)));
    await cluster.run(cut * 7);
    const finals = cluster.nodes.map((node) => new Map(node.finals));
    for (const index of cluster.nodes.keys()) cluster.crash(index, 'power-cut');
    for (const index of cluster.nodes.keys()) await cluster.start(index);
    await cluster.run(15_000);
    for (const [index, kept] of finals.entries()) {
      for (const [id, commit] of kept) {
        const status = cluster.validator(index).transaction(id);
        assert.equal(status?.receipt?.commit ?? commit, commit, 'a final receipt stays as it was told');
      }
    }
    const spent = cluster.accounts
      .slice(0, 4)
      .map((_, handle) => cluster.validator(0).account(handle).value?.nextNonce ?? 0);
    for (const [handle, nonce] of spent.entries()) {
      const account = cluster.accounts[handle];
      assert.ok(account !== undefined && nonce <= account.nonce);
      account.nonce = nonce;
    }
  }
  assert.ok(submitted.length >= 200);
  assert.ok(cluster.assertAgreement().size > 100);
});

test('with three validators and one down commits stop and nothing is lost; they resume when it is back', async () => {
  const cluster = await started({ powers: [1, 1, 1], seed: 5 });
  await load(cluster, [0, 1], 5, 50);
  await cluster.run(2_000);
  cluster.crash(2, 'killed');
  await cluster.run(2_000);
  const stalledAt = cluster.validator(0).replica.core.lastCommit.index;
  const waiting = cluster.transfer(0);
  await cluster.validator(0).submit([waiting], 'test');
  await cluster.run(12_000);
  assert.ok(cluster.validator(0).replica.core.lastCommit.index <= stalledAt + 2, 'no commit without a quorum');
  const { readiness, health } = cluster.validator(0).status();
  assert.equal(health.status, 'unhealthy');
  assert.equal(readiness.quorumProgressing.ok, false);
  assert.match(readiness.quorumProgressing.reason ?? '', /v\d/, 'names who is missing');
  await cluster.start(2);
  assert.ok(await finalEverywhere(cluster, [waiting.id], 15_000));
  assert.equal(cluster.validator(0).status().health.status, 'healthy');
  cluster.assertAgreement();
});

test('one of four down costs no stutter: the median latency is at most twice the healthy one', async () => {
  const cluster = await started({ powers: FOUR, seed: 6 });
  const healthy = await medianLatencyMs(cluster, 40);
  cluster.crash(3, 'killed');
  await cluster.run(5_000);
  const degraded = await medianLatencyMs(cluster, 40);
  assert.ok(degraded <= 2 * healthy, `${degraded} ms against ${healthy} ms`);
});

test('a node cut off for longer than the garbage-collection depth comes back through certified commits', async () => {
  const cluster = await started({ powers: FOUR, seed: 7, parameters: { gcDepth: 60 } });
  cluster.network.partition([3]);
  const ids: TransactionId[] = [];
  for (let i = 0; i < 40; i++) ids.push(...(await load(cluster, [0, 1, 2], 3, 100)));
  const missed =
    cluster.validator(0).replica.core.lastCommit.leaderRound - cluster.validator(3).replica.core.highestRound;
  assert.ok(missed > 120, `${missed} rounds behind`);
  cluster.network.heal();
  assert.ok(await finalEverywhere(cluster, ids, 60_000), 'it has every receipt');
  const more = await load(cluster, [3], 3, 100);
  assert.ok(await finalEverywhere(cluster, more, 10_000), 'it signs again');
  cluster.crash(3, 'power-cut');
  await cluster.start(3);
  await cluster.run(5_000);
  cluster.assertAgreement();
});

test('a wiped validator refuses to start until its identity is recovered, then signs nothing twice', async () => {
  const cluster = await started({ powers: FOUR, seed: 8 });
  const before = await load(cluster, [0, 1, 2, 3], 10, 30);
  cluster.wipe(3);
  await assert.rejects(cluster.start(3), { code: 'NEEDS_IDENTITY_RECOVERY' });
  await load(cluster, [0, 1, 2], 10, 30);
  await cluster.start(3, true);
  assert.ok(await cluster.runUntil(() => cluster.validator(3).replica.recovery === undefined, 30_000), 'recovered');
  const after = await load(cluster, [3], 5, 100);
  assert.ok(await finalEverywhere(cluster, [...before, ...after], 30_000));
  for (const index of cluster.nodes.keys())
    assert.deepEqual(cluster.validator(index).replica.evidence, [], 'no equivocation');
  cluster.assertAgreement();
});

test('snapshots bound the replay, and a restart from one agrees', async () => {
  const cluster = await started({
    powers: FOUR,
    seed: 9,
    replica: { snapshotEveryMs: 2_000 },
    parameters: { gcDepth: 60 },
  });
  const ids: TransactionId[] = [];
  for (let i = 0; i < 10; i++) ids.push(...(await load(cluster, [0, 1, 2, 3], 3, 200)));
  assert.ok((await cluster.node(2).disk.list('data/snapshots')).length > 0, 'a snapshot was written');
  cluster.crash(2, 'power-cut');
  await cluster.start(2);
  const more = await load(cluster, [2], 5, 100);
  assert.ok(await finalEverywhere(cluster, more, 20_000));
  cluster.assertAgreement();
});

async function medianLatencyMs(cluster: Cluster, count: number): Promise<number> {
  const latencies: number[] = [];
  for (let i = 0; i < count; i++) {
    const tx = cluster.transfer(0);
    const startMs = cluster.time.monotonicMs();
    await cluster.validator(0).submit([tx], 'test');
    assert.ok(await cluster.runUntil(() => cluster.validator(0).transaction(tx.id)?.receipt !== undefined, 10_000));
    latencies.push(cluster.time.monotonicMs() - startMs);
  }
  return latencies.sort((a, b) => a - b)[Math.floor(count / 2)] ?? 0;
}
