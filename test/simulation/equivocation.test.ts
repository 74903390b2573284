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
/**
 * More than the equivocating blocks that may be fetched for one block: docs/spec/block.md, "Equivocation". They matter once the first slot with two
 * blocks is collected: their author is no longer exposed then, and each member names the end of the chain that it has seen.
 */
const CHAIN_BLOCKS = 80;
const STEP_MS = 20;

test('two private chains of 80 rounds, each shown to one member at once: blocks that need them are parked, taken up when they are needed, and commits go on', async () => {
  const cluster = new Cluster({ powers: FOUR, seed: 75, parameters: { gcDepth: 120 } });
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
  for (let step = 0; step < 100; step++) {
    const before = cluster.validator(0).replica.core.lastCommit.index;
    await load(cluster, [step % 3], 1, STEP_MS);
    if ([0, 1, 2].some((node) => isParked(cluster, node))) parked += 1;
    stalledMs = cluster.validator(0).replica.core.lastCommit.index > before ? 0 : stalledMs + STEP_MS;
    longestMs = Math.max(longestMs, stalledMs);
  }
  assert.ok(parked > 0, 'no block was parked');
  assert.ok(longestMs <= 2 * DEFAULT_PACING.leaderTimeoutMs, `${longestMs} ms without a commit`);
  const ids = await load(cluster, [0, 1, 2], 2, 50);
  assert.ok(await finalEverywhere(cluster, ids, 5_000));
  checkers.check();
  checkers.assertEvidence();
});

/** Blocks wait, and nothing is fetched for them. */
function isParked(cluster: Cluster, node: number): boolean {
  const { core } = cluster.validator(node).replica;
  return core.suspended.count > 0 && core.missing().length === 0;
}

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
