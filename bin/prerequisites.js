// Everything a first build needs from the machine, checked together before anything is downloaded.
import { spawnSync } from 'node:child_process';
import { accessSync, constants } from 'node:fs';
import { delimiter, join } from 'node:path';

const MIN_HOST_NODE_MAJOR = 20;

/** One line per missing prerequisite, each with how to get it on this platform; empty if all are there. */
export function findMissing({ rust }) {
  const missing = [];
  const need = (present, what, hints) => {
    if (!present) missing.push(`${what}: ${hints[process.platform] ?? hints.linux}`);
  };
  need(
    Number.parseInt(process.versions.node, 10) >= MIN_HOST_NODE_MAJOR,
    `Node ${MIN_HOST_NODE_MAJOR} or newer (found ${process.versions.node})`,
    {
      linux: 'install it from your distribution or nodejs.org',
      darwin: 'brew install node',
    },
  );
  need(isOnPath('npm'), 'npm', { linux: 'apt-get install npm (it also comes with Node)', darwin: 'brew install node' });
  need(process.platform !== 'linux' || hasLibatomic(), 'libatomic (the packaged Node runtime links it)', {
    linux: 'apt-get install libatomic1, or dnf install libatomic',
  });
  if (rust) {
    const rustup = 'install stable Rust with rustup (https://rustup.rs)';
    need(isOnPath('cargo') && isOnPath('rustc'), 'cargo and rustc', { linux: rustup, darwin: rustup });
    need(isOnPath('cc'), 'a C compiler and linker (cc)', {
      linux: 'apt-get install gcc, or dnf install gcc',
      darwin: 'xcode-select --install',
    });
  }
  return missing;
}

function isOnPath(program) {
  return (process.env.PATH ?? '').split(delimiter).some((folder) => {
    try {
      accessSync(join(folder, program), constants.X_OK);
      return true;
    } catch {
      return false; // not in this folder
    }
  });
}

/** Asks the loader's cache first, then the compiler, which knows of more places. */
function hasLibatomic() {
  const PATH = `${process.env.PATH ?? ''}:/sbin:/usr/sbin`; // ldconfig is not on an ordinary user's PATH everywhere
  const cache = spawnSync('ldconfig', ['-p'], { encoding: 'utf8', env: { ...process.env, PATH } });
  if (cache.stdout?.includes('libatomic.so.1')) return true;
  const compiler = spawnSync('cc', ['-print-file-name=libatomic.so.1'], { encoding: 'utf8' });
  return compiler.stdout?.trim().startsWith('/') ?? false;
}
