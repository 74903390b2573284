/** The cluster benchmark: `npm run bench -- --help`; docs/bench.md. */
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { exitStatusOf } from '../../src/cli/exit-codes.ts';
import { StopRequest } from '../../src/cli/stop-request.ts';
import { errorText } from '../../src/util/errors.ts';
import { type ChartPoint, chart } from './chart.ts';
import { type Outcome, runCluster } from './cluster.ts';
import { BenchError } from './errors.ts';
import { logChart, type Series } from './log-chart.ts';
import { ASSUMPTIONS, modelChart, modelRows, modelTable, stageCosts } from './model.ts';
import { type BenchOptions, CURVE, HELP, parseOptions } from './options.ts';
import { type BenchReport, buildReport, isSound, table } from './report.ts';

process.exitCode = await main(process.argv.slice(2));

async function main(args: readonly string[]): Promise<number> {
  try {
    const options = parseOptions(args);
    if (options === 'help') {
      console.log(HELP);
      return 0;
    }
    if (process.platform !== 'linux')
      throw new BenchError('BENCH_LINUX_ONLY', 'CPU and memory of the validators are read from /proc');
    return await bench(options);
  } catch (error) {
    console.error(`bench: ${errorText(error)}`);
    return error instanceof BenchError && error.code === 'BENCH_USAGE' ? 2 : exitStatusOf(error);
  }
}

async function bench(options: BenchOptions): Promise<number> {
  const baseDir =
    options.baseDir === undefined ? await mkdtemp(join(tmpdir(), 'av10-bench-')) : resolve(options.baseDir);
  const stopRequest = new StopRequest();
  const stopped = stopRequest.received.then((reason): never => {
    throw new BenchError('BENCH_INTERRUPTED', `stopped by ${reason}`);
  });
  stopped.catch(() => undefined);
  try {
    return options.model ? await modelled(options, baseDir, stopped) : await measured(options, baseDir, stopped);
  } finally {
    stopRequest.dispose();
    if (options.baseDir === undefined) await rm(baseDir, { recursive: true, force: true });
  }
}

async function measured(options: BenchOptions, baseDir: string, stopped: Promise<never>): Promise<number> {
  const { report, outcome } = await run(options, baseDir, stopped);
  if (options.json !== undefined) await write(options.json, report, runChart(report, outcome));
  return isSound(report) ? 0 : 1;
}

async function modelled(options: BenchOptions, baseDir: string, stopped: Promise<never>): Promise<number> {
  const curve: BenchReport[] = [];
  for (const batch of CURVE) {
    const { report } = await run({ ...options, batch }, join(baseDir, String(batch)), stopped);
    console.log();
    // Its stage costs would be of something else.
    if (!isSound(report)) return 1;
    curve.push(report);
  }
  const costs = curve.map(stageCosts);
  console.log(modelTable(costs));
  if (options.json !== undefined) {
    await write(options.json, { curve, assumptions: ASSUMPTIONS, model: modelRows(costs) }, modelChart(costs));
    await writeFile(chartPath(options.json, '-curve'), curveChart(curve));
  }
  return 0;
}

async function run(options: BenchOptions, baseDir: string, stopped: Promise<never>) {
  await mkdir(baseDir, { recursive: true });
  const outcome = await runCluster(options, baseDir, (text) => console.error(text), stopped);
  const report = buildReport(outcome);
  console.log(table(report));
  return { report, outcome };
}

async function write(path: string, document: object, drawing: string): Promise<void> {
  await mkdir(dirname(resolve(path)), { recursive: true });
  await writeFile(path, `${JSON.stringify(document, null, 2)}\n`);
  await writeFile(chartPath(path), drawing);
}

function chartPath(path: string, suffix = ''): string {
  return path.replace(/\.json$/, '').concat(suffix, '.svg');
}

function runChart(report: BenchReport, { points, phases }: Outcome): string {
  const originMs = points[0]?.atMs ?? 0;
  const perSecond = points.slice(1).map((point, i): ChartPoint => {
    const before = points[i] as (typeof points)[number];
    const rate = (point.transfers - before.transfers) / ((point.atMs - before.atMs) / 1_000);
    return { seconds: (point.atMs - originMs) / 1_000, perSecond: rate };
  });
  const bands = phases.map(({ plan, startMs, endMs }) => {
    return { name: plan.name, fromSeconds: (startMs - originMs) / 1_000, toSeconds: (endMs - originMs) / 1_000 };
  });
  const title = `Committed transfers/s, ${report.workload.transfersPerSignature} a signature, ${report.validators} validators, ${report.cores} cores`;
  return chart(title, perSecond, bands);
}

function curveChart(curve: readonly BenchReport[]): string {
  const series = (name: string, value: (report: BenchReport) => number): Series => ({
    name,
    points: curve.map((report) => ({ x: report.workload.transfersPerSignature, y: value(report) })),
  });
  const [{ validators, cores }] = curve as [BenchReport];
  return logChart(`Transfers/s measured, ${validators} validators, ${cores} cores`, 'transfers a signature', [
    series('committed', ({ committedPerSecond }) => committedPerSecond),
    { ...series('limit: verifying alone', ({ limitPerSecond }) => limitPerSecond), dashed: true },
  ]);
}
