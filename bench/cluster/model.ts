import { logChart, type Series } from './log-chart.ts';
import type { BenchReport } from './report.ts';

/** What one validator of a run used. */
export interface StageCosts {
  readonly transfersPerSignature: number;
  readonly validators: number;
  /** CPU nanoseconds a transfer on the main thread, which is one. */
  readonly mainNs: number;
  /** The same on all other threads: verifying, executing, signing, files, the collector. */
  readonly otherNs: number;
  /** On one link, a transfer. */
  readonly wireBytes: number;
  readonly roundsPerSecond: number;
  /** CPU of checking one block header. */
  readonly headerSeconds: number;
}

export interface Network {
  readonly validators: number;
  /** Of each validator, as fast as those of the run. */
  readonly cores: number;
  /** Of each validator, in each direction. */
  readonly gigabits: number;
}

export interface Reach {
  readonly perSecond: number;
  readonly wall: Wall;
}

type Wall = 'main thread' | 'cores' | 'network';

/** Said beside every figure of the model: it has no others. */
export const ASSUMPTIONS: readonly string[] = [
  'a transfer costs each group of threads what it cost at saturation in the run of its batch size: blocks stay as full, caches as warm',
  'each validator has a machine of its own with cores as fast as these; clients have others',
  'the main thread is one thread; all others spread evenly over the cores',
  'every validator verifies every signature; rounds follow each other as fast as in the run',
  'more validators cost a validator one verification a round and validator more; what their links and votes cost besides is left out',
  'a link carries the bytes that were measured, both ways at once; delay, loss and the disk are left out',
];

export const CORES: readonly number[] = [1, 2, 4, 8, 16, 32, 64];
export const GIGABITS: readonly number[] = [1, 10, 40];
export const VALIDATORS: readonly number[] = [4, 7, 20];

/** @throws Error if the run had no `--profile`, or one validator only */
export function stageCosts(report: BenchReport): StageCosts {
  const { profile, wireBytesPerTransfer, calibration, workload, validators, roundsPerSecond } = report;
  if (profile === undefined || wireBytesPerTransfer === null)
    throw new Error('a model needs a profile of several validators');
  const { main = 0, ...others } = profile.nanosecondsPerTransfer;
  return {
    ...{ transfersPerSignature: workload.transfersPerSignature, validators, roundsPerSecond },
    mainNs: main,
    otherNs: Object.values(others).reduce((total, ns) => total + ns, 0),
    wireBytes: wireBytesPerTransfer,
    headerSeconds: report.cores / calibration.verifyPerSecondAllCores,
  };
}

/** Transfers a second that a network reaches, and what stops it there. */
export function reach(costs: StageCosts, { validators, cores, gigabits }: Network): Reach {
  const { mainNs, otherNs, wireBytes, roundsPerSecond, headerSeconds } = costs;
  const moreHeaders = Math.max(0, validators - costs.validators) * roundsPerSecond * headerSeconds;
  const walls: [Wall, number][] = [
    ['main thread', 1e9 / mainNs],
    ['cores', (Math.max(0, cores - moreHeaders) * 1e9) / (mainNs + otherNs)],
    ['network', (gigabits * 1e9) / 8 / wireBytes],
  ];
  const [wall, perSecond] = walls.reduce((lowest, each) => (each[1] < lowest[1] ? each : lowest));
  return { perSecond, wall };
}

interface ModelRow extends Network, Reach {
  readonly transfersPerSignature: number;
}

/** Every network that the model speaks of. */
export function modelRows(costs: readonly StageCosts[]): ModelRow[] {
  return costs.flatMap((each) =>
    VALIDATORS.flatMap((validators) =>
      CORES.flatMap((cores) =>
        GIGABITS.map((gigabits) => {
          const network = { validators, cores, gigabits };
          const { perSecond, wall } = reach(each, network);
          const { transfersPerSignature } = each;
          return { transfersPerSignature, ...network, perSecond: Math.round(perSecond), wall };
        }),
      ),
    ),
  );
}

/** A line for each batch size, committee and machine, a column for each link. */
export function modelTable(costs: readonly StageCosts[]): string {
  const lines = [['a signature', 'validators', 'cores', ...GIGABITS.map((gigabits) => `${gigabits} Gbit/s`)]];
  const rows = modelRows(costs);
  for (let at = 0; at < rows.length; at += GIGABITS.length) {
    const [row] = rows.slice(at) as [ModelRow];
    const reached = rows.slice(at, at + GIGABITS.length).map(({ perSecond, wall }) => `${perSecond} (${wall})`);
    lines.push([String(row.transfersPerSignature), String(row.validators), String(row.cores), ...reached]);
  }
  const text = lines.map(([first = '', ...rest]) => first.padEnd(12) + rest.map((cell) => cell.padStart(24)).join(''));
  return [...text, '', 'assumed:', ...ASSUMPTIONS.map((assumption) => `- ${assumption}`)].join('\n');
}

/** The smallest committee over the widest link; dashed, over the narrowest. */
export function modelChart(costs: readonly StageCosts[]): string {
  const [validators = 4] = VALIDATORS;
  const series = costs.flatMap((each) =>
    [GIGABITS.at(-1), GIGABITS.at(0)].map((gigabits = 1, i): Series => {
      const points = CORES.map((cores) => ({ x: cores, y: reach(each, { validators, cores, gigabits }).perSecond }));
      return { name: `${each.transfersPerSignature} a signature, ${gigabits} Gbit/s`, points, dashed: i === 1 };
    }),
  );
  return logChart(`Transfers/s by the model, ${validators} validators`, 'cores of each validator', series);
}
