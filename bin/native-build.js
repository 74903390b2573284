// Builds the Rust workspace and puts the addon where src/addon loads it: native/av10.node.
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { copyFileSync, existsSync, readdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { run } from './runtime.js';

const nativeDir = fileURLToPath(new URL('../native', import.meta.url));
const addonPath = join(nativeDir, 'av10.node');
const stampPath = join(nativeDir, '.stamp');
const libraryName = process.platform === 'darwin' ? 'libav10_binding.dylib' : 'libav10_binding.so';

/** True if the addon was built from the sources as they are now, by the compiler that is here now. */
export function isNativeCurrent() {
  return existsSync(addonPath) && existsSync(stampPath) && readFileSync(stampPath, 'utf8') === fingerprint();
}

/** Resolves to cargo's exit code. A stamp is written only after the addon is in place. */
export async function buildNative() {
  const built = fingerprint(); // before the build: an edit made while it runs must show as a change
  const code = await run('cargo', ['build', '--release', '--locked'], { cwd: nativeDir });
  if (code !== 0) return code;
  // By rename: a process that has the old addon mapped keeps it, and none ever sees half a file.
  const incoming = `${addonPath}.${process.pid}`;
  copyFileSync(join(nativeDir, 'target', 'release', libraryName), incoming);
  renameSync(incoming, addonPath);
  writeFileSync(stampPath, built);
  return 0;
}

function fingerprint() {
  const hash = createHash('sha256');
  const compiler = spawnSync('rustc', ['-V'], { cwd: nativeDir, encoding: 'utf8' });
  hash.update(`${compiler.stdout ?? 'no rustc'}${process.env.RUSTFLAGS ?? ''}\0`);
  for (const path of listSources('')) {
    hash.update(`${path}\0`).update(
      createHash('sha256')
        .update(readFileSync(join(nativeDir, path)))
        .digest(),
    );
  }
  return hash.digest('hex');
}

/** Paths relative to native/, in one fixed order; build output, tests and fuzz corpora do not shape the addon. */
function listSources(folder) {
  const ignored = new Set(['target', 'tests', 'fuzz', 'benches']);
  return readdirSync(join(nativeDir, folder), { withFileTypes: true })
    .sort((a, b) => (a.name < b.name ? -1 : 1))
    .flatMap((entry) => {
      const path = join(folder, entry.name);
      if (entry.isDirectory()) return ignored.has(entry.name) ? [] : listSources(path);
      return /\.(rs|toml|lock|c|h)$/.test(entry.name) ? [path] : [];
    });
}
