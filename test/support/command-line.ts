import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

export const MAIN = join(import.meta.dirname, '..', '..', 'src', 'main.ts');
/** A command that does not end by then has hung; the test then sees status null. */
const END_LIMIT_MS = 60_000;
/** What Linux tells every program, whatever the kernel counts in. */
const CLOCK_TICK_MS = 10;

export interface CommandResult {
  readonly status: number | null;
  readonly stdout: string;
  readonly stderr: string;
  readonly tookMs: number;
  /** Processor time of the command, if nothing else that this process started ended meanwhile. */
  readonly processorMs: number;
}

export interface CommandSetting {
  readonly cwd?: string;
  /** Beside the variables of this process. */
  readonly env?: Readonly<Record<string, string>>;
  /** Another user than the one that runs the tests. */
  readonly uid?: number;
}

/** Runs a command of this program to its end. */
export async function av10(args: readonly string[], setting: CommandSetting = {}): Promise<CommandResult> {
  const startedMs = performance.now();
  const usedMs = processorMsOfChildren();
  const child = startAv10(args, setting);
  let [stdout, stderr] = ['', ''];
  child.stdout?.on('data', (chunk) => {
    stdout += chunk;
  });
  child.stderr?.on('data', (chunk) => {
    stderr += chunk;
  });
  const fuse = setTimeout(() => child.kill('SIGKILL'), END_LIMIT_MS);
  const [status] = (await once(child, 'close')) as [number | null];
  clearTimeout(fuse);
  return {
    status,
    stdout,
    stderr,
    tookMs: performance.now() - startedMs,
    processorMs: processorMsOfChildren() - usedMs,
  };
}

/** The same for one that runs until it is ended. */
export function startAv10(args: readonly string[], { cwd = tmpdir(), env, uid }: CommandSetting = {}): ChildProcess {
  return spawn(process.execPath, [MAIN, ...args], {
    cwd,
    env: { ...process.env, ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
    ...(uid === undefined ? {} : { uid, gid: uid }),
  });
}

/** Of all that this process started and that has ended. */
function processorMsOfChildren(): number {
  const stat = readFileSync('/proc/self/stat', 'utf8');
  const [user, system] = stat
    .slice(stat.lastIndexOf(')') + 2)
    .split(' ')
    .slice(13, 15);
  return (Number(user) + Number(system)) * CLOCK_TICK_MS;
}
