import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { suite, test } from 'node:test';
import { Command } from 'commander';
import { completionScript } from '../../../src/cli/completion.ts';
import { cannot } from '../../support/disturbance.ts';
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

  test('zsh offers verbs and options', { skip: cannot('zsh') }, () =>
    withFolder(async (folder) => {
      const script = join(folder, 'completion.zsh');
      writeFileSync(script, completionScript(program(), 'zsh'));
      // In the mode in which zsh calls functions that were written for bash.
      const ask = (words: string, at: number): string => {
        const call = `COMP_WORDS=(${words}); COMP_CWORD=${at}; _av10; echo "\${COMPREPLY[*]}"`;
        const text = `autoload -U compinit; compinit -u -D; source '${script}'; ask() { emulate -L sh; ${call}; }; ask`;
        return execFileSync('zsh', ['-fc', text], { encoding: 'utf8' }).trim();
      };
      assert.equal(ask("av10 keys ''", 2), 'generate show --help');
      // zsh itself then keeps those that fit what was typed.
      assert.equal(ask('av10 start --f', 2), '--node-id --fast --help');
    }),
  );

  test('fish offers verbs and options', { skip: cannot('fish') }, () =>
    withFolder(async (folder) => {
      const script = join(folder, 'completion.fish');
      writeFileSync(script, completionScript(program(), 'fish'));
      const ask = (line: string): string => {
        const text = `source '${script}'; complete -C '${line}'`;
        return execFileSync('fish', ['--no-config', '-c', text], { encoding: 'utf8' }).trim();
      };
      assert.equal(ask('av10 keys '), 'generate\tmake keys\nshow\tshow keys');
      assert.equal(ask('av10 start --f'), '--fast\tgo');
    }),
  );

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
