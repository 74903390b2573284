import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';

/** `core` is the Rust crate, counted by `native/core/src/vectors`; the others are counted here. */
export const RUNNERS = ['core', 'native', 'node', 'noble'] as const;

export type Runner = (typeof RUNNERS)[number];

export type Coverage = Readonly<Record<string, Readonly<Record<Runner | 'total', number>>>>;

/** How many cases of each set each implementation runs: a promise that the tests hold exactly. */
export const COVERAGE: Coverage = JSON.parse(readFileSync(new URL('./coverage.json', import.meta.url), 'utf8'));

/** A set that ran fewer or more cases than the table says fails, an empty one above all. */
export function assertCovered(set: string, runner: Runner, count: number): void {
  assert.ok(count > 0, `${runner} ran no case of ${set}`);
  assert.equal(count, COVERAGE[set]?.[runner], `${runner} on ${set}: the table in coverage.json says otherwise`);
}
