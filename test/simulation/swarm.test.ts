import assert from 'node:assert/strict';
import { test } from 'node:test';
import { runSwarm } from './swarm.ts';

/** Every committee size, LAN and WAN, with and without loss; about a second each. */
const FIXED_SEEDS = [2, 3, 6, 8, 9, 10, 11, 14, 16, 18, 24, 28, 31, 39, 73];
const FRESH_SEEDS = 5;

/** `AV10_SWARM_SEEDS=200` runs so many fresh seeds, `AV10_SWARM_SEEDS=73,1020` exactly these. */
function seeds(): readonly number[] {
  const asked = process.env.AV10_SWARM_SEEDS;
  if (asked === undefined) return [...FIXED_SEEDS, ...fresh(FRESH_SEEDS)];
  const listed = asked.split(',').map(Number);
  assert.ok(
    listed.every((seed) => Number.isSafeInteger(seed) && seed >= 0),
    'AV10_SWARM_SEEDS is a count, or seeds with commas between',
  );
  return listed.length === 1 ? fresh(listed[0] as number) : listed;
}

function fresh(count: number): number[] {
  const first = Math.floor(Math.random() * 2 ** 31);
  return Array.from({ length: count }, (_, i) => first + i);
}

for (const seed of seeds()) {
  // The name is printed whatever happens, so that a failure can be run again.
  test(`swarm, seed ${seed}`, async (context) => {
    const { profile, commits, transactions, virtualMs } = await runSwarm(seed);
    context.diagnostic(
      `${commits} commits, ${transactions} transactions in ${Math.round(virtualMs / 1_000)} s: ${profile}`,
    );
  });
}
