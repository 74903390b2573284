/**
 * Every link of the validators through a TCP proxy of our own: latency and jitter of a region and of a continent, little bandwidth, silence one way
 * on an open connection, and connections that break again and again.
 */
import { setTimeout as delay } from 'node:timers/promises';
import { Prng } from '../../src/util/prng.ts';
import {
  Evidence,
  latencies,
  mustAgree,
  mustBeSound,
  mustHoldAll,
  onDevnet,
  seconds,
  seedOf,
} from '../support/acceptance.ts';
import { type FinalTransfer, Load, lastCommit } from '../support/load.ts';
import { ProxyMesh } from '../support/proxy-mesh.ts';
import type { Conditions } from '../support/tcp-proxy.ts';

const ALL = [0, 1, 2, 3];
const OTHERS = [0, 1, 2];
const VICTIM = 3;
const MEASURED_MS = 15_000;
const BREAKS = 20;
const PERFECT: Conditions = { latencyMs: 0, jitterMs: 0, bytesPerSecond: Number.POSITIVE_INFINITY, stalled: false };

const evidence = new Evidence();
const seed = seedOf(evidence);
const prng = new Prng(seed);
let mesh: ProxyMesh | undefined;
await onDevnet(evidence, {}, async (devnet) => {
  const links = await ProxyMesh.around(devnet, seed);
  mesh = links;
  const finals: FinalTransfer[] = [];
  for (const [name, conditions, through] of [
    ['no delay', {}, ALL],
    ['10 ms and up to 10 ms more', { latencyMs: 10, jitterMs: 10 }, ALL],
    ['50 ms and up to 100 ms more', { latencyMs: 50, jitterMs: 100 }, ALL],
    ['256 KiB/s', { bytesPerSecond: 256 * 1024 }, ALL],
  ] as [string, Partial<Conditions>, number[]][]) {
    links.set(conditions);
    const load = await Load.start(devnet, through);
    await delay(MEASURED_MS);
    await load.stop();
    links.set(PERFECT);
    evidence.figure(name, latencies(load.finals));
    evidence.must(load.finals.length > 0, `${name}: transfers become final`);
    finals.push(...load.finals);
  }
  const load = await Load.start(devnet, OTHERS);
  links.setFrom(VICTIM, { stalled: true });
  await devnet.untilReadiness(VICTIM, 'no lease', ({ body }) => body.ableToSign.code === 'NO_LEASE');
  const atSilence = load.finals.length;
  await delay(MEASURED_MS);
  evidence.must(load.finals.length > atSilence, 'one that nobody hears: the others go on');
  links.setFrom(VICTIM, { stalled: false });
  await devnet.untilHealthy(VICTIM);
  for (let times = 0; times < BREAKS; times++) {
    const [one, other] = prng.shuffle(ALL) as [number, number];
    links.cut([one], [other]);
    await delay(prng.below(1_000));
    links.mend();
  }
  const mendedMs = performance.now();
  await Promise.all(ALL.map((validator) => devnet.untilHealthy(validator)));
  evidence.figure('broken.healthyAgainSeconds', seconds(performance.now() - mendedMs));
  await load.stop();
  finals.push(...load.finals);
  for (const validator of ALL) await devnet.untilExecuted(validator, lastCommit(finals));
  await mustHoldAll(evidence, devnet, ALL, finals);
  await mustAgree(evidence, devnet, ALL);
  mustBeSound(evidence, devnet);
});
mesh?.close();
evidence.finish();
