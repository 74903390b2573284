/**
 * `npm test [-- path filters]`: the TypeScript tests by group, then the Rust tests, then one summary line. A filter is
 * part of a path: `test/unit/crypto` runs these, `native` runs the Rust tests. AV10_TEST_REQUIRE turns skips into failures.
 */
import { existsSync, globSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { runCommand } from './command.ts';
import { formatReport, parseCargoLine, type Tally, tallyRecords } from './test-tally.ts';

const root = resolve(import.meta.dirname, '..');

interface Group {
  readonly folders: readonly string[];
  readonly nodeArgs: readonly string[];
  readonly timeoutMs: number;
}

/** Pure tests share one process, which saves 85 ms a file; those that open sockets or start processes get one each. */
const GROUPS: readonly Group[] = [
  { folders: ['unit', 'dag', 'model', 'vectors', 'fuzz'], nodeArgs: ['--test-isolation=none'], timeoutMs: 15 * 60_000 },
  {
    folders: ['contract', 'simulation', 'integration', 'e2e'],
    nodeArgs: ['--test-isolation=process', '--test-concurrency=2'],
    timeoutMs: 40 * 60_000,
  },
];
const NOT_TESTS: readonly string[] = ['fixtures'];
/** `npm run test:api` needs a browser, and a fuzzer that comes from another registry; `npm run test:archive` a MongoDB server, and a quiet machine. */
const OWN_COMMAND: readonly string[] = ['api', 'archive'];
const CARGO_TIMEOUT_MS = 30 * 60_000;

const filters = process.argv.slice(2).map((filter) => filter.replace(/^\.\//, ''));
const tallies: Tally[] = [rejectStrayFiles()];
for (const group of GROUPS) tallies.push(await runGroup(group));
if (existsSync(join(root, 'native')) && wants('native')) tallies.push(await runCargo());

const report = formatReport(tallies, process.env.AV10_TEST_REQUIRE ?? '');
console.log(report.text);
process.exitCode ??= report.ok ? 0 : 1;

async function runGroup(group: Group): Promise<Tally> {
  const present = group.folders.filter((folder) => existsSync(join(root, 'test', folder)));
  const files = present.flatMap((folder) => findTests(folder));
  const selected = files.filter(isSelected);
  if (process.exitCode !== undefined || selected.length === 0) {
    const empty = present.filter((folder) => findTests(folder).length === 0 && filters.length === 0);
    return tallyRecords(
      [],
      empty.map((folder) => `test/${folder}/: no *.test.ts in it`),
    );
  }
  console.log(`\n--- ${present.map((folder) => `test/${folder}`).join(', ')}: ${selected.length} files`);
  const scratch = mkdtempSync(join(tmpdir(), 'av10-test-'));
  try {
    const recordPath = join(scratch, 'records.jsonl');
    const reporters = [
      ...['--test-reporter=spec', '--test-reporter-destination=stdout'],
      ...[`--test-reporter=${join(root, 'tools/test-reporter.ts')}`, `--test-reporter-destination=${recordPath}`],
    ];
    const args = ['--test', '--test-force-exit', ...group.nodeArgs, ...reporters, ...selected];
    const code = await runCommand(process.execPath, args, { cwd: root, timeoutMs: group.timeoutMs });
    return tallyFiles(selected, existsSync(recordPath) ? readFileSync(recordPath, 'utf8') : '', code);
  } finally {
    rmSync(scratch, { recursive: true, force: true });
  }
}

/** A file that reports nothing at all has failed, whatever the exit code says. */
function tallyFiles(files: readonly string[], recordLines: string, code: number): Tally {
  const records = recordLines
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line));
  const tally = tallyRecords(records, []);
  const seen = new Set(records.map((record) => record.file));
  const failures = files.filter((file) => !seen.has(file)).map((file) => `${file}: ran no test`);
  if (code !== 0 && tally.failures.length + failures.length === 0) failures.push(`node --test exited with ${code}`);
  return { ...tally, failures: [...tally.failures, ...failures] };
}

async function runCargo(): Promise<Tally> {
  if (process.exitCode !== undefined) return tallyRecords([], []);
  console.log('\n--- native');
  const tally = { passed: 0, failures: [] as string[], skips: [] as Tally['skips'][number][] };
  const onLine = (line: string): void => {
    const result = parseCargoLine(line);
    if (result === undefined) return;
    tally.passed += result.passed;
    tally.failures.push(...result.failures);
    tally.skips.push(...result.skips);
  };
  const args = ['test', '--release', '--locked', '--workspace'];
  const code = await runCommand('cargo', args, { cwd: join(root, 'native'), timeoutMs: CARGO_TIMEOUT_MS, onLine });
  if (code !== 0 && tally.failures.length === 0) tally.failures.push(`cargo test exited with ${code}`);
  if (code === 0 && tally.passed === 0) tally.failures.push('native/: cargo ran no test');
  return tally;
}

/** A test nobody runs proves nothing: every folder that holds one belongs to a group. */
function rejectStrayFiles(): Tally {
  const known = new Set([...GROUPS.flatMap(({ folders }) => folders), ...NOT_TESTS, ...OWN_COMMAND]);
  const stray = globSync('test/**/*.test.ts', { cwd: root }).filter((path) => !known.has(path.split('/')[1] ?? ''));
  return tallyRecords(
    [],
    stray.sort().map((path) => `${path}: its folder is in no group of tools/run-tests.ts`),
  );
}

function findTests(folder: string): string[] {
  return globSync(`test/${folder}/**/*.test.ts`, { cwd: root }).sort();
}

function isSelected(path: string): boolean {
  return filters.length === 0 || filters.some((filter) => path.includes(filter));
}

function wants(folder: string): boolean {
  return filters.length === 0 || filters.some((filter) => filter === folder || filter.startsWith(`${folder}/`));
}
