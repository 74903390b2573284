/**
 * Clients of every validator pay and read while validators are killed and stopped; what each validator told them must be linearizable, checked by
 * Porcupine, and all validators must show the same after the same commit. A stale read that is planted into the history must be found. Needs Go.
 * `15-linearizability.ts [seed]`
 */
import { spawnSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { Prng } from '../../src/util/prng.ts';
import { Evidence, mustAgree, mustBeSound, onDevnetWith, seedOf } from '../support/acceptance.ts';
import type { TestDevnet } from '../support/devnet.ts';
import { ACCOUNTS_PER_VALIDATOR, contradictions, HistoryClients, type HistoryEntry } from '../support/history.ts';

const ALL = [0, 1, 2, 3];
const CHECKER = join(import.meta.dirname, '..', 'e2e', 'linearizability');
const FAULTS = 10;
const FILE = join(tmpdir(), `av10-history-${process.pid}.jsonl`);

const evidence = new Evidence();
const prng = new Prng(seedOf(evidence));
await onDevnetWith(['go'], evidence, { accounts: ALL.length * ACCOUNTS_PER_VALIDATOR }, async (devnet) => {
  const clients = await HistoryClients.start(devnet);
  for (let fault = 0; fault < FAULTS; fault++) await disturb(devnet);
  await clients.stop();
  const { entries, sights } = clients;
  const final = entries.filter((entry) => entry.kind === 'transfer').length;
  const { unanswered, late } = clients;
  evidence.figure('history', { file: FILE, entries: entries.length, final, unanswered, late });
  evidence.must(final > 0 && unanswered > 0, 'transfers became final, and some were not answered in time');
  writeFileSync(FILE, lines(entries));
  evidence.must(check('history', entries), 'what each validator told its clients is linearizable');
  evidence.must(!check('planted', withStaleRead(entries)), 'the same history with one stale read is not');
  const found = contradictions(sights);
  evidence.figure('sights', sights.length);
  evidence.must(found.length === 0, `after one commit all show the same${found.map((line) => `\n  ${line}`).join('')}`);
  await Promise.all(ALL.map((validator) => devnet.untilHealthy(validator)));
  await mustAgree(evidence, devnet, ALL);
  mustBeSound(evidence, devnet);
});
evidence.finish();

/** One validator is killed or stands still; or all are killed. */
async function disturb(devnet: TestDevnet): Promise<void> {
  await delay(1_000 + prng.below(2_000));
  const kind = prng.pick(['kill', 'stop', 'kill all'] as const);
  const victims = kind === 'kill all' ? ALL : [prng.pick(ALL)];
  for (const victim of victims) {
    if (kind === 'stop') devnet.signal(victim, 'SIGSTOP');
    else await devnet.kill(victim);
  }
  await delay(prng.below(6_000));
  for (const victim of victims) {
    if (kind === 'stop') devnet.signal(victim, 'SIGCONT');
    else devnet.restart(victim, '--snapshot-every-seconds', '1');
  }
  await Promise.all(ALL.map((validator) => devnet.untilHealthy(validator)));
}

function check(name: string, entries: readonly HistoryEntry[]): boolean {
  const { status, stdout, stderr } = spawnSync('go', ['run', '.'], {
    cwd: CHECKER,
    input: lines(entries),
    encoding: 'utf8',
  });
  evidence.figure(`porcupine.${name}`, stdout === '' ? stderr : JSON.parse(stdout));
  if (status === 0 || stdout !== '') return status === 0;
  throw new Error(`the checker ended with ${status}: ${stderr}`);
}

/** The last read of a sink shows what the first one showed. */
function withStaleRead(entries: readonly HistoryEntry[]): readonly HistoryEntry[] {
  const last = entries.findLastIndex(({ kind }) => kind === 'read-sink');
  const { validator, ...rest } = entries[last] as HistoryEntry;
  const first = entries.find((entry) => entry.kind === 'read-sink' && entry.validator === validator);
  return entries.with(last, { ...rest, validator, value: first?.value ?? 0 });
}

function lines(entries: readonly HistoryEntry[]): string {
  return entries.map((entry) => `${JSON.stringify(entry)}\n`).join('');
}
