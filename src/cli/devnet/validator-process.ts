import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, mkdirSync, openSync, readFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { CONFIG_FIELDS } from '../../node/config-fields.ts';

/** Longer than a validator's own limit for its stop. */
const KILL_AFTER_MS = 65_000;
const SHOWN_LOG_LINES = 12;

/**
 * A validator as a process of its own: the pinned runtime on the same entry, never through npm, which passes no signal on. It has a process
 * group of its own, so that Ctrl-C reaches this process only, and ends when its IPC channel to this process closes, however that happens.
 */
export class ValidatorProcess {
  readonly name: string;
  readonly pid: number;
  readonly log: string;
  /** What starts it again. */
  readonly command: string;
  /** Resolves to a sentence when the process has ended. */
  readonly ended: Promise<string>;
  readonly #child: ChildProcess;

  constructor(name: string, entry: string, paths: { readonly config: string; readonly log: string }) {
    this.name = name;
    this.log = paths.log;
    const args = [entry, 'start', '--config', paths.config];
    this.command = [process.execPath, ...args].join(' ');
    mkdirSync(dirname(paths.log), { recursive: true });
    const log = openSync(paths.log, 'a');
    try {
      this.#child = spawn(process.execPath, args, {
        detached: true,
        stdio: ['ignore', log, log, 'ipc'],
        env: plainEnvironment(),
      });
    } finally {
      closeSync(log);
    }
    this.pid = this.#child.pid ?? 0;
    this.ended = new Promise((resolve) => {
      this.#child.once('error', (error) => resolve(`could not be started: ${error.message}`));
      this.#child.once('exit', (code, signal) =>
        resolve(signal === null ? `ended with status ${code}` : `was ended by ${signal}`),
      );
    });
  }

  /** Asks for an orderly stop by closing the channel, and insists after its time. */
  async stop(): Promise<void> {
    const child = this.#child;
    if (child.exitCode !== null || child.signalCode !== null || child.pid === undefined) return;
    const exit = once(child, 'exit');
    const fuse = setTimeout(() => child.kill('SIGKILL'), KILL_AFTER_MS);
    if (child.connected) child.disconnect();
    else child.kill('SIGTERM');
    await exit;
    clearTimeout(fuse);
  }

  /** The end of its log, for somebody who sees it fail. */
  lastLogLines(): string[] {
    return readFileSync(this.log, 'utf8').trimEnd().split('\n').slice(-SHOWN_LOG_LINES);
  }
}

/** Settings of this shell are not settings of every validator. */
function plainEnvironment(): NodeJS.ProcessEnv {
  const settings = new Set(CONFIG_FIELDS.flatMap(({ environment }) => environment));
  return Object.fromEntries(Object.entries(process.env).filter(([name]) => !settings.has(name)));
}
