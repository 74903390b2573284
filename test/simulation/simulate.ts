/**
 * `npm run simulate`: whole networks in one process, each from one seed. Runs one seed with its trace, a range of seeds, a swarm of
 * fresh seeds on all cores, the search for faults planted in the source, or the lines that all of it reaches.
 */
import { writeFileSync } from 'node:fs';
import { cpus } from 'node:os';
import { Command, InvalidArgumentError } from 'commander';
import { lineRanges, measureCoverage, needsRealDisk, percentCovered } from './coverage.ts';
import { findPlanted, plantedFaults } from './planted.ts';
import { PROFILES, profileNamed } from './profiles/index.ts';
import { runSeed } from './run-seed.ts';
import { runSwarm } from './swarm.ts';

interface Options {
  readonly profile: string;
  readonly seed?: number;
  readonly seeds?: readonly number[];
  readonly svg?: string;
  readonly swarm?: true;
  readonly minutes: number;
  readonly json?: string;
  readonly jobs: number;
  readonly planted?: string | true;
  readonly coverage?: true;
  readonly list?: true;
}

const MAX_SEED = 2 ** 31;
/** Percent of the lines of consensus, storage and mempool. */
const LEAST_COVERAGE = 95;

const program = new Command('simulate')
  .description('run networks of whole validators under virtual time; one seed determines everything')
  .option('--profile <name>', 'kind of world; a swarm mixes all of them unless one is named', 'chaos')
  .option('--seed <n>', 'run this seed and print what happens, line by line', number(0, MAX_SEED * 2))
  .option('--seeds <from-to>', 'run these seeds, one line each', range)
  .option('--svg <file>', 'with --seed: draw the newest rounds of the DAG at the end, or where it failed')
  .option('--swarm', 'run fresh seeds on every core until the time is over')
  .option('--minutes <m>', 'with --swarm: for so long', number(0.01, 10_000), 1)
  .option('--jobs <n>', 'with --swarm or --planted: processes', number(1, 256), cpus().length)
  .option('--json <file>', 'with --swarm or --planted: write the report there')
  .option('--planted [name]', 'plant each known fault, or this one, in a copy of the source and find it')
  .option('--coverage', 'run the tests of the simulation; which lines of consensus, storage and mempool they reach')
  .option('--list', 'name the profiles')
  .showHelpAfterError();
program.parse();
const options = program.opts<Options>();
process.exitCode = await main().catch((error: unknown) => {
  // A profile or a fault that is not there.
  if (error instanceof RangeError) return program.error(`error: ${error.message}`, { exitCode: 2 });
  throw error;
});

async function main(): Promise<number> {
  if (options.list) return list();
  if (options.coverage) return coverage();
  if (options.swarm) return swarm();
  if (options.planted !== undefined) return planted(options.planted === true ? undefined : options.planted);
  if (options.seed !== undefined) return replay(options.seed);
  return inOrder(options.seeds ?? [freshSeed()]);
}

function say(line: string): void {
  process.stdout.write(`${line}\n`);
}

function list(): number {
  for (const { name, about } of PROFILES) say(`${name.padEnd(12)} ${about}`);
  return 0;
}

/** One seed, told in full. */
async function replay(seed: number): Promise<number> {
  say(`profile ${options.profile}, seed ${seed}`);
  const result = await runSeed(profileNamed(options.profile), seed, { trace: say, svg: options.svg });
  say(JSON.stringify(result, null, 2));
  return result.failure === undefined ? 0 : 1;
}

async function inOrder(seeds: readonly number[]): Promise<number> {
  for (const seed of seeds) {
    const { failure, outcome, wallMs } = await runSeed(profileNamed(options.profile), seed);
    if (failure !== undefined) {
      say(`seed ${seed} FAILED: ${failure}\nsee it with: ${replayCommand(options.profile, seed)}`);
      return 1;
    }
    say(`seed ${seed}: ${outcome?.commits} commits, ${outcome?.transactions} transactions in ${wallMs} ms`);
  }
  return 0;
}

async function swarm(): Promise<number> {
  const isNamed = program.getOptionValueSource('profile') === 'cli';
  const profiles = isNamed ? [profileNamed(options.profile)] : PROFILES;
  const from = freshSeed();
  say(`seeds from ${from}, ${options.jobs} processes, ${options.minutes} minutes`);
  const report = await runSwarm({ profiles, from, minutes: options.minutes, jobs: options.jobs }, say);
  for (const { profile, seed, failure } of report.failures)
    say(`FAILED ${profile} seed ${seed}: ${failure}\nsee it with: ${replayCommand(profile, seed)}`);
  say(JSON.stringify({ ...report, failures: report.failures.length }, null, 2));
  if (options.json !== undefined) writeFileSync(options.json, `${JSON.stringify(report, null, 2)}\n`);
  return report.failures.length === 0 && report.seeds > 0 ? 0 : 1;
}

/** A fault that is not found is a missing test. */
async function planted(name: string | undefined): Promise<number> {
  const results = await findPlanted(plantedFaults(name), options.jobs, say);
  const found = results.filter((result) => result.found).length;
  say(`${found} of ${results.length} planted faults found`);
  const report = results.map(({ name, found, profile, seed, seconds }) => ({ name, found, profile, seed, seconds }));
  if (options.json !== undefined) writeFileSync(options.json, `${JSON.stringify({ planted: report }, null, 2)}\n`);
  return found === results.length ? 0 : 1;
}

async function coverage(): Promise<number> {
  const files = await measureCoverage();
  for (const { file, uncovered } of files) if (uncovered.length > 0) say(`${file.padEnd(36)} ${lineRanges(uncovered)}`);
  const simulated = files.filter((file) => !needsRealDisk(file));
  const percent = percentCovered(simulated);
  say(`${percent.toFixed(1)} % of the lines; with the files for real disks ${percentCovered(files).toFixed(1)} %`);
  return percent >= LEAST_COVERAGE ? 0 : 1;
}

function replayCommand(profile: string, seed: number): string {
  return `npm run simulate -- --profile ${profile} --seed ${seed} --svg dag.svg`;
}

function freshSeed(): number {
  return Math.floor(Math.random() * MAX_SEED);
}

function number(min: number, max: number): (text: string) => number {
  return (text) => {
    const value = Number(text);
    if (!(value >= min && value <= max)) throw new InvalidArgumentError(`a number from ${min} to ${max}.`);
    return value;
  };
}

function range(text: string): number[] {
  const [from, to] = text.split('-').map(Number);
  if (!Number.isSafeInteger(from) || !Number.isSafeInteger(to) || (from as number) > (to as number))
    throw new InvalidArgumentError('two seeds with a hyphen between, the lower one first.');
  return Array.from({ length: (to as number) - (from as number) + 1 }, (_, i) => (from as number) + i);
}
