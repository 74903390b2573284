/**
 * Each validator in a network namespace of its own, where the kernel drops packets: loss, a narrow cable, silence in one direction, and a
 * partition into halves. Needs root and iptables.
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
import { type TestDevnet, until } from '../support/devnet.ts';
import { type FinalTransfer, Load, lastCommit } from '../support/load.ts';
import { Namespaces } from '../support/namespaces.ts';

const ALL = [0, 1, 2, 3];
const OTHERS = [0, 1, 2];
const VICTIM = 3;
const MEASURED_MS = 15_000;
const PARTITION_MS = 15_000;

const evidence = new Evidence();
let namespaces: Namespaces | undefined;
try {
  await onDevnetWith(['root', 'iptables'], evidence, { accounts: 4 }, async (devnet) => {
    namespaces = await Namespaces.around(devnet);
    const finals: FinalTransfer[] = [];
    for (const [name, disturb] of disturbances(namespaces)) {
      disturb();
      const load = await Load.start(devnet, OTHERS);
      await delay(MEASURED_MS);
      await load.stop();
      evidence.figure(name, { ...latencies(load.finals), packetsDropped: namespaces.dropped });
      evidence.must(load.finals.length > 0, `${name}: transfers become final`);
      finals.push(...load.finals);
      namespaces.heal();
      await Promise.all(ALL.map((validator) => devnet.untilHealthy(validator)));
    }
    finals.push(...(await halves(devnet, namespaces)));
    for (const validator of ALL) await devnet.untilExecuted(validator, lastCommit(finals));
    await mustHoldAll(evidence, devnet, ALL, finals);
    await mustAgree(evidence, devnet, ALL);
    mustBeSound(evidence, devnet);
  });
} finally {
  namespaces?.remove();
}
evidence.finish();

function disturbances(network: Namespaces): [string, () => void][] {
  return [
    ['nothing', () => undefined],
    ['1 % of packets lost', () => network.lose(0.01)],
    ['5 % of packets lost', () => network.lose(0.05)],
    ['20 % of packets lost', () => network.lose(0.2)],
    ['one validator on a cable of 5 Mbit/s', () => network.limit(VICTIM, 5)],
    ['one validator that nobody hears', () => network.deafen(OTHERS, [VICTIM])],
    ['one validator that hears nobody', () => network.deafen([VICTIM], OTHERS)],
  ];
}

/** No half has a quorum: nothing may become final, and everything goes on when they are together again. */
async function halves(devnet: TestDevnet, network: Namespaces): Promise<readonly FinalTransfer[]> {
  const load = await Load.start(devnet, ALL);
  await until(() => load.finals.length >= 20, '20 transfers');
  network.deafen([0, 1], [2, 3]);
  network.deafen([2, 3], [0, 1]);
  for (const validator of ALL)
    await devnet.untilReadiness(validator, 'no lease', ({ body }) => body.ableToSign.code === 'NO_LEASE');
  const atHalt = load.finals.length;
  await delay(PARTITION_MS);
  evidence.must(load.finals.length === atHalt, 'in halves: nothing becomes final');
  network.heal();
  const healedMs = performance.now();
  await until(() => load.finals.length >= atHalt + 20, '20 transfers after the partition', 60_000);
  evidence.figure('halves.finalAgainSeconds', seconds(performance.now() - healedMs));
  await load.stop();
  await Promise.all(ALL.map((validator) => devnet.untilHealthy(validator)));
  return load.finals;
}
