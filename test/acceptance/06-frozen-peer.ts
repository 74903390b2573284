/** A validator frozen for a minute under load costs the others bounded memory, and catches up when it thaws. */
import { setTimeout as delay } from 'node:timers/promises';
import { Evidence, latencies, mustAgree, onDevnet } from '../support/acceptance.ts';
import { type TestDevnet, until } from '../support/devnet.ts';
import { Load } from '../support/load.ts';

const FROZEN_MS = 60_000;
/** What load fills up to its limits (block window, payload cache, heap) is full when nobody grows by more than this between two looks. */
const SETTLED_MIB = 8;
const LOOK_EVERY_MS = 20_000;
const LOOKS = 15;
const MAX_GROWTH_MIB = 64;
const MIB = 1024 * 1024;

const evidence = new Evidence();
await onDevnet(evidence, { accounts: 9 }, async (devnet) => {
  const load = await Load.start(devnet, [0, 1, 2, 0, 1, 2, 0, 1, 2]);
  const before = await settledMemory(devnet);
  const finalBefore = load.finals.length;
  devnet.signal(3, 'SIGSTOP');
  await delay(FROZEN_MS);
  const growth = [0, 1, 2].map((validator, i) =>
    Math.round((devnet.anonymousBytes(validator) - (before[i] as number)) / MIB),
  );
  const whileFrozen = load.finals.slice(finalBefore);
  evidence.figure(
    'anonymousMiBBefore',
    before.map((bytes) => Math.round(bytes / MIB)),
  );
  evidence.figure('growthMiB', growth);
  evidence.figure('whileFrozen', latencies(whileFrozen));
  evidence.must(
    growth.every((mib) => mib < MAX_GROWTH_MIB),
    `no other validator grew by ${MAX_GROWTH_MIB} MiB`,
  );
  evidence.must(whileFrozen.length > 0, 'the others went on');
  devnet.signal(3, 'SIGCONT');
  const thawedMs = performance.now();
  await devnet.untilHealthy(3);
  await load.stop();
  const last = Math.max(...load.finals.map(({ commit }) => commit));
  await until(
    async () => (await devnet.client(3).status()).lastExecuted >= last,
    'the frozen one has caught up',
    120_000,
  );
  evidence.figure('caughtUpSeconds', Number(((performance.now() - thawedMs) / 1_000).toFixed(1)));
  await until(async () => (await devnet.checkpointStatements([0, 1, 2, 3])).index > 0, 'a checkpoint that all keep');
  await mustAgree(evidence, devnet, [0, 1, 2, 3]);
});
evidence.finish();

/** Bytes of each of the three that will not be frozen, once load alone no longer makes them grow. */
async function settledMemory(devnet: TestDevnet): Promise<number[]> {
  let last = [0, 0, 0];
  for (let look = 0; look < LOOKS; look++) {
    await delay(LOOK_EVERY_MS);
    const now = [0, 1, 2].map((validator) => devnet.anonymousBytes(validator));
    if (now.every((bytes, i) => bytes - (last[i] as number) < SETTLED_MIB * MIB)) return now;
    last = now;
  }
  return last;
}
