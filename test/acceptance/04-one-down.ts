/** Three validators with one down halt and lose nothing; four with one down go on, at most twice as slow. */
import { setTimeout as delay } from 'node:timers/promises';
import { Evidence, latencies, mustAgree, mustHoldAll, onDevnet } from '../support/acceptance.ts';
import { until } from '../support/devnet.ts';
import { Load } from '../support/load.ts';

const OBSERVED_MS = 12_000;
const MEASURED_MS = 15_000;

const evidence = new Evidence();

await onDevnet(evidence, { validators: 3 }, async (devnet) => {
  const load = await Load.start(devnet, [0, 1]);
  await until(() => load.finals.length >= 30, '30 transfers');
  await devnet.kill(2);
  await delay(1_000); // what was on its way may still become final
  const atHalt = load.finals.length;
  const commitAtHalt = (await devnet.client(0).status()).lastCommit;
  await delay(OBSERVED_MS);
  const commitsWhileDown = (await devnet.client(0).status()).lastCommit - commitAtHalt;
  const { status, body } = await devnet.health(0);
  const { readiness } = await devnet.client(0).status();
  evidence.figure('three.oneDown', {
    commitsWhileDown,
    finalWhileDown: load.finals.length - atHalt,
    httpStatus: status,
    health: body,
    readiness,
  });
  evidence.must(
    load.finals.length === atHalt && commitsWhileDown === 0,
    `three with one down: no commit, nothing called final in ${OBSERVED_MS / 1_000} s`,
  );
  evidence.must(status === 503, 'three with one down: /health is 503');
  devnet.restart(2);
  await Promise.all([0, 1, 2].map((validator) => devnet.untilHealthy(validator)));
  await until(() => load.finals.length >= atHalt + 30, '30 transfers after the restart');
  await load.stop();
  evidence.must(true, 'three with all back: transfers become final again');
  const last = Math.max(...load.finals.map(({ commit }) => commit));
  await until(async () => (await devnet.client(2).status()).lastExecuted >= last, 'validator-3 has caught up');
  await mustHoldAll(evidence, devnet, [0, 1, 2], load.finals);
  await mustAgree(evidence, devnet, [0, 1, 2]);
});

await onDevnet(evidence, { validators: 4 }, async (devnet) => {
  const healthy = await measure();
  await devnet.kill(3);
  await delay(2_000); // the others notice
  const oneDown = await measure();
  evidence.figure('four.latency', { healthy, oneDown });
  evidence.must((oneDown.count ?? 0) > 0, 'four with one down: transfers become final');
  evidence.must(
    (oneDown.p50Ms ?? Number.NaN) <= 2 * (healthy.p50Ms ?? 0),
    'four with one down: median at most twice that of four',
  );
  await mustAgree(evidence, devnet, [0, 1, 2]);

  async function measure(): Promise<Record<string, number>> {
    const load = await Load.start(devnet, [0, 1, 2]);
    await delay(MEASURED_MS);
    await load.stop();
    return latencies(load.finals);
  }
});
evidence.finish();
