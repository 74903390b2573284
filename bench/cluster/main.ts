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
import { type BenchOptions, HELP, parseOptions } from './options.ts';
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
    await mkdir(baseDir, { recursive: true });
    const outcome = await runCluster(options, baseDir, (text) => console.error(text), stopped);
    const report = buildReport(outcome);
    console.log(table(report));
    if (options.json !== undefined) await writeResults(options.json, report, outcome);
    return isSound(report) ? 0 : 1;
  } finally {
    stopRequest.dispose();
    if (options.baseDir === undefined) await rm(baseDir, { recursive: true, force: true });
  }
}

async function writeResults(path: string, report: BenchReport, { points, phases }: Outcome): Promise<void> {
  await mkdir(dirname(resolve(path)), { recursive: true });
  await writeFile(path, `${JSON.stringify(report, null, 2)}\n`);
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
  await writeFile(path.replace(/\.json$/, '').concat('.svg'), chart(title, perSecond, bands));
}
