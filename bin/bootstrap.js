// From a fresh clone to a running task: packages, native addon, then the task itself; each only if something changed.
// Plain JavaScript for any Node >= 20, because it runs before the pinned runtime is there.
import { fileURLToPath } from 'node:url';
import { isInstalled } from './install-stamp.js';
import { buildNative, isNativeCurrent } from './native-build.js';
import { findMissing } from './prerequisites.js';
import { findRuntime, missingRuntimeMessage, run } from './runtime.js';

const root = fileURLToPath(new URL('..', import.meta.url));

/** They measure: nothing of them runs beside another. */
const SERIAL_TESTS = ['--test', '--test-force-exit', '--test-concurrency=1'];

/** What `npm run <task>` starts, and whether it needs the built addon. Arguments are appended. */
const TASKS = {
  build: { native: true, command: ['node_modules/typescript/bin/tsc', '-p', 'tsconfig.build.json'] },
  'build:client': { native: false, command: ['tools/build-client.ts'] },
  bench: { native: true, command: ['bench/cluster/main.ts'] },
  'bench:instructions': { native: true, command: ['bench/instructions.ts'] },
  simulate: { native: true, command: ['test/simulation/simulate.ts'] },
  devnet: { native: true, command: ['src/main.ts', 'devnet'] },
  check: { native: false, command: ['tools/check.ts'] },
  test: { native: true, command: ['tools/run-tests.ts'] },
  'test:api': { native: true, command: ['--test', '--test-force-exit', 'test/api/*.test.ts'] },
  'test:archive': { native: true, command: [...SERIAL_TESTS, 'test/archive/*.test.ts'] },
  'test:compose': { native: false, command: ['--test-force-exit', 'test/compose/validators.ts'] },
};

process.exitCode = await main(process.argv.slice(2));

async function main([name, ...args]) {
  const task = TASKS[name];
  if (task === undefined) {
    console.error(`usage: node bin/bootstrap.js <${Object.keys(TASKS).join('|')}> [--no-native] [arguments]`);
    return 2;
  }
  const withRust = !args.includes('--no-native');
  const taskArgs = args.filter((arg) => arg !== '--no-native');

  const steps = [{ title: 'packages', isDone: isInstalled, run: installPackages }];
  if (task.native && withRust) steps.push({ title: 'native', isDone: isNativeCurrent, run: buildNative });

  if (!steps.every((step) => step.isDone())) {
    const missing = findMissing({ rust: withRust });
    if (missing.length > 0) {
      console.error(['av10: this machine lacks:', ...missing.map((line) => `  - ${line}`)].join('\n'));
      return 1;
    }
  }
  const count = steps.length + 1;
  for (const [index, step] of steps.entries()) {
    const code = await runStep(`[${index + 1}/${count}] ${step.title}`, step);
    if (code !== 0) return code;
  }
  console.log(`[${count}/${count}] ${name}`);
  const runtime = findRuntime();
  if (runtime === undefined) {
    console.error(missingRuntimeMessage());
    return 1;
  }
  return run(runtime, [...task.command, ...taskArgs], { cwd: root });
}

async function runStep(title, step) {
  if (step.isDone()) {
    console.log(`${title}: up to date`);
    return 0;
  }
  console.log(title);
  const startedMs = Date.now();
  const code = await step.run();
  console.log(
    `${title}: ${code === 0 ? 'done' : `failed with ${code}`} in ${((Date.now() - startedMs) / 1000).toFixed(1)} s`,
  );
  return code;
}

/** Without `--loglevel=error` npm on Node 20 prints a screen of engine warnings about packages that run on the pinned runtime. */
function installPackages() {
  // npm must not run on the runtime it is about to replace: take node_modules/.bin, which `npm run` put there, off PATH.
  const PATH = (process.env.PATH ?? '')
    .split(':')
    .filter((folder) => !folder.endsWith('node_modules/.bin'))
    .join(':');
  return run('npm', ['ci', '--loglevel=error'], { cwd: root, env: { ...process.env, PATH } });
}
