import { execFileSync } from 'node:child_process';
import { availableParallelism, cpus } from 'node:os';
import { limitPerSecond, type Outcome } from './cluster.ts';
import type { LatencySummary } from './latency.ts';
import type { Phase } from './load.ts';
import { type Interval, sum } from './usage.ts';

/** The document of `--json`; docs/bench.md says what each field means. */
export interface BenchReport {
  readonly commit: string;
  readonly cpu: string;
  readonly cores: number;
  readonly node: string;
  readonly validators: number;
  readonly verification: 'full';
  readonly fsync: true;
  readonly workload: {
    readonly transfersPerSignature: number;
    readonly accounts: number;
    readonly senders: number;
    /** Share of the verifications whose key was kept in its expanded form; null if there were none. */
    readonly keyCacheHitRate: number | null;
    /** One of so many transactions of a sender is waited for and gives a latency. */
    readonly latencySample: number;
  };
  readonly offeredPerSecond: number;
  readonly committedPerSecond: number;
  readonly latencyMs: LatencySummary | null;
  readonly durationSeconds: number;
  readonly cpuMicrosecondsPerTransfer: { readonly validators: number; readonly client: number; readonly total: number };
  readonly wireBytesPerTransfer: number | null;
  readonly diskBytesPerTransfer: number;
  /** Of the DAG, by the validator that is furthest. */
  readonly roundsPerSecond: number;
  readonly rssBytesMax: number;
  readonly calibration: Outcome['calibration'];
  readonly limitPerSecond: number;
  readonly ratioToLimit: number;
  readonly fixedMicrosecondsPerTransaction: number;
  readonly stateRootsEqual: boolean;
  readonly lost: number;
  readonly duplicated: number;
  readonly dropped: number;
  /** Submissions repeated because a validator had no room. */
  readonly retried: number;
  readonly phases: readonly PhaseReport[];
  /** CPU nanoseconds a transfer and validator by group of threads, with `--profile`. */
  readonly profile?: Profile;
}

interface PhaseReport {
  readonly name: string;
  readonly seconds: number;
  readonly offeredPerSecond: number;
  readonly committedPerSecond: number;
  readonly latencyMs: LatencySummary | null;
  readonly latencies: number;
  readonly retried: number;
  /** False: what was signed beforehand ended before the time did. */
  readonly complete: boolean;
}

interface Profile {
  readonly nanosecondsPerTransfer: Readonly<Record<string, number>>;
  /** Share of the processes' CPU that their living threads account for. */
  readonly accountedFor: number;
}

export function buildReport(outcome: Outcome): BenchReport {
  const { options, calibration, phases, verdict } = outcome;
  const [main, underLoad] = phases as [Phase, Phase?];
  const { interval } = main;
  const { batch, validators } = options;
  const perTransfer = (cpuSeconds: number): number => round((cpuSeconds * 1e6) / interval.transfers, 4);
  const [validatorCpu, clientCpu] = [interval.validatorCpuSeconds, interval.clientCpuSeconds];
  const limit = limitPerSecond(options, calibration);
  const committed = interval.transfersPerSecond;
  const sent = sum(interval.counted('av10_network_bytes_sent_total'));
  const appended = sum(interval.counted('av10_log_appended_bytes_total'));
  return {
    commit: commitOfTree(),
    ...{ cpu: cpus()[0]?.model ?? 'unknown', cores: availableParallelism(), node: process.version },
    ...{ validators, verification: 'full', fsync: true },
    workload: {
      ...{ transfersPerSignature: batch, accounts: options.accounts, senders: options.senders },
      ...{ keyCacheHitRate: keyCacheHitRate(interval), latencySample: outcome.sampleEvery },
    },
    offeredPerSecond: Math.round(options.rate ?? main.acceptedPerSecond),
    committedPerSecond: Math.round(committed),
    latencyMs: (underLoad ?? main).latencyMs ?? null,
    durationSeconds: round(interval.seconds, 2),
    cpuMicrosecondsPerTransfer: {
      validators: perTransfer(validatorCpu),
      client: perTransfer(clientCpu),
      total: perTransfer(validatorCpu + clientCpu),
    },
    wireBytesPerTransfer: validators === 1 ? null : round(sent / interval.transfers / (validators - 1), 2),
    diskBytesPerTransfer: round(appended / interval.transfers / validators, 2),
    roundsPerSecond: round(Math.max(...interval.counted('av10_round')) / interval.seconds, 1),
    rssBytesMax: outcome.rssBytesMax,
    calibration,
    limitPerSecond: Math.round(limit),
    ratioToLimit: round(committed / limit, 4),
    fixedMicrosecondsPerTransaction: round(fixedMicroseconds(outcome, main), 1),
    ...verdict,
    dropped: outcome.dropped,
    retried: sum(phases.map(({ retried }) => retried)),
    phases: phases.map(phaseReport),
    ...(options.profile ? { profile: profileOf(main, validators) } : {}),
  };
}

function keyCacheHitRate(interval: Interval): number | null {
  const [hits, misses] = ['hit', 'miss'].map((result) =>
    sum(interval.counted(`av10_verify_key_lookups_total{result="${result}"}`)),
  ) as [number, number];
  return hits + misses === 0 ? null : round(hits / (hits + misses), 4);
}

