#!/usr/bin/env node
// The published command. It may be started by any Node >= 20 and re-executes the runtime this package pins.
import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { findRuntime, missingRuntimeMessage, run } from './runtime.js';

// A checkout runs its source. A package ships dist/ instead: Node strips no types under node_modules.
const entries = ['../src/main.ts', '../dist/main.js'].map((path) => fileURLToPath(new URL(path, import.meta.url)));

process.exitCode = await main(process.argv.slice(2));

async function main(args) {
  const runtime = findRuntime();
  const entry = entries.find((path) => existsSync(path));
  if (runtime === undefined || entry === undefined) {
    console.error(runtime === undefined ? missingRuntimeMessage() : `av10: found neither ${entries.join(' nor ')}`);
    return 1;
  }
  return run(runtime, [entry, ...args]);
}
