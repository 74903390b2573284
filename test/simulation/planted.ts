import { execFileSync, spawn } from 'node:child_process';
import { cpSync, mkdtempSync, readdirSync, readFileSync, rmSync, symlinkSync } from 'node:fs';
import { constants, setPriority, tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { createInterface } from 'node:readline';
import { assertDefined } from '../../src/util/assert.ts';

/** A small wrong change of the source that the simulation must notice: `planted/<room>-<fault>.patch`. */
export interface PlantedFault {
  readonly name: string;
  readonly patch: string;
  /** What is wrong: the first line of the file. */
  readonly about: string;
  /** Where to look for it, in this order: seeds from 1 to `seeds`. */
  readonly searches: readonly { readonly profile: string; readonly seeds: number }[];
}

export interface PlantedResult {
  readonly name: string;
  readonly found: boolean;
  readonly profile: string | undefined;
  readonly seed: number | undefined;
  /** The broken promise. */
  readonly failure: string | undefined;
  readonly seconds: number;
}

interface Failure {
  readonly seed: number;
  readonly message: string;
}

const ROOT = resolve(import.meta.dirname, '../..');
const PATCHES = join(import.meta.dirname, 'planted');
/** What a simulation is made of; the rest of a copy is linked. */
const COPIED = ['package.json', 'src', 'test/dag', 'test/simulation', 'test/support'];
const LINKED = ['native', 'node_modules'];
/** An unpatched copy must pass so many seeds of each profile before a failure of a patched one means anything. */
const SOUND_SEEDS = 5;
/** A seed that takes this long never ends. */
const SEED_LIMIT_MS = 300_000;

/** All of them, or the one of that name. */
export function plantedFaults(name?: string): readonly PlantedFault[] {
  const files = readdirSync(PATCHES).filter((file) => file.endsWith('.patch'));
  const faults = files.sort().map((file) => readFault(file.slice(0, -'.patch'.length)));
  const chosen = faults.filter((fault) => name === undefined || fault.name === name);
  if (chosen.length === 0) throw new RangeError(`no fault ${name}; there are ${faults.map((f) => f.name).join(', ')}`);
  return chosen;
}

/** Plants each fault in a copy of the source and runs seeds there until one fails; several faults at a time. */
export async function findPlanted(
  faults: readonly PlantedFault[],
  jobs: number,
  tell: (line: string) => void,
): Promise<readonly PlantedResult[]> {
  await expectSound(faults);
  const results: PlantedResult[] = [];
  const left = [...faults];
  const work = async (): Promise<void> => {
    for (let fault = left.shift(); fault !== undefined; fault = left.shift()) {
      const result = await find(fault);
      results.push(result);
      tell(lineOf(fault, result));
    }
  };
  await Promise.all(Array.from({ length: jobs }, work));
  return results.sort((a, b) => (a.name < b.name ? -1 : 1));
}

function readFault(name: string): PlantedFault {
  const patch = join(PATCHES, `${name}.patch`);
  const text = readFileSync(patch, 'utf8');
  const seeds = assertDefined(/^Seeds: (.+)$/m.exec(text)?.[1], `${name} says where to look for it`);
  const searches = seeds.split(', ').map((search) => {
    const [profile, count] = search.split(' ') as [string, string];
    return { profile, seeds: Number(count) };
  });
  return { name, patch, about: text.slice(0, text.indexOf('\n')), searches };
}

async function expectSound(faults: readonly PlantedFault[]): Promise<void> {
  const profiles = new Set(faults.flatMap(({ searches }) => searches.map(({ profile }) => profile)));
  await inCopy(async (folder) => {
    for (const profile of profiles) {
      const failure = await firstFailure(folder, profile, 1, SOUND_SEEDS);
      if (failure !== undefined)
        throw new Error(`without a fault planted ${profile} seed ${failure.seed} fails: ${failure.message}`);
    }
  });
}

/** A seed that fails without the fault too proves nothing about it. */
async function expectSoundAt(profile: string, seed: number): Promise<void> {
  const failure = await firstFailure(ROOT, profile, seed, seed);
  if (failure !== undefined) throw new Error(`${profile} seed ${seed} fails without a fault: ${failure.message}`);
}

function find({ name, patch, searches }: PlantedFault): Promise<PlantedResult> {
  return inCopy(async (folder) => {
    // A copy may lie inside of some repository, whose root would then be taken for the root of the patch.
    const env = { ...process.env, GIT_CEILING_DIRECTORIES: dirname(folder) };
    execFileSync('git', ['apply', patch], { cwd: folder, env });
    const startedMs = performance.now();
    const seconds = (): number => Math.round((performance.now() - startedMs) / 100) / 10;
    for (const { profile, seeds } of searches) {
      const failure = await firstFailure(folder, profile, 1, seeds);
      if (failure === undefined) continue;
      await expectSoundAt(profile, failure.seed);
      return { name, found: true, profile, seed: failure.seed, failure: failure.message, seconds: seconds() };
    }
    return { name, found: false, profile: undefined, seed: undefined, failure: undefined, seconds: seconds() };
  });
}

async function inCopy<T>(use: (folder: string) => Promise<T>): Promise<T> {
  const folder = mkdtempSync(join(tmpdir(), 'av10-planted-'));
  try {
    for (const path of COPIED) cpSync(join(ROOT, path), join(folder, path), { recursive: true });
    for (const path of LINKED) symlinkSync(join(ROOT, path), join(folder, path));
    return await use(folder);
  } finally {
    rmSync(folder, { recursive: true });
  }
}

/** Runs seeds in a process of the copy. A process that dies or hangs fails with the seed after the last that it reported. */
function firstFailure(folder: string, profile: string, from: number, to: number): Promise<Failure | undefined> {
  const args = ['test/simulation/simulate.ts', '--profile', profile, '--seeds', `${from}-${to}`];
  const child = spawn(process.execPath, args, { cwd: folder, stdio: ['ignore', 'pipe', 'pipe'] });
  if (child.pid !== undefined) setPriority(child.pid, constants.priority.PRIORITY_BELOW_NORMAL);
  let failure: Failure | undefined;
  let done = from - 1;
  let errors = '';
  const hang = (): void => {
    failure = { seed: done + 1, message: `not finished after ${SEED_LIMIT_MS} ms` };
    child.kill('SIGKILL');
  };
  let fuse = setTimeout(hang, SEED_LIMIT_MS);
  createInterface(child.stdout).on('line', (line) => {
    const [, seed, message] = /^seed (\d+)(?: FAILED)?: (.*)$/.exec(line) ?? [];
    if (seed === undefined || message === undefined) return;
    clearTimeout(fuse);
    fuse = setTimeout(hang, SEED_LIMIT_MS);
    done = Number(seed);
    if (line.includes('FAILED')) failure = { seed: done, message };
  });
  child.stderr.on('data', (chunk: Buffer) => {
    errors = `${errors}${chunk.toString()}`.slice(-2_000);
  });
  return new Promise((resolvePromise, reject) => {
    child.once('error', reject);
    child.once('close', (code) => {
      clearTimeout(fuse);
      if (failure === undefined && code !== 0 && done < from) reject(new Error(`${folder} does not run: ${errors}`));
      else resolvePromise(failure ?? (code === 0 ? undefined : { seed: done + 1, message: `died: ${errors}` }));
    });
  });
}

function lineOf({ name, about }: PlantedFault, { found, profile, seed, failure, seconds }: PlantedResult): string {
  const outcome = found ? `${profile} seed ${seed}`.padEnd(20) : 'NOT FOUND'.padEnd(20);
  return `${name.padEnd(40)} ${outcome} ${seconds.toFixed(1).padStart(7)} s  ${(failure ?? about).slice(0, 120)}`;
}
