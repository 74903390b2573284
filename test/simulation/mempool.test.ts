import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { TransactionId } from '../../src/types/ids.ts';
import { BALANCE, type Cluster, type ClusterOptions, type TransferChanges } from '../support/cluster.ts';
import { finalEverywhere, load, started } from './steps.ts';

const FOUR = [1, 1, 1, 1];
/** Cut off from the others, so that what it takes stays in its mempool until the cut heals. */
const APART = 0;
/** Its lease has run out: it signs nothing. */
const BARRED_MS = 4_000;
/** Payload bytes of a single transfer. */
const TRANSFER_BYTES = 4_780;

async function apart(options: Partial<ClusterOptions>): Promise<Cluster> {
  const cluster = await started({ powers: FOUR, seed: 81, ...options });
  cluster.network.partition([APART]);
  await cluster.run(BARRED_MS);
  return cluster;
}

/** The transfer at the validator that is apart, which takes it. */
async function accept(cluster: Cluster, sender: number, changes: TransferChanges = {}): Promise<TransactionId> {
  const transfer = cluster.transfer(sender, changes);
  const [submission] = await cluster.validator(APART).submit([transfer], 'test');
  assert.equal(submission?.status, 'accepted');
  return transfer.id;
}

/** @returns the code of the refusal */
async function refuse(cluster: Cluster, sender: number, changes: TransferChanges): Promise<string> {
  const [submission] = await cluster.validator(APART).submit([cluster.transfer(sender, changes)], 'test');
  assert.ok(submission?.status === 'refused', `${sender} is ${submission?.status}`);
  return submission.refusal.code;
}

function left(cluster: Cluster, reason: string): number {
  return cluster.node(APART).instruments.total('av10_mempool_left_total', { reason });
}

test('one that pays twice the fee takes the place of another with its nonce, which is never applied', async () => {
  const cluster = await apart({});
  const first = await accept(cluster, 1, { nonce: 0, fee: 3n });
  assert.equal(await refuse(cluster, 1, { nonce: 0, fee: 5n }), 'SLOT_TAKEN');
  const second = await accept(cluster, 1, { nonce: 0, fee: 6n });
  assert.equal(left(cluster, 'REPLACED'), 1);
  cluster.network.heal();
  assert.ok(await finalEverywhere(cluster, [second], 20_000));
  assert.equal(cluster.validator(1).transaction(first), undefined);
  assert.equal(cluster.validator(APART).transaction(first)?.level, 'dropped');
});

test('what is in a block under way is not replaced, whatever the fee', async () => {
  const cluster = await started({ powers: FOUR, seed: 82, network: { latencyMs: () => 50 } });
  const first = await accept(cluster, 1, { nonce: 0 });
  await cluster.run(30);
  assert.equal(await refuse(cluster, 1, { nonce: 0, fee: 1_000n }), 'SLOT_TAKEN');
  assert.ok(await finalEverywhere(cluster, [first], 5_000));
});

test('two validators with different transactions of one nonce: one is applied, the other is surely dead', async () => {
  const cluster = await started({ powers: FOUR, seed: 83, network: { latencyMs: () => 20 } });
  const rivals = [cluster.transfer(1, { nonce: 0 }), cluster.transfer(1, { nonce: 0, amount: 2n })];
  for (const [node, rival] of rivals.entries()) await cluster.validator(node).submit([rival], 'test');
  const levels = (): string[] =>
    rivals.map(({ id }, node) => cluster.validator(node).transaction(id)?.level ?? 'unknown').sort();
  assert.ok(await cluster.runUntil(() => levels().join() === 'dropped,final', 5_000), levels().join());
  await cluster.run(200);
  for (const node of cluster.nodes.keys()) assert.equal(cluster.validator(node).account(1).value?.nextNonce, 1);
});

test('what waits behind a gap yields to what can be executed; one sender and all of them have their limits', async () => {
  const mempool = { maxBytes: 8 * TRANSFER_BYTES, maxSenderBytes: 5 * TRANSFER_BYTES };
  const cluster = await apart({ mempool });
  for (let nonce = 1; nonce < 6; nonce++) await accept(cluster, 1, { nonce });
  assert.equal(await refuse(cluster, 1, { nonce: 6 }), 'SENDER_LIMIT');
  const ready: TransactionId[] = [];
  for (const sender of [2, 3, 4, 5, 6, 7, 8, 9]) ready.push(await accept(cluster, sender));
  assert.equal(left(cluster, 'EVICTED'), 5);
  assert.equal(cluster.node(APART).instruments.total('av10_mempool_transactions'), 8);
  assert.equal(await refuse(cluster, 10, { nonce: 0 }), 'MEMPOOL_FULL');
  cluster.network.heal();
  assert.ok(await finalEverywhere(cluster, ready, 20_000));
});

test('a block that is full leaves the rest to the next one, sender by sender', async () => {
  const cluster = await apart({ parameters: { maxTransactionBytes: 16_384, maxBlockBytes: 16_400 } });
  const ids: TransactionId[] = [];
  for (let turn = 0; turn < 4; turn++) for (const sender of [1, 2, 3, 4, 5]) ids.push(await accept(cluster, sender));
  cluster.network.heal();
  assert.ok(await finalEverywhere(cluster, ids, 20_000));
  const commits = new Set(ids.map((id) => cluster.node(1).finals.get(id)));
  assert.ok(commits.size >= ids.length / 3, `${commits.size} commits for ${ids.length} transfers`);
});

test('what expires while it waits leaves with that reason; its nonce is free for another', async () => {
  const cluster = await started({ powers: FOUR, seed: 84 });
  await accept(cluster, 1, { nonce: 1, expiryMs: cluster.time.wallMs() + 1_000 });
  await load(cluster, [2], 10, 200);
  assert.equal(left(cluster, 'EXPIRED'), 1);
  const again = [await accept(cluster, 1), await accept(cluster, 1)];
  assert.ok(await finalEverywhere(cluster, again, 5_000));
});

test('one whose sender has spent everything before is dropped for the fee, and does not go again', async () => {
  const cluster = await apart({});
  const all = await accept(cluster, 1, { amount: BALANCE });
  const poor = await accept(cluster, 1, { fee: 10n });
  cluster.network.heal();
  assert.ok(await finalEverywhere(cluster, [all], 20_000));
  assert.ok(await cluster.runUntil(() => left(cluster, 'DROPPED') === 1, 5_000));
  assert.equal(cluster.validator(APART).transaction(poor)?.level, 'dropped');
});
