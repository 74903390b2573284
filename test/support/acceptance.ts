import { cpus } from 'node:os';
import { type DevnetOptions, TestDevnet } from './devnet.ts';
import { cannot, type Need } from './disturbance.ts';
import { countLost, type FinalTransfer, percentile } from './load.ts';

/** What a run showed: lines while it goes on, one JSON document at the end, exit status 1 if a condition does not hold. */
export class Evidence {
  readonly #figures: Record<string, unknown> = {};
  readonly #failed: string[] = [];

  figure(name: string, value: unknown): void {
    this.#figures[name] = value;
    process.stdout.write(`${name}: ${JSON.stringify(value)}\n`);
  }

  /** A condition that must hold. */
  must(condition: boolean, what: string): void {
    process.stdout.write(`${condition ? 'ok    ' : 'FAILED'} ${what}\n`);
    if (!condition) this.#failed.push(what);
  }

  finish(): void {
    const [cpu] = cpus();
    const machine = { cpu: cpu?.model ?? 'unknown', cores: cpus().length, node: process.versions.node };
    process.stdout.write(
      `${JSON.stringify({ ok: this.#failed.length === 0, failed: this.#failed, machine, ...this.#figures }, null, 2)}\n`,
    );
    process.exitCode = this.#failed.length === 0 ? 0 : 1;
  }
}

/** Runs `show` on a devnet of its own, which ends in any case. */
export async function onDevnet(
  evidence: Evidence,
  options: DevnetOptions,
  show: (devnet: TestDevnet) => Promise<void>,
): Promise<void> {
  const startedMs = performance.now();
  const devnet = await TestDevnet.start(options);
  evidence.figure('devnetReadySeconds', Number(((performance.now() - startedMs) / 1_000).toFixed(1)));
  let left: number[] = [];
  try {
    await show(devnet);
  } finally {
    left = await devnet.stop();
  }
  evidence.must(left.length === 0, 'SIGINT to the top-level process left no process');
}

/** `onDevnet`, or the reason why this machine cannot show it. */
export async function onDevnetWith(
  needs: readonly Need[],
  evidence: Evidence,
  options: DevnetOptions,
  show: (devnet: TestDevnet) => Promise<void>,
): Promise<void> {
  const reason = cannot(...needs);
  if (reason === false) await onDevnet(evidence, options, show);
  else evidence.figure('skipped', reason);
}

/** The seed of a run with chance in it: the first argument, or a new one. */
export function seedOf(evidence: Evidence): number {
  const seed = process.argv[2] === undefined ? Date.now() % 0x1_0000_0000 : Number(process.argv[2]);
  evidence.figure('seed', seed);
  return seed;
}

export const seconds = (ms: number): number => Number((ms / 1_000).toFixed(1));

export function latencies(finals: readonly FinalTransfer[]): Record<string, number> {
  const values = finals.map(({ latencyMs }) => latencyMs);
  const at = (fraction: number): number => Math.round(percentile(values, fraction));
  return {
    count: values.length,
    p50Ms: at(0.5),
    p90Ms: at(0.9),
    p99Ms: at(0.99),
    maxMs: Math.round(Math.max(...values)),
  };
}

/** The newest checkpoint that all of these executed must be the same bytes on each. */
export async function mustAgree(evidence: Evidence, devnet: TestDevnet, validators: readonly number[]): Promise<void> {
  const { index, statements } = await devnet.checkpointStatements(validators);
  evidence.must(
    index > 0 && new Set(statements).size === 1,
    `checkpoint ${index}: state roots equal on ${statements.length} validators`,
  );
}

/** No validator found two blocks of one author in a round, halted, or crashed. */
export function mustBeSound(evidence: Evidence, devnet: TestDevnet): void {
  const found = devnet.alarms();
  evidence.must(
    found.length === 0,
    `no equivocation, halt or crash in any log${found.map((line) => `\n  ${line}`).join('')}`,
  );
}

/** Every transfer that was called final must have the same receipt on each of these validators. */
export async function mustHoldAll(
  evidence: Evidence,
  devnet: TestDevnet,
  validators: readonly number[],
  finals: readonly FinalTransfer[],
): Promise<void> {
  for (const validator of validators) {
    const lost = await countLost(devnet.client(validator), finals);
    evidence.must(
      lost === 0,
      `validator-${validator + 1} holds all ${finals.length} final transfers, each in its commit (${lost} lost)`,
    );
  }
}
