import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { suite, test } from 'node:test';
import { Command } from 'commander';
import { completionScript } from '../../../src/cli/completion.ts';
import { withFolder } from './scratch-folder.ts';

function program(): Command {
  const root = new Command('av10');
  root
    .command('start')
    .description("run a validator's node")
    .option('--node-id <name>', 'its name')
    .option('--fast', 'go');
  const keys = root.command('keys').description('keys');
  keys.command('generate').description('make keys').option('--keys-dir <path>', 'folder');
  keys.command('show').description('show keys').option('--export <file>', 'file');
  return root;
}

/** What bash offers for the last of these words. */
function offered(folder: string, ...words: readonly string[]): string[] {
  const script = join(folder, 'completion.sh');
  writeFileSync(script, completionScript(program(), 'bash'));
  const line = ['av10', ...words].map((word) => `'${word}'`).join(' ');
  const test = `source '${script}'; COMP_WORDS=(${line}); COMP_CWORD=${words.length}; _av10; echo "\${COMPREPLY[*]}"`;
  return execFileSync('bash', ['-c', test], { encoding: 'utf8' })
    .trim()
    .split(' ')
    .filter((word) => word !== '');
}

suite('completion', () => {
  for (const [name, words, expected] of [
    ['verbs', [''], ['start', 'keys', '--help']],
    ['the rest of a verb', ['ke'], ['keys']],
    ['verbs below a verb', ['keys', ''], ['generate', 'show', '--help']],
    ['options of a verb', ['start', '--'], ['--node-id', '--fast', '--help']],
    ['options of a verb below a verb', ['keys', 'show', '--e'], ['--export']],
    ['options after a value', ['start', '--node-id', 'keys', '--f'], ['--fast']],
    ['nothing for a value: bash offers files then', ['start', '--node-id', ''], []],
  ] as [string, string[], string[]][]) {
    test(`bash offers ${name}`, () =>
      withFolder(async (folder) => assert.deepEqual(offered(folder, ...words), expected)));
  }

  test('zsh runs the same function', () => {
    const [first, ...rest] = completionScript(program(), 'zsh').split('\n');
    assert.equal(first, 'autoload -U +X bashcompinit && bashcompinit');
    assert.equal(rest.join('\n'), completionScript(program(), 'bash'));
  });

  test('fish has a line for each verb and each option', () => {
    const lines = completionScript(program(), 'fish').split('\n');
    assert.equal(lines.length, 4 + 4);
    assert.ok(
      lines.includes(String.raw`complete -c av10 -f -n '__fish_use_subcommand' -a start -d 'run a validator\'s node'`),
    );
    const option =
      "complete -c av10 -n '__fish_seen_subcommand_from keys; and __fish_seen_subcommand_from generate' -l keys-dir -r -d 'folder'";
    assert.ok(lines.includes(option));
  });
});
