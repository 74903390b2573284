import { readdirSync, readFileSync } from 'node:fs';

/** Of Linux on every platform that Node runs on (`getconf CLK_TCK`). */
const TICKS_PER_SECOND = 100;
/** In /proc/PID/stat, counted after the name, which may hold anything: user and system time are fields 14 and 15 of proc(5). */
const USER_FIELD = 11;
const SYSTEM_FIELD = 12;

/** CPU seconds of a process since it started, user and system. */
export function processCpuSeconds(pid: number): number {
  return parseStat(readFileSync(`/proc/${pid}/stat`, 'utf8')).cpuSeconds;
}

/** CPU seconds of the living threads of a process by their group. */
export function threadCpuSeconds(pid: number): ReadonlyMap<ThreadGroup, number> {
  const groups = new Map<ThreadGroup, number>();
  for (const thread of readdirSync(`/proc/${pid}/task`)) {
    try {
      const { name, cpuSeconds } = parseStat(readFileSync(`/proc/${pid}/task/${thread}/stat`, 'utf8'));
      const group = Number(thread) === pid ? 'main' : threadGroup(name);
      groups.set(group, (groups.get(group) ?? 0) + cpuSeconds);
    } catch (error) {
      if (!isGone(error)) throw error;
    }
  }
  return groups;
}

/**
 * - `main`: consensus, API, network: all of the node's own JavaScript
 * - `pool`: libuv's threads: execution, signing, files
 * - `verify`: the workers that check signatures of clients
 * - `v8`: garbage collection and compilation
 */
export type ThreadGroup = 'main' | 'pool' | 'verify' | 'v8' | 'other';

/** By the names that Node 26 gives its threads. */
export function threadGroup(name: string): ThreadGroup {
  if (name === 'libuv-worker') return 'pool';
  if (name === 'node-V8Worker' || name === 'DelayedTaskSche') return 'v8';
  return name === 'WorkerThread' ? 'verify' : 'other';
}

/** Anonymous and shared memory in bytes; mapped files are the page cache's. */
export function residentBytes(pid: number): number {
  const text = readFileSync(`/proc/${pid}/smaps_rollup`, 'utf8');
  return kibibytes(text, 'Anonymous') + kibibytes(text, 'Pss_Shmem');
}

export function parseStat(text: string): { readonly name: string; readonly cpuSeconds: number } {
  const name = text.slice(text.indexOf('(') + 1, text.lastIndexOf(')'));
  const fields = text.slice(text.lastIndexOf(')') + 2).split(' ');
  const ticks = Number(fields[USER_FIELD]) + Number(fields[SYSTEM_FIELD]);
  return { name, cpuSeconds: ticks / TICKS_PER_SECOND };
}

function kibibytes(text: string, field: string): number {
  const [, value] = new RegExp(`^${field}: +([0-9]+) kB`, 'm').exec(text) ?? [];
  return Number(value ?? 0) * 1_024;
}

function isGone(error: unknown): boolean {
  const { code } = error as NodeJS.ErrnoException;
  return code === 'ENOENT' || code === 'ESRCH';
}
