import assert from 'node:assert/strict';
import { test } from 'node:test';
import { DEFAULT_PACING } from '../../src/consensus/index.ts';
import type { BlockRef } from '../../src/types/block.ts';
import type { WireBlock } from '../../src/types/message.ts';
import { Cluster } from '../support/cluster.ts';
import { Puppet } from '../support/puppet.ts';
import { Checkers } from './checkers.ts';
import { finalEverywhere, load } from './steps.ts';

const FOUR = [1, 1, 1, 1];
const FAULTY = 3;
/** More than the equivocating blocks that may be fetched for one block: docs/spec/block.md, "Equivocation". */
const CHAIN_BLOCKS = 70;
const STEP_MS = 20;

test('two private chains of 70 rounds, each shown to one member at once: blocks that need them are parked, taken up when they are needed, and commits go on', async () => {
  const cluster = new Cluster({ powers: FOUR, seed: 75, parameters: { gcDepth: 400 } });
  await cluster.startAll();
  cluster.crash(FAULTY, 'killed');
  const puppet = new Puppet(cluster, FAULTY);
  puppet.answersFetches = true;
  await puppet.start();
  await load(cluster, [0, 1, 2], 2, 2_000);
  const checkers = new Checkers(cluster, [FAULTY]);
  const chains = await privateChains(cluster, puppet);
  for (const [peer, chain] of chains.entries()) for (const block of chain) puppet.show(block, [peer]);
  let parked = 0;
  let stalledMs = 0;
  let longestMs = 0;
  for (let step = 0; step < 60; step++) {
    const before = cluster.validator(0).replica.core.lastCommit.index;
    await load(cluster, [step % 3], 1, STEP_MS);
    parked = Math.max(parked, ...[0, 1, 2].map((node) => cluster.validator(node).replica.core.suspended.count));
    stalledMs = cluster.validator(0).replica.core.lastCommit.index > before ? 0 : stalledMs + STEP_MS;
    longestMs = Math.max(longestMs, stalledMs);
  }
  assert.ok(parked > 0, 'some block waited');
  assert.ok(longestMs <= 2 * DEFAULT_PACING.leaderTimeoutMs, `${longestMs} ms without a commit`);
  const ids = await load(cluster, [0, 1, 2], 2, 50);
  assert.ok(await finalEverywhere(cluster, ids, 5_000));
  checkers.check();
  checkers.assertEvidence();
});

/** Two blocks in each of many rounds, on branches that share nothing, shown to nobody yet. */
async function privateChains(cluster: Cluster, puppet: Puppet): Promise<readonly (readonly WireBlock[])[]> {
  const chains: WireBlock[][] = [[], []];
  const first = puppet.quorumRound + 1;
  let made = first - 1;
  while ((chains[0] as WireBlock[]).length < CHAIN_BLOCKS) {
    await load(cluster, [0], 1, 5);
    for (; made < puppet.quorumRound; made++) {
      for (const [i, chain] of chains.entries()) {
        const [own, ...others] = puppet.ancestors(made + 1) as [BlockRef, ...BlockRef[]];
        const ancestors = [chain.at(-1)?.header.ref ?? own, ...others];
        if (!puppet.isQuorum(made + 1, ancestors)) continue;
        chain.push(await puppet.block(made + 1, { ancestors, timestampMs: cluster.time.wallMs() + i }));
      }
    }
  }
  return chains;
}