/** Whether the figures may be quoted at all. */
export function isSound({ stateRootsEqual, lost, duplicated, phases }: BenchReport): boolean {
  // After the end of the stream the ledgers still work off what waited, so that more is committed than was offered.
  return stateRootsEqual && lost === 0 && duplicated === 0 && phases.every(({ complete }) => complete);
}

/** For the terminal. */
export function table(report: BenchReport): string {
  const { latencyMs, cpuMicrosecondsPerTransfer: cpu, calibration, workload } = report;
  const rows: [string, string][] = [
    ['machine', `${report.cpu}, ${report.cores} cores, Node ${report.node}, commit ${report.commit}`],
    [
      'workload',
      `${workload.transfersPerSignature} transfers a signature, ${workload.senders} senders, ${workload.accounts} accounts, ${report.validators} validators`,
    ],
    ...report.phases.map((phase): [string, string] => [phase.name, phaseLine(phase)]),
    [
      'latency',
      latencyMs === null
        ? 'none'
        : `p50 ${latencyMs.p50} ms, p90 ${latencyMs.p90}, p99 ${latencyMs.p99}, max ${latencyMs.max}`,
    ],
    ['CPU a transfer', `validators ${cpu.validators} us, client ${cpu.client} us`],
    ['bytes a transfer', `link ${report.wireBytesPerTransfer ?? '-'}, log ${report.diskBytesPerTransfer}`],
    ['memory', `${(report.rssBytesMax / 2 ** 20).toFixed(0)} MiB anonymous and shared at most`],
    [
      'calibration',
      `${calibration.verifyPerSecondAllCores} verifications/s, link ${calibration.linkNanosecondsPerByte} ns/B, fdatasync ${calibration.fdatasyncMsP50} ms`,
    ],
    [
      'limit',
      `${report.limitPerSecond} transfers/s by verification alone; reached ${(report.ratioToLimit * 100).toFixed(1)} %`,
    ],
    ['beside verifying', `${report.fixedMicrosecondsPerTransaction} us a transaction, all processes`],
    [
      'ledgers',
      `state roots ${report.stateRootsEqual ? 'equal' : 'DIFFER'}, lost ${report.lost}, duplicated ${report.duplicated}, dropped ${report.dropped}, retried ${report.retried}`,
    ],
  ];
  if (report.profile !== undefined) rows.push(['by thread', profileLine(report.profile)]);
  return rows.map(([name, text]) => `${name.padEnd(18)} ${text}`).join('\n');
}

function phaseReport(phase: Phase): PhaseReport {
  const { plan, interval, acceptedPerSecond, latencyMs, latencies, retried, complete } = phase;
  return {
    name: plan.name,
    seconds: round(interval.seconds, 2),
    offeredPerSecond: Math.round(Number.isFinite(plan.rate) ? plan.rate : acceptedPerSecond),
    committedPerSecond: Math.round(interval.transfersPerSecond),
    latencyMs: latencyMs ?? null,
    ...{ latencies, retried, complete },
  };
}

function phaseLine(phase: PhaseReport): string {
  const { p50, p99 } = phase.latencyMs ?? {};
  const end = phase.complete ? '' : '; ended early: the signed stream ran out';
  return `${phase.committedPerSecond} transfers/s committed of ${phase.offeredPerSecond} offered, ${phase.seconds} s, p50 ${p50 ?? '-'} ms, p99 ${p99 ?? '-'} ms${end}`;
}

/** CPU of everybody, less one verification at each validator. */
function fixedMicroseconds({ options, calibration }: Outcome, { interval }: Phase): number {
  const verifySeconds = availableParallelism() / calibration.verifyPerSecondAllCores;
  const cpuSeconds = interval.validatorCpuSeconds + interval.clientCpuSeconds;
  return (cpuSeconds / interval.transactions - options.validators * verifySeconds) * 1e6;
}

function profileOf({ interval }: Phase, validators: number): Profile {
  const groups = [...interval.threadCpuSeconds].sort(([, a], [, b]) => b - a);
  const replicaTransfers = interval.transfers * validators;
  const nanosecondsPerTransfer = Object.fromEntries(
    groups.map(([group, cpu]) => [group, round((cpu * 1e9) / replicaTransfers, 1)]),
  );
  return {
    nanosecondsPerTransfer,
    accountedFor: round(sum(groups.map(([, cpu]) => cpu)) / interval.validatorCpuSeconds, 3),
  };
}

function profileLine({ nanosecondsPerTransfer, accountedFor }: Profile): string {
  const parts = Object.entries(nanosecondsPerTransfer).map(([group, ns]) => `${group} ${ns}`);
  return `${parts.join(', ')} ns a transfer and validator; ${(accountedFor * 100).toFixed(0)} % of the CPU`;
}

function commitOfTree(): string {
  try {
    return execFileSync('git', ['describe', '--always', '--dirty'], {
      encoding: 'utf8',
      stdio: ['ignore', 'pipe', 'ignore'],
    }).trim();
  } catch {
    return 'unknown'; // an unpacked archive has no history
  }
}

function round(value: number, digits: number): number {
  return Math.round(value * 10 ** digits) / 10 ** digits;
}
