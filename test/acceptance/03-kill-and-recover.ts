/** kill -9 of one under load, of all four at once, and a wiped one that recovers its identity: nothing final is lost, states stay equal. */
import { rmSync } from 'node:fs';
import { Evidence, mustAgree, mustHoldAll, onDevnet } from '../support/acceptance.ts';
import { type TestDevnet, until } from '../support/devnet.ts';
import { type FinalTransfer, Load } from '../support/load.ts';

const ALL = [0, 1, 2, 3];

const evidence = new Evidence();
await onDevnet(evidence, {}, async (devnet) => {
  const finals: FinalTransfer[] = [];
  finals.push(...(await oneKilled(devnet)));
  finals.push(...(await allKilled(devnet)));
  finals.push(...(await oneWiped(devnet)));
  await untilCaughtUp(devnet, ALL, finals);
  await mustHoldAll(evidence, devnet, ALL.slice(0, 3), finals);
  await mustAgree(evidence, devnet, ALL);
});
evidence.finish();

async function oneKilled(devnet: TestDevnet): Promise<FinalTransfer[]> {
  const load = await Load.start(devnet, [0, 1, 2]);
  await until(() => load.finals.length >= 50, '50 transfers');
  await devnet.kill(3);
  await until(() => load.finals.length >= 100, '50 more with three of four');
  const startedMs = performance.now();
  devnet.restart(3);
  await devnet.untilHealthy(3);
  evidence.figure('oneKilled.healthyAgainSeconds', Number(((performance.now() - startedMs) / 1_000).toFixed(1)));
  await load.stop();
  await untilCaughtUp(devnet, [3], load.finals);
  evidence.figure('oneKilled.finalTransfers', load.finals.length);
  await mustAgree(evidence, devnet, ALL);
  return load.finals;
}

async function allKilled(devnet: TestDevnet): Promise<FinalTransfer[]> {
  const load = await Load.start(devnet, ALL);
  await until(() => load.finals.length >= 100, '100 transfers');
  await Promise.all(ALL.map((validator) => devnet.kill(validator)));
  await load.stop();
  const startedMs = performance.now();
  for (const validator of ALL) devnet.restart(validator);
  await Promise.all(ALL.map((validator) => devnet.untilHealthy(validator)));
  evidence.figure('allKilled.healthyAgainSeconds', Number(((performance.now() - startedMs) / 1_000).toFixed(1)));
  evidence.figure('allKilled.finalBeforeKill', load.finals.length);
  await untilCaughtUp(devnet, ALL, load.finals);
  await mustHoldAll(evidence, devnet, ALL, load.finals);
  await mustAgree(evidence, devnet, ALL);
  return load.finals;
}

async function oneWiped(devnet: TestDevnet): Promise<FinalTransfer[]> {
  const load = await Load.start(devnet, [0, 1, 2]);
  await until(() => load.finals.length >= 20, '20 transfers');
  await devnet.kill(3);
  const { data, guard } = devnet.layout.validator(3);
  for (const folder of [data, guard]) rmSync(folder, { recursive: true });
  const refused = devnet.restart(3);
  await until(() => refused.exitCode !== null, 'the wiped validator ends');
  evidence.must(
    refused.exitCode === 3,
    `without --recover-identity the wiped validator refuses to start (status ${refused.exitCode})`,
  );
  const startedMs = performance.now();
  devnet.restart(3, '--recover-identity');
  await devnet.untilHealthy(3, 120_000);
  evidence.figure('oneWiped.healthyAgainSeconds', Number(((performance.now() - startedMs) / 1_000).toFixed(1)));
  await load.stop();
  await untilCaughtUp(devnet, [3], load.finals);
  const before = (await devnet.client(3).status()).lastProposedRound;
  await until(
    async () => (await devnet.client(3).status()).lastProposedRound > before,
    'the wiped validator proposes again',
  );
  return load.finals;
}

async function untilCaughtUp(
  devnet: TestDevnet,
  validators: readonly number[],
  finals: readonly FinalTransfer[],
): Promise<void> {
  const last = Math.max(...finals.map(({ commit }) => commit));
  for (const validator of validators) {
    await until(
      async () => (await devnet.client(validator).status()).lastExecuted >= last,
      `validator-${validator + 1} has executed commit ${last}`,
    );
  }
}
