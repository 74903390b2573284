/** `npm run build:client`: the client library as a package of its own, without this program and its dependencies, in `dist/sdk`. */
import { cpSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { build } from 'esbuild';
import { runCommand } from './command.ts';

const root = resolve(import.meta.dirname, '..');
const TYPES_TIMEOUT_MS = 5 * 60_000;
/** Oldest that have everything the client uses: `Uint8Array.fromHex`, `AbortSignal.any`, `Promise.withResolvers`. */
const TARGETS = ['chrome140', 'firefox133', 'safari18.2', 'node25'];

/** The client for browsers, in one module. */
export async function bundleForBrowsers(): Promise<string> {
  const result = await build({ ...OPTIONS, entryPoints: [join(root, 'src/client/index.ts')], write: false });
  const [file] = result.outputFiles;
  if (file === undefined) throw new Error('esbuild made nothing');
  return file.text;
}

/** The whole package: modules, types, manifest and licence. */
export async function buildClientPackage(folder: string): Promise<void> {
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(folder, { recursive: true });
  const entryPoints = ['index', 'node'].map((name) => join(root, `src/client/${name}.ts`));
  await build({ ...OPTIONS, platform: 'neutral', external: ['node:*'], splitting: true, entryPoints, outdir: folder });
  await writeTypes(join(folder, 'types'));
  writeFileSync(join(folder, 'package.json'), `${JSON.stringify(manifest(), undefined, 2)}\n`);
  cpSync(join(root, 'LICENSE'), join(folder, 'LICENSE'));
}

const OPTIONS = {
  bundle: true,
  format: 'esm',
  platform: 'browser',
  target: TARGETS,
  legalComments: 'inline',
  logLevel: 'warning',
} as const;

/** Those of the modules that the client reaches. */
async function writeTypes(folder: string): Promise<void> {
  const config = join(tmpdir(), `av10-client-types-${process.pid}.json`);
  const options = { noEmit: false, declaration: true, emitDeclarationOnly: true, rootDir: join(root, 'src') };
  const files = ['index', 'node'].map((name) => join(root, `src/client/${name}.ts`));
  const compilerOptions = { ...options, outDir: folder, typeRoots: [join(root, 'node_modules/@types')] };
  writeFileSync(config, JSON.stringify({ extends: join(root, 'tsconfig.json'), compilerOptions, files, include: [] }));
  try {
    const tsc = join(root, 'node_modules/typescript/bin/tsc');
    const code = await runCommand(process.execPath, [tsc, '-p', config], { cwd: root, timeoutMs: TYPES_TIMEOUT_MS });
    if (code !== 0) throw new Error(`tsc exited with ${code}`);
  } finally {
    rmSync(config, { force: true });
  }
}

function manifest(): object {
  const { version, license, dependencies } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'));
  const entry = (name: string) => ({ types: `./types/client/${name}.d.ts`, default: `./${name}.js` });
  return {
    name: '@av10/client',
    version,
    description: 'Client of AV10-7 networks, for Node and browsers',
    license,
    type: 'module',
    sideEffects: false,
    exports: { '.': entry('index'), './node': entry('node') },
    // Types name shapes of it; the code of it is in the modules.
    dependencies: { typebox: dependencies.typebox },
  };
}

if (import.meta.main) {
  const folder = join(root, 'dist/sdk');
  await buildClientPackage(folder);
  console.log(`wrote ${folder}`);
}
