import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Round } from '../../src/types/ids.ts';
import { Prng } from '../../src/util/prng.ts';
import { Cluster } from '../support/cluster.ts';
import { Puppet } from '../support/puppet.ts';
import { behave } from './adversaries.ts';
import { finalEverywhere, load } from './steps.ts';

const FOUR = [1, 1, 1, 1];
const FAULTY = 3;
const AWAY = 2;

test('a member that was away for longer than the DAG lasts comes back, although no checkpoint could be certified', async () => {
  const { cluster } = await withFaulty({ gcDepth: 20, checkpointSpacingMs: 100 });
  cluster.crash(AWAY, 'killed');
  const { core, checkpoints } = cluster.validator(0).replica;
  const leftAt = core.highestRound;
  const certified = checkpoints.certified;
  // The faulty member keeps the rounds going and votes on no checkpoint.
  assert.ok(await cluster.runUntil(() => core.gcRound > leftAt + 200, 60_000), `round ${core.gcRound}`);
  assert.equal(checkpoints.certified, certified, 'two votes certify nothing');
  await cluster.start(AWAY);
  const back = () => cluster.validator(AWAY).replica.core.highestRound > core.highestRound - 3;
  assert.ok(
    await cluster.runUntil(back, 20_000),
    `at ${cluster.validator(AWAY).replica.core.highestRound} of ${core.highestRound}`,
  );
  assert.ok(await finalEverywhere(cluster, await load(cluster, [0, 1, AWAY], 3, 50), 10_000));
});

test('a member that was away learns of an equivocation that it can see in no block, and still knows after a restart', async () => {
  const { cluster, puppet } = await withFaulty({});
  cluster.crash(AWAY, 'killed');
  const round = puppet.quorumRound + 1;
  puppet.onHeard = () => undefined;
  const twins = [await puppet.block(round), await puppet.block(round, { executedCommit: 1 })];
  for (const twin of twins) puppet.show(twin, [0]);
  await cluster.run(100);
  const accused = (node: number) => cluster.validator(node).replica.evidence.map(({ first }) => first.author);
  assert.deepEqual([accused(0), accused(1)], [[FAULTY], [FAULTY]]);
  await cluster.start(AWAY);
  assert.deepEqual(accused(AWAY), []);
  assert.ok(await cluster.runUntil(() => accused(AWAY).length > 0, 10_000), 'told when its links came up');
  await load(cluster, [0, 1, AWAY], 3, 50);
  cluster.crash(AWAY, 'power-cut');
  await cluster.start(AWAY);
  assert.deepEqual(accused(AWAY), [FAULTY]);
});

test('an own block goes to nobody before it is durable, however often a peer asks', async () => {
  const { cluster, puppet } = await withFaulty({});
  const sent: Round[] = [];
  puppet.onMessage = (peer, message) => {
    if (peer === 0 && message.type === 'block') sent.push(message.block.header.round);
  };
  await cluster.run(1_000);
  const { core } = cluster.validator(0).replica;
  const release = cluster.node(0).disk.hold('sync');
  await load(cluster, [0, 1], 2, 100);
  const spoken = core.dag.highestOf(0);
  sent.length = 0;
  const highestRounds = cluster.nodes.map((_, author) => core.dag.highestOf(author) - 1);
  const state = { lastOwnRound: 0, highestRounds, gcRound: 0, commitIndex: 0, certificateIndex: 0 };
  for (let i = 0; i < 5; i++) {
    puppet.send(0, { type: 'exchange', state });
    await cluster.run(100);
  }
  assert.deepEqual([...new Set(sent)], [spoken]);
  release();
  await cluster.run(1_000);
  assert.ok(core.dag.highestOf(0) > spoken, 'there was one to hide');
});

async function withFaulty(parameters: { readonly gcDepth?: number; readonly checkpointSpacingMs?: number }) {
  const cluster = new Cluster({ powers: FOUR, seed: 41, parameters });
  await cluster.startAll();
  cluster.crash(FAULTY, 'killed');
  const puppet = new Puppet(cluster, FAULTY);
  await puppet.start();
  behave('fast, and never votes', { cluster, puppet, prng: new Prng(41), transfers: () => [] });
  await cluster.run(8_000);
  await load(cluster, [0, 1, AWAY], 3, 50);
  return { cluster, puppet };
}
