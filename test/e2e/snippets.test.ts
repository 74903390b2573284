import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { globSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, suite, test } from 'node:test';
import { pathToFileURL } from 'node:url';
import type { Problem } from '../../src/types/rest.ts';
import { concatBytes } from '../../src/util/bytes.ts';
import { buildClientPackage } from '../../tools/build-client.ts';
import { TestDevnet, until } from '../support/devnet.ts';
import { type Block, blocksOf, commandsOf, DocumentedShell, shape } from '../support/documented-commands.ts';

const ROOT = join(import.meta.dirname, '..', '..');
const STOP_LIMIT_MS = 60_000;

/** Pages whose blocks this file does not run, and why. */
const OTHER_PAGES: Readonly<Record<string, string>> = {
  'docs/tutorial.md': 'tutorial.test.ts runs it',
  'docs/deploy.md': 'containers: npm run test:compose',
  'docs/archive.md': 'a MongoDB server: npm run test:archive',
  'docs/bench.md': 'the benchmark, on a machine that does nothing else',
};

/** Commands of the pages that are not run, and why. `npm run` ones must exist all the same. */
const NOT_RUN: Readonly<Record<string, string>> = {
  'npm run devnet': 'the devnets of this file and of tutorial.test.ts',
  'npm test': 'this test is a part of it',
  'npm test -- test/unit': 'a part of it too',
  'npm run check': 'the first thing that CI does',
  'npm run build': 'compiles the addon and the whole of src; the image is built with it',
  'npm run build:client': 'tutorial.test.ts',
  'npm run test:api': 'minutes; CI runs it',
  'npm run test:archive': 'minutes, and a MongoDB server',
  'npm run test:compose': 'minutes, and a Docker Engine',
};

/** What a page shows and nobody can bring about in a test, by its first line, and why. */
const NOT_COMPARED: Readonly<Record<string, string>> = {
  'Stalled: no commit for 41 s. Commit 812, round 2431: links of power 2 of 3 needed, missing validator-3.':
    'three machines; why.test.ts brings stalls about',
};

/** Exceptions that were needed: one that no page needs any more goes. */
const needed = new Set<string>();

function isExcepted(list: Readonly<Record<string, string>>, text: string): boolean {
  if (!Object.hasOwn(list, text)) return false;
  needed.add(text);
  return true;
}

/** Runs the blocks of a page in their order, in one terminal; what is neither a command nor a file belongs to `others`. */
async function follow(page: string, { placed = (text) => text, run, file, others = {} }: Reader): Promise<void> {
  const blocks = blocksOf(page);
  assert.ok(blocks.length > 0, `${page} has blocks`);
  for (const block of blocks) {
    const { language, where, text } = block;
    const other = others[`${language} ${where}`.trim()];
    if (other !== undefined) await other(text);
    else if (language === 'sh' && where === '') {
      for (const command of commandsOf(block)) if (!isExcepted(NOT_RUN, command)) await run(placed(command));
    } else if (where !== '' && file !== undefined) writeFileSync(join(file, where), placed(text));
    else assert.ok(isExcepted(NOT_COMPARED, text.split('\n')[0] ?? ''), `${page}: nothing runs\n${describe(block)}`);
  }
}

interface Reader {
  /** The same for this machine. */
  readonly placed?: (text: string) => string;
  readonly run: (command: string) => Promise<unknown>;
  /** The folder of files that the page shows. */
  readonly file?: string;
  /** By language and what stands behind it. */
  readonly others?: Readonly<Record<string, (text: string) => Promise<void> | void>>;
}

function describe({ language, where, text }: Block): string {
  return `\`\`\`${language} ${where}\n${text}`;
}

