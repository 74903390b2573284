/**
 * Counts the instructions of native hot paths under callgrind and compares them with `bench/instructions.json`: no clock, so the same on a loaded
 * machine. `--update` takes over what was counted; a change for the better has to be taken over too, or the next one for the worse hides behind it.
 */
import { execFile } from 'node:child_process';
import { readFile, writeFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

interface Counts {
  /** Another compiler makes other code. */
  readonly rustc: string;
  readonly instructions: Readonly<Record<string, number>>;
}

const PATHS: readonly string[] = [
  'verify-64-kept-key',
  'verify-1-fresh-key',
  'parse-256-transactions',
  'execute-256-transactions',
  'execute-8192-transfers',
];
/** Hash tables are seeded at random: counts differ by up to half a percent from run to run. */
const TOLERANCE = 0.02;
/** The C library picks its copies by the processor; these are everywhere. Callgrind itself knows no AVX-512. */
const PLAIN_COPIES = 'glibc.cpu.hwcaps=-AVX2,-AVX512F,-ERMS,-FSRM';

const run = promisify(execFile);
const native = fileURLToPath(new URL('../native/', import.meta.url));
const file = new URL('./instructions.json', import.meta.url);

process.exitCode = await main(process.argv.slice(2));

async function main(args: readonly string[]): Promise<number> {
  if (args.some((arg) => arg !== '--update')) {
    console.error('npm run bench:instructions [-- --update]: instructions of native hot paths, by valgrind');
    return 2;
  }
  if (!(await readFile('/proc/cpuinfo', 'utf8')).includes('avx2')) {
    console.log('not counted: this processor has no AVX2, and the counts are of that code');
    return 0;
  }
  await run('cargo', ['build', '--release', '--example', 'hot_paths'], { cwd: native });
  const counted: Counts = { rustc: await compiler(), instructions: {} };
  const instructions: Record<string, number> = {};
  for (const path of PATHS) instructions[path] = await count(path);
  if (!args.includes('--update')) return compare({ ...counted, instructions });
  await writeFile(file, `${JSON.stringify({ ...counted, instructions }, null, 2)}\n`);
  console.log(`written to ${fileURLToPath(file)}`);
  return 0;
}

async function compiler(): Promise<string> {
  return (await run('rustc', ['--version'], { cwd: native })).stdout.trim();
}

async function count(path: string): Promise<number> {
  const options = ['--tool=callgrind', '--collect-atstart=no', '--toggle-collect=*counted*'];
  const binary = `${native}target/release/examples/hot_paths`;
  const env = { ...process.env, GLIBC_TUNABLES: PLAIN_COPIES };
  const { stderr } = await run('valgrind', [...options, '--callgrind-out-file=/dev/null', binary, path], { env });
  const collected = Number(/Collected : ([0-9]+)/.exec(stderr)?.[1]);
  if (collected > 0) return collected;
  throw new Error(`valgrind counted nothing of ${path}: ${stderr}`);
}

async function compare(now: Counts): Promise<number> {
  const before = JSON.parse(await readFile(file, 'utf8')) as Counts;
  let changed = 0;
  for (const [path, instructions] of Object.entries(now.instructions)) {
    const change = instructions / (before.instructions[path] ?? 0) - 1;
    const isChanged = !(Math.abs(change) <= TOLERANCE);
    if (isChanged) changed += 1;
    const percent = `${change < 0 ? '' : '+'}${(change * 100).toFixed(1)} %`;
    console.log(
      `${path.padEnd(26)} ${String(instructions).padStart(12)} ${percent.padStart(9)}${isChanged ? '  CHANGED' : ''}`,
    );
  }
  if (now.rustc !== before.rustc) {
    console.log(`not judged: compiled by ${now.rustc}, the recorded counts by ${before.rustc}`);
    return 0;
  }
  if (changed === 0) return 0;
  console.error(
    `more than ${TOLERANCE * 100} % from bench/instructions.json: mend it, or say why and run with --update`,
  );
  return 1;
}
