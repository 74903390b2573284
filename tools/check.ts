/** `npm run check`: everything that can be said about the tree without running it. All steps run, whatever fails. */
import { existsSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { runCommand } from './command.ts';

const root = resolve(import.meta.dirname, '..');
const STEP_TIMEOUT_MS = 15 * 60_000; // a first clippy run compiles every dependency, on two slow cores

interface Step {
  readonly title: string;
  /** Where it runs, relative to the root; cargo looks for its toolchain file there. */
  readonly folder?: string;
  readonly command: readonly [string, ...string[]];
}

const node = process.execPath;

const STEPS: readonly Step[] = [
  { title: 'format and lint', command: [join(root, 'node_modules/.bin/biome'), 'check', '--error-on-warnings'] },
  { title: 'types', command: [node, 'node_modules/typescript/bin/tsc', '--noEmit', '-p', 'tsconfig.json'] },
  { title: 'imports', command: [node, 'tools/check-imports.ts'] },
  { title: 'tree rules', command: [node, 'tools/check-tree.ts'] },
  { title: 'planted faults', command: [node, 'tools/check-planted.ts'] },
  { title: 'rustfmt', folder: 'native', command: ['cargo', 'fmt', '--all', '--check'] },
  {
    title: 'clippy',
    folder: 'native',
    command: ['cargo', 'clippy', '--locked', '--workspace', '--all-targets', '--', '-D', 'warnings'],
  },
];

const results: { title: string; code: number; seconds: string }[] = [];
for (const { title, folder = '.', command } of STEPS.filter(isPossible)) {
  console.log(`\n--- ${title}`);
  const startedMs = performance.now();
  const [program, ...args] = command;
  const code = await runCommand(program, args, { cwd: join(root, folder), timeoutMs: STEP_TIMEOUT_MS });
  results.push({ title, code, seconds: ((performance.now() - startedMs) / 1000).toFixed(1) });
  if (process.exitCode !== undefined) break; // interrupted
}

console.log('');
for (const { title, code, seconds } of results) {
  console.log(`${code === 0 ? 'ok    ' : 'FAILED'} ${title.padEnd(16)} ${seconds.padStart(6)} s`);
}
process.exitCode ??= results.every(({ code }) => code === 0) ? 0 : 1;

/** A tree without Rust sources has no Rust to check; a machine without cargo has, and fails. */
function isPossible({ folder = '.' }: Step): boolean {
  return existsSync(join(root, folder));
}
