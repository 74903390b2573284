import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { after, before, suite, test } from 'node:test';
import { TestDevnet } from '../support/devnet.ts';

const ROOT = join(import.meta.dirname, '..', '..');
const PAGE = readFileSync(join(ROOT, 'docs/tutorial.md'), 'utf8');
const COMMAND_LIMIT_MS = 60_000;
const LAST_VALIDATOR = 3;
const MARK = 'end-of-block';

/** A fenced block: `sh` is run, `text` is what the block before printed, any other with a path is a file. */
interface Block {
  readonly language: string;
  readonly where: string;
  readonly text: string;
}

const BLOCKS: readonly Block[] = [...PAGE.matchAll(/^```(\w+) ?(.*)\n([\s\S]*?)^```$/gm)].map(
  ([, language = '', where = '', text = '']) => ({ language, where, text }),
);

/** What differs between two runs: ids, times, and counts of a network that moves on. */
function shape(text: string): string {
  return text
    .replaceAll(/\b[0-9a-f]{64}\b/g, '<id>')
    .replaceAll(/\d{4}-\d\d-\d\dT[\d:.]+Z/g, '<time>')
    .replaceAll(/\b\d+(\.\d+)? (ms|s)\b/g, '<duration>')
    .replaceAll(/\bcommit(\s+)\d+/g, 'commit$1<n>')
    .replaceAll(/ +/g, ' ')
    .trim();
}

suite('docs/tutorial.md', () => {
  let devnet: TestDevnet;
  let folder: string;

  before(async () => {
    devnet = await TestDevnet.start();
    folder = mkdtempSync(join(tmpdir(), 'av10-tutorial-'));
    for (const name of ['bin', 'src', 'node_modules', 'native', 'package.json', 'dist'])
      symlinkSync(join(ROOT, name), join(folder, name));
    // Beside `dist`, so that the program of the page finds it; only what the page asks of the devnet's folder lies in it.
    mkdirSync(join(folder, '.devnet'));
    for (const name of ['accounts', 'genesis.json', 'accounts.bin', 'devnet.json', 'validator-4'])
      symlinkSync(join(devnet.layout.baseDir, name), join(folder, '.devnet', name));
  });
  after(async () => {
    await devnet?.stop();
    rmSync(folder, { recursive: true, force: true });
  });

  /** On the ports of this devnet. */
  const placed = (text: string): string =>
    text.replaceAll(
      /http:\/\/127\.0\.0\.1:818(\d)/g,
      (all, number) => devnet.file.validators[Number(number) - 1]?.api ?? all,
    );

  /** Everything that the page has run so far in the second terminal belongs to the shell that runs the next block. */
  async function run(before: readonly string[], text: string): Promise<string> {
    const script = ['set -euo pipefail', ...before, `echo ${MARK}`, text].join('\n');
    const { promise, resolve, reject } = Promise.withResolvers<string>();
    const options = { cwd: folder, timeout: COMMAND_LIMIT_MS, encoding: 'utf8' } as const;
    execFile('bash', ['-c', script], options, (error, stdout, stderr) => {
      if (error === null) resolve(stdout.slice(stdout.indexOf(MARK) + MARK.length + 1));
      else reject(new Error(`${text}\n${stdout}\n${stderr}`, { cause: error }));
    });
    return promise;
  }

  test('does what it says, in its order', async () => {
    const definitions: string[] = [];
    let ran = 0;
    let printed = '';
    for (const { language, where, text } of BLOCKS) {
      if (language === 'text') assert.equal(shape(printed), shape(text));
      else if (language !== 'sh') {
        mkdirSync(dirname(join(folder, where)), { recursive: true });
        writeFileSync(join(folder, where), placed(text));
      } else if (where === '') {
        printed = await run(definitions, placed(text));
        definitions.push(
          ...placed(text)
            .split('\n')
            .filter((line) => /^(av10\(\)|[A-Z_]+=)/.test(line)),
        );
        ran += 1;
      } else if (where === 'third terminal') {
        devnet.restart(LAST_VALIDATOR);
        await devnet.untilHealthy(LAST_VALIDATOR);
      }
    }
    assert.ok(ran >= 10, `${ran} blocks were run`);
    assert.match(printed, /^Not stalled: commit \d+ is [\d.]+ s old\.$/m);
  });
});
