import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { suite, test } from 'node:test';
import type { Command } from 'commander';
import { EXIT_CODES } from '../../../src/cli/exit-codes.ts';
import { buildProgram } from '../../../src/cli/program.ts';

const PAGE = readFileSync(join(import.meta.dirname, '../../../docs/cli.md'), 'utf8');
const program = buildProgram(async () => undefined, 'entry');

/** Verbs that do something, with the words that lead to them. */
function leaves(
  command: Command,
  path: readonly string[] = [],
): { readonly path: string; readonly command: Command }[] {
  if (command.commands.length === 0) return [{ path: path.join(' '), command }];
  return command.commands.flatMap((each) => leaves(each, [...path, each.name()]));
}

suite('docs/cli.md', () => {
  test('has every verb, and no other', () => {
    const verbs = PAGE.slice(PAGE.indexOf('## Verbs'), PAGE.indexOf('## Exit status'));
    const rows = verbs.split('\n').filter((line) => line.startsWith('| `'));
    const named = rows.flatMap((row) => [...(row.split('|')[1] ?? '').matchAll(/`([^`]+)`/g)].map(([, verb]) => verb));
    assert.deepEqual(
      named.toSorted(),
      leaves(program)
        .map(({ path }) => path)
        .toSorted(),
    );
  });

  test('has every exit status with its meaning and its codes', () => {
    for (const { status, meaning, codes } of EXIT_CODES) {
      const row = PAGE.split('\n').find((line) => line.startsWith(`| ${status} | ${meaning} |`));
      assert.ok(row !== undefined, String(status));
      assert.deepEqual(
        codes.filter((code) => !row.includes(`\`${code}\``)),
        [],
        `codes of ${status}`,
      );
    }
  });
});

suite('every verb', () => {
  for (const { path, command } of leaves(program)) {
    test(`${path} says what it does, and what each of its options does`, () => {
      assert.ok(command.description().length > 10, 'description');
      for (const { long, description } of command.options) assert.ok(description.length > 3, `${long}`);
    });

    if (path === 'completion') continue;
    test(`${path} has --json, with one meaning`, () => {
      const [json, ...others] = command.options.filter(({ long }) => long === '--json');
      assert.deepEqual(
        [json?.description, others],
        ['result as one JSON document on standard output, errors as JSON on standard error', []],
      );
    });
  }
});
