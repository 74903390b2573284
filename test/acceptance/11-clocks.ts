/**
 * The wall clock of one validator jumps back an hour, 30 s ahead, and stands still, by libfaketime: nothing of the network changes, the validator
 * goes on and says that its clock is off, and none of it costs processor time.
 */
import { setTimeout as delay } from 'node:timers/promises';
import { Evidence, mustAgree, mustBeSound, mustHoldAll, onDevnetWith } from '../support/acceptance.ts';
import { type TestDevnet, until } from '../support/devnet.ts';
import { FalseClock } from '../support/disturbance.ts';
import { Load, lastCommit } from '../support/load.ts';

const ALL = [0, 1, 2, 3];
const VICTIM = 3;
const OBSERVED_MS = 15_000;
const METRIC = 'av10_clock_ignored_seconds';
/** Share of a core that an idle validator may take, whatever its clock says. */
const MAX_IDLE_LOAD = 0.15;

const evidence = new Evidence();
const clock = new FalseClock();
await onDevnetWith(['faketime'], evidence, {}, async (devnet) => {
  await devnet.kill(VICTIM);
  devnet.restartIn(clock.room, VICTIM);
  await devnet.untilHealthy(VICTIM);
  const load = await Load.start(devnet, ALL);
  const frozen = new Date(Date.now() + 5_000).toISOString().replace('T', ' ').slice(0, 19);
  for (const [name, time] of [
    ['right', '+0'],
    ['an hour back', '-3600'],
    ['30 s ahead', '+30'],
    ['frozen', frozen],
  ] as const) {
    const from = devnet.logBytes(VICTIM);
    const before = load.finals.length;
    clock.set(time);
    if (name !== 'right') await until(() => says(devnet, from, /clock is off/), `${name}: the log says it`, 60_000);
    const busy = await processorLoad(devnet, OBSERVED_MS);
    const ignoredSeconds = await metric(devnet, METRIC);
    evidence.figure(name, { processorLoad: busy, finalTransfers: load.finals.length - before, ignoredSeconds });
    evidence.must(load.finals.length > before, `${name}: transfers become final`);
    evidence.must((ignoredSeconds !== 0) === (name !== 'right'), `${name}: ${METRIC} is ${ignoredSeconds}`);
    evidence.must((await devnet.readiness(VICTIM)).status === 200, `${name}: the validator is ready`);
    clock.set('+0');
    if (name !== 'right')
      await until(() => says(devnet, from, /clock agrees/), `${name}: the log says that it is over`);
  }
  await load.stop();
  for (const time of ['-3600', '+30', frozen]) {
    clock.set(time);
    const idle = await processorLoad(devnet, OBSERVED_MS / 3);
    evidence.must(idle < MAX_IDLE_LOAD, `idle with a clock at ${time}: ${idle} of a core`);
  }
  clock.set('+0');
  for (const validator of ALL) await devnet.untilExecuted(validator, lastCommit(load.finals));
  await mustHoldAll(evidence, devnet, ALL, load.finals);
  await mustAgree(evidence, devnet, ALL);
  mustBeSound(evidence, devnet);
});
clock.remove();
evidence.finish();

async function processorLoad(devnet: TestDevnet, forMs: number): Promise<number> {
  const before = devnet.processorMs(VICTIM);
  await delay(forMs);
  return Number(((devnet.processorMs(VICTIM) - before) / forMs).toFixed(2));
}

async function metric(devnet: TestDevnet, name: string): Promise<number> {
  const text = await (await fetch(`${devnet.file.validators[VICTIM]?.metrics}/metrics`)).text();
  return Number(new RegExp(`^${name} (\\S+)$`, 'm').exec(text)?.[1]);
}

function says(devnet: TestDevnet, fromByte: number, message: RegExp): boolean {
  return devnet.logLines(VICTIM, fromByte).some(({ msg }) => message.test(msg));
}
