/**
 * Validator links: all at category 5 as negotiated, unharmed by a flood of handshakes, renewed with other keys under load, and an identity that is
 * used twice signs once.
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { cpSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { setTimeout as delay } from 'node:timers/promises';
import { validatorName } from '../../src/cli/devnet/layout.ts';
import { Evidence, mustAgree, mustHoldAll, onDevnet } from '../support/acceptance.ts';
import { type TestDevnet, until } from '../support/devnet.ts';
import { Load } from '../support/load.ts';

const ROOT = join(import.meta.dirname, '..', '..');
const FLOOD_PER_SECOND = 1_000;
const FLOOD_SECONDS = 15;
const QUIET_MS = 10_000;
const MAX_SLOWDOWN = 1.5;
/** It reads its log first, and gives way only when its peers have refused it for longer than they hold an identity. */
const CLONE_LIMIT_MS = 120_000;
const IN_USE = 6;
const VALIDATORS = [0, 1, 2, 3];

/** Parts named as arguments; all without one. */
const isAsked = (part: string): boolean => process.argv.length < 3 || process.argv.includes(part);

const evidence = new Evidence();
await onDevnet(evidence, { accounts: 6 }, async (devnet) => {
  await posture(devnet);
  const load = await Load.start(devnet, [0, 1, 2, 3, 0, 1]);
  if (isAsked('flood')) await flood(devnet);
  if (isAsked('rotation')) await rotation(devnet, load);
  if (isAsked('clone')) await clone(devnet);
  await load.stop();
  evidence.figure('transfers', { final: load.finals.length, unknown: load.unknown });
  await mustAgree(evidence, devnet, VALIDATORS);
  await mustHoldAll(evidence, devnet, VALIDATORS, load.finals);
});
evidence.finish();

async function posture(devnet: TestDevnet): Promise<void> {
  for (const validator of VALIDATORS) {
    const { body } = await devnet.health(validator);
    const links = (await devnet.client(validator).status()).posture.filter(({ purpose }) => purpose === 'link');
    evidence.must(body.quantum_level === 5, `validator-${validator + 1}: quantum_level is ${body.quantum_level}`);
    evidence.must(
      links.length === 3 && links.every(({ algorithm }) => algorithm.includes('SecP384r1MLKEM1024 ML-DSA-87')),
      `validator-${validator + 1}: ${links.length} links by SecP384r1MLKEM1024 and ML-DSA-87`,
    );
  }
}

async function flood(devnet: TestDevnet): Promise<void> {
  const quietCpu = cpuSecondsOf(devnet, 0);
  const before = { ended: await linksEnded(devnet), rounds: await roundsPerSecond(devnet, QUIET_MS) };
  const quietCores = Number(((cpuSecondsOf(devnet, 0) - quietCpu) / (QUIET_MS / 1_000)).toFixed(2));
  const port = Number(nodeConfig(devnet, 0).p2pListen?.toString().split(':').at(-1));
  const args = [join(ROOT, 'test/support/handshake-flood.ts'), port, FLOOD_PER_SECOND, FLOOD_SECONDS].map(String);
  const attacker = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'inherit'] });
  const cpuBefore = cpuSecondsOf(devnet, 0);
  const rounds = await roundsPerSecond(devnet, FLOOD_SECONDS * 1_000);
  const cores = Number(((cpuSecondsOf(devnet, 0) - cpuBefore) / FLOOD_SECONDS).toFixed(2));
  const opened = Number(await text(attacker.stdout));
  evidence.figure('flood', {
    opened,
    seconds: FLOOD_SECONDS,
    roundsPerSecond: rounds,
    before: before.rounds,
    cores,
    quietCores,
  });
  evidence.must(opened > (FLOOD_PER_SECOND * FLOOD_SECONDS) / 2, `${opened} handshakes were opened`);
  evidence.must((await linksEnded(devnet)) === before.ended, 'no validator link ended in the flood');
  evidence.must(rounds * MAX_SLOWDOWN >= before.rounds, `rounds at most ${MAX_SLOWDOWN} times slower in the flood`);
}

