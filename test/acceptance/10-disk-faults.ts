/**
 * System calls of one validator's disk fail or stall, by strace: it says DISK and stops signing, the others go on, and it resumes alone. With a
 * snapshot a second, so that every file is met.
 */
import { setTimeout as delay } from 'node:timers/promises';
import {
  Evidence,
  latencies,
  mustAgree,
  mustBeSound,
  mustHoldAll,
  onDevnetWith,
  seconds,
} from '../support/acceptance.ts';
import type { TestDevnet } from '../support/devnet.ts';
import { Injection } from '../support/disturbance.ts';
import { type FinalTransfer, Load, lastCommit } from '../support/load.ts';

const ALL = [0, 1, 2, 3];
const OTHERS = [0, 1, 2];
const VICTIM = 3;
const FAULT_MS = 12_000;

const evidence = new Evidence();
await onDevnetWith(['strace'], evidence, {}, async (devnet) => {
  await devnet.kill(VICTIM);
  devnet.restart(VICTIM, '--snapshot-every-seconds', '1');
  await devnet.untilHealthy(VICTIM);
  const finals: FinalTransfer[] = [];
  for (const [name, calls, how] of [
    ['EIO of fdatasync', 'fdatasync', 'error=EIO'],
    ['EIO of every fourth sync', 'fsync,fdatasync', 'error=EIO:when=4+4'],
    ['ENOSPC of writes', 'pwrite64,pwritev', 'error=ENOSPC'],
    ['EROFS of writes', 'pwrite64,pwritev', 'error=EROFS'],
    ['syncs that take 5 s', 'fsync,fdatasync', 'delay_enter=5s'],
  ] as const)
    finals.push(...(await disturbed(devnet, name, calls, how)));
  for (const validator of ALL) await devnet.untilExecuted(validator, lastCommit(finals));
  await mustHoldAll(evidence, devnet, ALL, finals);
  await mustAgree(evidence, devnet, ALL);
  mustBeSound(evidence, devnet);
});
evidence.finish();

async function disturbed(
  devnet: TestDevnet,
  name: string,
  calls: string,
  how: string,
): Promise<readonly FinalTransfer[]> {
  const load = await Load.start(devnet, OTHERS);
  const injection = await Injection.begin(devnet.pid(VICTIM), calls, how);
  const { status, body } = await devnet.untilReadiness(
    VICTIM,
    'DISK',
    (ready) => ready.body.ableToSign.code === 'DISK',
  );
  evidence.must(status === 503, `${name}: /ready is 503, ${body.ableToSign.reason}`);
  await delay(FAULT_MS);
  const whileFaulty = load.finals.length;
  await injection.end();
  const endedMs = performance.now();
  await devnet.untilReadiness(VICTIM, '200', (ready) => ready.status === 200);
  await devnet.untilProposes(VICTIM);
  await load.stop();
  evidence.figure(name, { ...latencies(load.finals), proposesAgainSeconds: seconds(performance.now() - endedMs) });
  evidence.must(whileFaulty > 0, `${name}: transfers became final through the others (${whileFaulty})`);
  evidence.must(true, `${name}: the validator proposes again without anybody's help`);
  return load.finals;
}
