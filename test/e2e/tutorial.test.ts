import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { after, before, suite, test } from 'node:test';
import { TestDevnet } from '../support/devnet.ts';
import { blocksOf, DocumentedShell, shape } from '../support/documented-commands.ts';

const ROOT = join(import.meta.dirname, '..', '..');
const LAST_VALIDATOR = 3;

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

  test('has the commands of the session that is kept beside it', () => {
    const session = readFileSync(join(ROOT, 'docs/tutorial-session.txt'), 'utf8');
    const typed = new Set(session.split('\n').filter((line) => line.startsWith('$ ')));
    const commands = blocksOf('docs/tutorial.md').filter(({ language }) => language === 'sh');
    const missing = commands.flatMap(({ text }) => text.trim().split('\n')).filter((line) => !typed.has(`$ ${line}`));
    assert.deepEqual(missing, []);
  });

  test('does what it says, in its order', async () => {
    const shell = new DocumentedShell(folder);
    let ran = 0;
    let printed = '';
    for (const { language, where, text } of blocksOf('docs/tutorial.md')) {
      if (language === 'text') assert.equal(shape(printed), shape(text));
      else if (language !== 'sh') {
        mkdirSync(dirname(join(folder, where)), { recursive: true });
        writeFileSync(join(folder, where), placed(text));
      } else if (where === '') {
        printed = await shell.run(placed(text));
        ran += 1;
      } else if (where === 'third terminal') {
        devnet.restart(LAST_VALIDATOR);
        await devnet.untilHealthy(LAST_VALIDATOR);
      } else assert.equal(where, 'first terminal', 'what runs beside this test already');
    }
    assert.ok(ran >= 10, `${ran} blocks were run`);
    assert.match(printed, /^Not stalled: commit \d+ is [\d.]+ s old\.$/m);
  });
});