/** Every validator takes another link key in use, one after the other and without a stop. */
async function rotation(devnet: TestDevnet, load: Load): Promise<void> {
  const [finalBefore, unknownBefore] = [load.finals.length, load.unknown];
  for (const validator of VALIDATORS) {
    const { keys, passphrase } = devnet.layout.validator(validator);
    const paths = ['--keys-dir', keys, '--genesis-file', devnet.layout.genesisFile, '--passphrase-file', passphrase];
    const rotate = spawn(process.execPath, [join(ROOT, 'src/main.ts'), 'keys', 'rotate-link', ...paths], {
      stdio: 'ignore',
    });
    const [status] = await once(rotate, 'exit');
    evidence.must(status === 0, `av10 keys rotate-link of validator-${validator + 1}`);
    devnet.signal(validator, 'SIGUSR2');
  }
  const sequences = async (): Promise<(number | undefined)[]> =>
    VALIDATORS.map((validator) => {
      const { data } = devnet.layout.validator(validator);
      return Object.keys(JSON.parse(readFileSync(join(data, 'link-keys.json'), 'utf8'))).length;
    });
  await until(
    async () => (await sequences()).every((seen) => seen === 3),
    'every validator knows the new key of each other',
  );
  for (const validator of VALIDATORS) await devnet.untilHealthy(validator);
  await delay(QUIET_MS);
  const level = await Promise.all(
    VALIDATORS.map(async (validator) => (await devnet.health(validator)).body.quantum_level),
  );
  evidence.figure('rotation', {
    final: load.finals.length - finalBefore,
    unknown: load.unknown - unknownBefore,
    level,
  });
  evidence.must(load.unknown === unknownBefore, 'no transfer was lost while all link keys changed');
  evidence.must(load.finals.length > finalBefore, 'transfers went on');
}

/** A copy of a validator's whole folder, started beside it by somebody who also says that it may recover its identity. */
async function clone(devnet: TestDevnet): Promise<void> {
  const { folder, guard } = devnet.layout.validator(1);
  const copy = join(devnet.layout.baseDir, 'clone');
  cpSync(folder, copy, { recursive: true });
  cpSync(guard, join(copy, 'guard'), { recursive: true });
  const listen = { p2pListen: '127.0.0.1:0', apiListen: '127.0.0.1:0', metricsListen: '127.0.0.1:0' };
  const dirs = { dataDir: join(copy, 'data'), keysDir: join(copy, 'keys'), guardDir: join(copy, 'guard') };
  writeFileSync(join(copy, 'node.json'), JSON.stringify({ ...nodeConfig(devnet, 1), ...listen, ...dirs }));
  const args = [join(ROOT, 'src/main.ts'), 'start', '--config', join(copy, 'node.json'), '--recover-identity'];
  const child = spawn(process.execPath, args, { stdio: ['ignore', 'ignore', 'pipe'] });
  let log = '';
  child.stderr.setEncoding('utf8').on('data', (chunk: string) => {
    log += chunk;
  });
  try {
    await until(() => child.exitCode !== null, 'the second process gives way', CLONE_LIMIT_MS);
  } finally {
    child.kill('SIGKILL');
  }
  const original = (await devnet.health(1)).body.status;
  const refusals = log.split('\n').filter((line) => line.includes('"code":"IDENTITY_IN_USE"')).length;
  evidence.figure('clone', {
    refusals,
    status: child.exitCode,
    original,
    network: (await devnet.health(0)).body.status,
  });
  evidence.must(refusals > 0, `the second process of ${validatorName(1)} was told IDENTITY_IN_USE`);
  evidence.must(child.exitCode === IN_USE, `it ended with status ${child.exitCode}`);
  await devnet.untilHealthy(1);
  for (const validator of VALIDATORS) {
    const seen = readFileSync(devnet.file.validators[validator]?.log ?? '', 'utf8').includes('"msg":"equivocation"');
    evidence.must(!seen, `validator-${validator + 1} saw no two blocks of one author and round`);
  }
}

/** User and system time of a validator's process: fields 14 and 15 of /proc/PID/stat, in hundredths. */
function cpuSecondsOf(devnet: TestDevnet, validator: number): number {
  const fields = readFileSync(`/proc/${devnet.file.validators[validator]?.pid}/stat`, 'utf8').split(' ');
  return (Number(fields[13]) + Number(fields[14])) / 100;
}

function nodeConfig(devnet: TestDevnet, validator: number): Record<string, unknown> {
  return JSON.parse(readFileSync(devnet.layout.validator(validator).config, 'utf8')) as Record<string, unknown>;
}

async function roundsPerSecond(devnet: TestDevnet, forMs: number): Promise<number> {
  const client = devnet.client(1);
  const { round } = await client.status();
  const startMs = performance.now();
  await delay(forMs);
  const rounds = (await client.status()).round - round;
  return Number(((rounds * 1_000) / (performance.now() - startMs)).toFixed(1));
}

async function linksEnded(devnet: TestDevnet): Promise<number> {
  const counts = VALIDATORS.map((validator) => metric(devnet, validator, 'av10_network_links_ended_total'));
  return (await Promise.all(counts)).reduce((sum, count) => sum + count, 0);
}

/** The sum over all series of a metric. */
async function metric(devnet: TestDevnet, validator: number, name: string): Promise<number> {
  const exposition = await (await fetch(devnet.file.validators[validator]?.metrics ?? '')).text();
  const series = exposition.split('\n').filter((line) => line.startsWith(`${name} `) || line.startsWith(`${name}{`));
  return series.reduce((sum, line) => sum + Number(line.split(' ').at(-1)), 0);
}
