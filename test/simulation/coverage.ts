import { spawn } from 'node:child_process';
import { globSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, relative, resolve } from 'node:path';

/** Lines of one file of the source. */
export interface FileCoverage {
  readonly file: string;
  readonly lines: number;
  readonly uncovered: readonly number[];
}

const ROOT = resolve(import.meta.dirname, '../..');
/** What keeps agreement, disks and transactions safe: the rooms that the simulation must reach by itself. */
const MEASURED = [
  'src/consensus/*.ts',
  'src/storage/*.ts',
  ...['mempool', 'sender-chain', 'rotation', 'included-notes'].map((name) => `src/pipeline/${name}.ts`),
];
/** Work on a real disk or a real database, which a simulated disk replaces: `test/contract` and `test/integration` run them. */
const REAL_DISK = new Set([
  'src/storage/directory-lock.ts',
  'src/storage/node-disk.ts',
  'src/storage/receipt-database.ts',
  'src/storage/sqlite-receipt-index.ts',
]);

/**
 * Runs every test of this folder, and with them seeds of all profiles, with the coverage of the runtime.
 * @throws Error when a test fails: what a broken run reached says nothing
 */
export async function measureCoverage(): Promise<readonly FileCoverage[]> {
  const folder = mkdtempSync(join(tmpdir(), 'av10-coverage-'));
  try {
    const report = join(folder, 'lcov.info');
    await runTests(report);
    return parseReport(readFileSync(report, 'utf8'));
  } finally {
    rmSync(folder, { recursive: true });
  }
}

/** Replaced by the simulated disk. */
export function needsRealDisk({ file }: FileCoverage): boolean {
  return REAL_DISK.has(file);
}

/** Percent of all lines of these files. */
export function percentCovered(files: readonly FileCoverage[]): number {
  const lines = files.reduce((sum, file) => sum + file.lines, 0);
  const uncovered = files.reduce((sum, file) => sum + file.uncovered.length, 0);
  return (100 * (lines - uncovered)) / lines;
}

/** `3, 5-9` for ascending lines. */
export function lineRanges(lines: readonly number[]): string {
  const ranges: { from: number; to: number }[] = [];
  for (const line of lines) {
    const last = ranges.at(-1);
    if (last?.to === line - 1) last.to = line;
    else ranges.push({ from: line, to: line });
  }
  return ranges.map(({ from, to }) => (from === to ? `${from}` : `${from}-${to}`)).join(', ');
}

function runTests(report: string): Promise<void> {
  const args = [
    ...['--test', '--experimental-test-coverage', ...MEASURED.map((glob) => `--test-coverage-include=${glob}`)],
    ...['--test-reporter=lcov', `--test-reporter-destination=${report}`],
    ...['--test-reporter=dot', '--test-reporter-destination=stdout'],
    ...globSync('test/simulation/*.test.ts', { cwd: ROOT }).sort(),
  ];
  const child = spawn(process.execPath, args, { cwd: ROOT, stdio: ['ignore', 'inherit', 'inherit'] });
  return new Promise((resolvePromise, reject) => {
    child.once('error', reject);
    child.once('close', (code) => {
      if (code === 0) resolvePromise();
      else reject(new Error(`the simulation's tests ended with ${code}`));
    });
  });
}

function parseReport(lcov: string): readonly FileCoverage[] {
  return lcov.split('end_of_record\n').flatMap((record) => {
    const path = /^SF:(.+)$/m.exec(record)?.[1];
    if (path === undefined) return [];
    const lines = [...record.matchAll(/^DA:(\d+),(\d+)$/gm)].map(([, line, hits]) => ({ line: Number(line), hits }));
    const uncovered = lines.filter(({ hits }) => hits === '0').map(({ line }) => line);
    return [{ file: relative(ROOT, resolve(ROOT, path)), lines: lines.length, uncovered }];
  });
}
