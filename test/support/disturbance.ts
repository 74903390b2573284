import assert from 'node:assert/strict';
import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Room } from './devnet.ts';

/** Where Debian's package `libfaketime` puts it, by architecture. */
const FAKETIME_LIBRARIES = ['x86_64-linux-gnu', 'aarch64-linux-gnu'].map(
  (machine) => `/usr/lib/${machine}/faketime/libfaketime.so.1`,
);

/** What a test needs from the machine: the reason to skip, by name, if it is not there. */
export function cannot(...needs: readonly Need[]): string | false {
  for (const need of needs) {
    const reason = NEEDS[need]();
    if (reason !== undefined) return `${need}: ${reason}`;
  }
  return false;
}

export type Need = 'root' | 'strace' | 'faketime' | 'iptables' | 'go' | 'zsh' | 'fish';

const NEEDS: Readonly<Record<Need, () => string | undefined>> = {
  root: () => (process.getuid?.() === 0 ? undefined : "mounts and network namespaces are root's"),
  strace: () => (runs('strace', '-V') ? undefined : 'not installed (apt-get install strace)'),
  faketime: () => (faketimeLibrary() === undefined ? 'not installed (apt-get install libfaketime)' : undefined),
  iptables: () => (runs('iptables', '-V') ? undefined : 'not installed (apt-get install iptables iproute2)'),
  go: () => (runs('go', 'version') ? undefined : 'not installed'),
  zsh: () => (runs('zsh', '--version') ? undefined : 'not installed (apt-get install zsh)'),
  fish: () => (runs('fish', '--version') ? undefined : 'not installed (apt-get install fish)'),
};

/**
 * System calls of a running process that fail or wait, by strace, from `begin` to `end`. Everything of the process is slower meanwhile, the
 * named calls only are wrong.
 */
export class Injection {
  readonly #strace: ChildProcess;

  private constructor(strace: ChildProcess) {
    this.#strace = strace;
  }

  /** @param how as in `strace -e inject`, e.g. `error=EIO` or `delay_enter=5s` */
  static async begin(pid: number, calls: string, how: string): Promise<Injection> {
    const args = ['-f', '-p', String(pid), '-e', `trace=${calls}`, '-e', `inject=${calls}:${how}`];
    const strace = spawn('strace', args, { stdio: ['ignore', 'ignore', 'pipe'] });
    const { stderr } = strace;
    let said = '';
    await new Promise<void>((resolve, reject) => {
      stderr.on('data', (chunk) => {
        if (said.includes('attached')) return;
        said += chunk;
        if (said.includes('attached')) resolve();
      });
      strace.once('exit', () => reject(new Error(`strace ended: ${said}`)));
    });
    return new Injection(strace);
  }

  async end(): Promise<void> {
    if (this.#strace.exitCode !== null || this.#strace.signalCode !== null) return;
    const exit = once(this.#strace, 'exit');
    this.#strace.kill('SIGTERM');
    await exit;
  }
}

/** The wall clock of one process, which jumps when a file says so. Its monotonic clock and its timers go on as they are. */
export class FalseClock {
  readonly #folder = mkdtempSync(join(tmpdir(), 'av10-clock-'));

  constructor() {
    this.set('+0');
  }

  get room(): Room {
    const library = faketimeLibrary();
    assert.ok(library !== undefined, 'libfaketime is installed');
    const environment = {
      LD_PRELOAD: library,
      FAKETIME_TIMESTAMP_FILE: this.#file,
      FAKETIME_NO_CACHE: '1',
      FAKETIME_DONT_FAKE_MONOTONIC: '1',
      // Times of files are the kernel's: nothing of this is about them.
      NO_FAKE_STAT: '1',
    };
    return { command: [], environment };
  }

  /** @param time as libfaketime reads it: `-3600` and `+30` are offsets in seconds, `2026-01-31 12:00:00` stands still */
  set(time: string): void {
    writeFileSync(this.#file, `${time}\n`);
  }

  remove(): void {
    rmSync(this.#folder, { recursive: true, force: true });
  }

  get #file(): string {
    return join(this.#folder, 'time');
  }
}

/** A file system of its own, of a given size, over a folder that is there; what was in the folder is copied into it. */
export class SmallDisk {
  readonly #folder: string;

  constructor(folder: string, megabytes: number) {
    const copy = mkdtempSync(join(tmpdir(), 'av10-small-'));
    execFileSync('cp', ['-a', `${folder}/.`, copy]);
    execFileSync('mount', ['-t', 'tmpfs', '-o', `size=${megabytes}m`, 'av10', folder]);
    execFileSync('cp', ['-a', `${copy}/.`, folder]);
    rmSync(copy, { recursive: true });
    this.#folder = folder;
  }

  /** Nothing can be written until `free`. */
  fill(): void {
    // `fallocate` takes what is left in pieces, the last ones a page each.
    for (const [index, bytes] of [1 << 20, 1 << 16, 1 << 12].entries()) {
      for (let piece = 0; tryRun('fallocate', '-l', String(bytes), this.#ballast(index, piece)); piece++);
    }
  }

  free(): void {
    execFileSync('sh', ['-c', 'rm -f "$0"/ballast-*', this.#folder]);
  }

  unmount(): void {
    execFileSync('umount', ['-l', this.#folder]);
  }

  #ballast(index: number, piece: number): string {
    return join(this.#folder, `ballast-${index}-${piece}`);
  }
}

function faketimeLibrary(): string | undefined {
  return FAKETIME_LIBRARIES.find((path) => existsSync(path));
}

function runs(program: string, ...args: readonly string[]): boolean {
  return tryRun(program, ...args);
}

function tryRun(program: string, ...args: readonly string[]): boolean {
  try {
    execFileSync(program, args, { stdio: 'ignore' });
    return true;
  } catch {
    return false; // not installed, or it could not do it: what is asked here
  }
}
