/**
 * kill -9 of any number of validators at random moments under load, with a snapshot a second, and SIGSTOP for about as long as a lease: nothing
 * final is lost, nobody signs twice. `09-random-kills.ts [seed]`
 */
import { setTimeout as delay } from 'node:timers/promises';
import { Prng } from '../../src/util/prng.ts';
import { Evidence, mustAgree, mustBeSound, mustHoldAll, onDevnet, seconds, seedOf } from '../support/acceptance.ts';
import { type TestDevnet, until } from '../support/devnet.ts';
import { type FinalTransfer, Load, lastCommit } from '../support/load.ts';

const ALL = [0, 1, 2, 3];
const ROUNDS = 12;
const SNAPSHOTS = ['--snapshot-every-seconds', '1'];
/** Around the lease of 3 s and the hold of 5 s. */
const STOPS_MS = [2_500, 2_900, 3_100, 4_900, 5_100, 8_000];

const evidence = new Evidence();
const prng = new Prng(seedOf(evidence));
await onDevnet(evidence, {}, async (devnet) => {
  const finals: FinalTransfer[] = [];
  const healthyAgainSeconds: number[] = [];
  for (let round = 0; round < ROUNDS; round++) {
    const victims = prng.shuffle(ALL).slice(0, 1 + prng.below(ALL.length));
    const load = await Load.start(devnet, ALL);
    await until(() => load.finals.length >= 20, '20 transfers');
    for (const victim of victims) {
      await delay(prng.below(300));
      await devnet.kill(victim);
    }
    await load.stop();
    finals.push(...load.finals);
    const startedMs = performance.now();
    for (const victim of victims) devnet.restart(victim, ...SNAPSHOTS);
    await Promise.all(ALL.map((validator) => devnet.untilHealthy(validator)));
    healthyAgainSeconds.push(seconds(performance.now() - startedMs));
    for (const validator of ALL) await devnet.untilExecuted(validator, lastCommit(finals));
    await mustAgree(evidence, devnet, ALL);
  }
  evidence.figure('kills.healthyAgainSeconds', healthyAgainSeconds);
  finals.push(...(await stops(devnet)));
  evidence.figure('finalTransfers', finals.length);
  await mustHoldAll(evidence, devnet, ALL, finals);
  await mustAgree(evidence, devnet, ALL);
  mustBeSound(evidence, devnet);
});
evidence.finish();

async function stops(devnet: TestDevnet): Promise<readonly FinalTransfer[]> {
  const load = await Load.start(devnet, ALL);
  for (const stopMs of STOPS_MS) {
    const victim = prng.pick(ALL);
    devnet.signal(victim, 'SIGSTOP');
    await delay(stopMs);
    devnet.signal(victim, 'SIGCONT');
    await devnet.untilHealthy(victim);
    await devnet.untilProposes(victim);
    evidence.must(true, `validator-${victim + 1} proposes again after ${stopMs} ms of standing still`);
  }
  await load.stop();
  for (const validator of ALL) await devnet.untilExecuted(validator, lastCommit(load.finals));
  return load.finals;
}
