import { spawn } from 'node:child_process';
import { constants } from 'node:os';

export interface CommandOptions {
  readonly cwd: string;
  readonly env?: Readonly<Record<string, string>>;
  /** The whole process group is killed after this time; the exit code is then `TIMED_OUT`. */
  readonly timeoutMs: number;
  /** Sees each line of standard output in addition to the terminal. */
  readonly onLine?: (line: string) => void;
}

/** As `timeout(1)` reports it. */
export const TIMED_OUT = 124;
const NOT_STARTED = 127;
const ENDED_BY_SIGNAL = 128;

/**
 * Runs one command to its end, showing its output, and resolves to its exit code. The command leads a process group of
 * its own, so that neither a time-out nor Ctrl-C leaves a grandchild behind.
 */
export function runCommand(command: string, args: readonly string[], options: CommandOptions): Promise<number> {
  const { promise, resolve } = Promise.withResolvers<number>();
  const child = spawn(command, args, {
    cwd: options.cwd,
    env: { ...process.env, ...options.env },
    stdio: ['ignore', options.onLine ? 'pipe' : 'inherit', 'inherit'],
    detached: true,
  });
  const killGroup = (signal: NodeJS.Signals): void => {
    if (child.pid === undefined || child.exitCode !== null || child.signalCode !== null) return;
    process.kill(-child.pid, signal);
  };
  const interrupted = (signal: NodeJS.Signals): void => {
    killGroup(signal);
    process.exitCode = ENDED_BY_SIGNAL + constants.signals[signal];
  };
  let timedOut = false;
  const timer = setTimeout(() => {
    timedOut = true;
    console.error(`${command}: stopped after ${options.timeoutMs / 1000} s`);
    killGroup('SIGKILL');
  }, options.timeoutMs);
  const finish = (code: number): void => {
    clearTimeout(timer);
    process.off('SIGINT', interrupted).off('SIGTERM', interrupted);
    resolve(code);
  };
  process.on('SIGINT', interrupted).on('SIGTERM', interrupted);
  if (options.onLine) forwardLines(child.stdout, options.onLine);
  child.on('error', (error) => {
    console.error(`${command}: ${error.message}`);
    finish(NOT_STARTED);
  });
  child.on('close', (code) => finish(timedOut ? TIMED_OUT : (code ?? ENDED_BY_SIGNAL)));
  return promise;
}

function forwardLines(stream: NodeJS.ReadableStream | null, onLine: (line: string) => void): void {
  let rest = '';
  stream?.setEncoding('utf8').on('data', (chunk: string) => {
    process.stdout.write(chunk);
    const lines = (rest + chunk).split('\n');
    rest = lines.pop() ?? '';
    for (const line of lines) onLine(line);
  });
  stream?.on('end', () => {
    if (rest !== '') onLine(rest);
  });
}