suite('every fenced block of a page is run, or has its reason', () => {
  let devnet: TestDevnet;
  const scratch = mkdtempSync(join(tmpdir(), 'av10-snippets-'));
  const commands = join(scratch, 'commands');

  before(async () => {
    devnet = await TestDevnet.start();
    mkdirSync(commands);
    symlinkSync(join(ROOT, 'bin/av10.js'), join(commands, 'av10'));
  });
  after(async () => {
    await devnet?.stop();
    rmSync(scratch, { recursive: true, force: true });
  });

  const apis = (text: string): string =>
    text.replaceAll(
      /http:\/\/127\.0\.0\.1:818(\d)/g,
      (all, number) => devnet.file.validators[Number(number) - 1]?.api ?? all,
    );

  test('README.md', async () => {
    const folder = mkdtempSync(join(scratch, 'clone-'));
    for (const name of ['bin', 'src', 'node_modules', 'native', 'package.json', 'test', 'bench'])
      symlinkSync(join(ROOT, name), join(folder, name));
    const shell = new DocumentedShell(folder);
    await follow('README.md', { placed: apis, run: (command) => shell.run(command) });
  });

  test('docs/api.md', async () => {
    const folder = mkdtempSync(join(scratch, 'program-'));
    mkdirSync(join(folder, 'node_modules/@av10'), { recursive: true });
    await buildClientPackage(join(folder, 'node_modules/@av10/client'));
    await follow('docs/api.md', {
      run: (command) => assert.fail(command),
      others: {
        'json problem': async (text) => {
          const shown = JSON.parse(text) as Problem;
          assert.deepEqual(await nonceUsed(devnet, Number(shown.fields.nonce)), shown);
        },
        'js pay.mjs': async (text) => {
          writeFileSync(join(folder, 'pay.mjs'), apis(text));
          const { pay } = (await import(pathToFileURL(join(folder, 'pay.mjs')).href)) as Pay;
          const shown: [string, unknown][] = [];
          await pay(devnet.file.networkId, Uint8Array.fromHex(await devnet.seed(1)), (name, value) => {
            shown.push([shape(name), value]);
          });
          assert.deepEqual(shown.slice(0, 2), [
            ['transfer 0 of <id>', true],
            ['balance after commit <n>', 2_500_000n],
          ]);
          assert.equal(shown.at(-1)?.[0], 'transfer');
        },
      },
    });
  });

  test('docs/operators.md', async () => {
    const place = new Machine(scratch, commands);
    let genesis = false;
    await follow('docs/operators.md', {
      file: place.folder,
      placed: (text) =>
        text.replaceAll('/run/secrets/', `${place.folder}/`).replaceAll(/"\/(data|guard)\//g, `"${place.folder}/$1/`),
      run: async (command) => {
        // Whoever makes the genesis has the file of this validator by now.
        if (!genesis && command.startsWith('av10 genesis check')) {
          await place.run('av10 keys account --out treasury.json --passphrase-file passphrase');
          await place.run('av10 genesis create validator.json --account treasury.json=1000');
          genesis = true;
        }
        await place.run(command);
      },
    });
    await place.mustRun();
  });

  test('docs/cli.md', async () => {
    const place = new Machine(scratch, commands);
    await follow('docs/cli.md', { run: (command) => place.run(command) });
    await place.mustRun();
  });

  test('no other page has one, but for those with a reason', () => {
    const here = ['README.md', 'docs/api.md', 'docs/operators.md', 'docs/cli.md'];
    const pages = ['*.md', 'docs/*.md'].flatMap((each) => globSync(each, { cwd: ROOT }));
    const fenced = pages.filter((page) => /^\s*```/m.test(readFileSync(join(ROOT, page), 'utf8')));
    const isKnown = (page: string): boolean => here.includes(page) || isExcepted(OTHER_PAGES, page);
    assert.deepEqual(
      fenced.filter((page) => !isKnown(page)),
      [],
    );
    // What stands between two fences is one block each, and none of it was passed over.
    for (const page of here) {
      const fences = readFileSync(join(ROOT, page), 'utf8').match(/^\s*```/gm)?.length ?? 0;
      assert.equal(blocksOf(page).length * 2, fences, page);
    }
  });

  test('every exception is needed, and names tasks that exist', () => {
    const listed = [NOT_RUN, NOT_COMPARED, OTHER_PAGES].flatMap((list) => Object.keys(list));
    assert.deepEqual(
      listed.filter((text) => !needed.has(text)),
      [],
    );
    const { scripts } = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8')) as { scripts: object };
    for (const command of Object.keys(NOT_RUN)) {
      const task = /^npm (?:run )?(\S+)/.exec(command)?.[1] ?? '';
      assert.ok(Object.hasOwn(scripts, task), command);
    }
  });
});

interface Pay {
  pay(networkId: string, seed: Uint8Array, show: (name: string, value: unknown) => void): Promise<void>;
}

/** What a validator answers when another transaction has used this nonce. */
async function nonceUsed(devnet: TestDevnet, nonce: number): Promise<unknown> {
  const client = devnet.client(0);
  const [first, second] = [await devnet.wallet(0, client), await devnet.wallet(0, client)];
  const payment = (amount: bigint) =>
    ({
      kind: 'transfer-batch',
      asset: 0,
      atomic: true,
      recipients: Uint32Array.of(1),
      amounts: BigUint64Array.of(amount),
    }) as const;
  for (let i = 0; i < nonce; i++) await first.settle(payment(1n));
  const rivals = [await first.sign(payment(1n)), await second.sign(payment(2n))] as const;
  await client.settle(rivals[0]);
  const { body, signature } = rivals[1];
  const headers = { 'content-type': 'application/octet-stream' };
  const request = { method: 'POST', headers, body: Buffer.from(concatBytes(body, signature)) };
  return (await fetch(`${devnet.file.validators[0]?.api}/v1/transactions`, request)).json();
}

/** A machine of an operator: an empty folder, the command, and free ports. */
class Machine {
  readonly folder: string;
  readonly #shell: DocumentedShell;
  readonly #env: NodeJS.ProcessEnv;
  #validator: ChildProcess | undefined;
  #log = '';

  constructor(scratch: string, commands: string) {
    this.folder = mkdtempSync(join(scratch, 'operator-'));
    const anywhere = '127.0.0.1:0';
    const ports = { AV10_P2P_LISTEN: anywhere, AV10_API_LISTEN: anywhere, AV10_METRICS_LISTEN: anywhere };
    const env = { ...ports, PATH: `${commands}:${process.env.PATH}` };
    this.#env = { ...process.env, ...env };
    this.#shell = new DocumentedShell(this.folder, env);
  }

  /** A validator goes on running beside what comes behind it. */
  async run(command: string): Promise<void> {
    if (!command.startsWith('av10 start ')) {
      await this.#shell.run(command);
      return;
    }
    const [program = '', ...args] = command.split(' ');
    const stdio = ['ignore', 'ignore', 'pipe'] as const;
    const child = spawn(program, args, { cwd: this.folder, env: this.#env, stdio: [...stdio] });
    child.stderr.on('data', (chunk: Buffer) => {
      this.#log += chunk;
    });
    this.#validator = child;
    await until(() => this.#log.includes('"msg":"started"') || child.exitCode !== null, 'the validator has started');
  }

  /** It runs, and ends in good order. */
  async mustRun(): Promise<void> {
    const child = this.#validator;
    assert.ok(child !== undefined, 'the page starts a validator');
    assert.equal(child.exitCode, null, this.#log);
    const exit = once(child, 'exit');
    child.kill('SIGTERM');
    const fuse = setTimeout(() => child.kill('SIGKILL'), STOP_LIMIT_MS);
    assert.deepEqual(await exit, [0, null], this.#log);
    clearTimeout(fuse);
  }
}
