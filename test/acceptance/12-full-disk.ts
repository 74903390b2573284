/**
 * Everything of one validator, its log of lines included, lies on a file system that fills up: it stops signing and says so, the others go on, and
 * it resumes alone when space returns. Twice, the second time while it is killed and started on the full disk.
 */
import { join } from 'node:path';
import { Evidence, mustAgree, mustBeSound, mustHoldAll, onDevnetWith, seconds } from '../support/acceptance.ts';
import { until } from '../support/devnet.ts';
import { SmallDisk } from '../support/disturbance.ts';
import { Load, lastCommit } from '../support/load.ts';

const ALL = [0, 1, 2, 3];
const OTHERS = [0, 1, 2];
const VICTIM = 3;
const DISK_MEGABYTES = 128;

const evidence = new Evidence();
await onDevnetWith(['root'], evidence, {}, async (devnet) => {
  const { folder } = devnet.layout.validator(VICTIM);
  const room = { command: [], environment: {}, log: join(folder, 'log') };
  await devnet.kill(VICTIM);
  const disk = new SmallDisk(folder, DISK_MEGABYTES);
  try {
    const start = () => devnet.restartIn(room, VICTIM, '--snapshot-every-seconds', '1');
    start();
    await devnet.untilHealthy(VICTIM);
    const load = await Load.start(devnet, OTHERS);
    disk.fill();
    const full = await devnet.untilReadiness(VICTIM, 'DISK', ({ body }) => body.ableToSign.code === 'DISK');
    evidence.must(full.status === 503, `full: /ready is 503, ${full.body.ableToSign.reason}`);
    const atFull = load.finals.length;
    await until(() => load.finals.length >= atFull + 100, '100 transfers through the others');
    disk.free();
    const freedMs = performance.now();
    await devnet.untilReadiness(VICTIM, '200', ({ status }) => status === 200);
    await devnet.untilProposes(VICTIM);
    evidence.figure('proposesAgainSeconds', seconds(performance.now() - freedMs));

    disk.fill();
    await devnet.untilReadiness(VICTIM, 'DISK', ({ body }) => body.ableToSign.code === 'DISK');
    await devnet.kill(VICTIM);
    start();
    const started = await devnet.untilReadiness(VICTIM, 'DISK', ({ body }) => body.ableToSign.code === 'DISK');
    evidence.must(started.status === 503, 'started on the full disk: /ready is 503 with DISK');
    disk.free();
    await devnet.untilHealthy(VICTIM);
    await devnet.untilProposes(VICTIM);
    await load.stop();
    for (const validator of ALL) await devnet.untilExecuted(validator, lastCommit(load.finals));
    evidence.figure('finalTransfers', load.finals.length);
    await mustHoldAll(evidence, devnet, ALL, load.finals);
    await mustAgree(evidence, devnet, ALL);
    mustBeSound(evidence, devnet);
  } finally {
    devnet.signal(VICTIM, 'SIGKILL');
    disk.unmount();
  }
});
evidence.finish();
