import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, suite, test } from 'node:test';
import { until } from '../support/devnet.ts';

const MAIN = join(import.meta.dirname, '..', '..', 'src', 'main.ts');
/** A wrong configuration must show at once, not after a network was tried. */
const REFUSAL_LIMIT_MS = 10_000;
/** A command that does not end by then has hung; the test then sees status null. */
const END_LIMIT_MS = 60_000;

interface Result {
  readonly status: number | null;
  readonly stdout: string;
  readonly stderr: string;
  readonly tookMs: number;
}

async function av10(
  args: readonly string[],
  env: Readonly<Record<string, string>> = {},
  cwd = tmpdir(),
): Promise<Result> {
  const startedMs = performance.now();
  const child = spawn(process.execPath, [MAIN, ...args], {
    cwd,
    env: { ...process.env, ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let [stdout, stderr] = ['', ''];
  child.stdout.on('data', (chunk) => {
    stdout += chunk;
  });
  child.stderr.on('data', (chunk) => {
    stderr += chunk;
  });
  const fuse = setTimeout(() => child.kill('SIGKILL'), END_LIMIT_MS);
  const [status] = (await once(child, 'close')) as [number | null];
  clearTimeout(fuse);
  return { status, stdout, stderr, tookMs: performance.now() - startedMs };
}

suite('what is wrong with a command is said, with its status', () => {
  const folder = mkdtempSync(join(tmpdir(), 'av10-cli-'));
  after(() => rmSync(folder, { recursive: true, force: true }));
  const config = join(folder, 'node.json');
  writeFileSync(config, '{"nodeId":"a","p2pListen":"nowhere","speed":11}');

  for (const [name, args, env, status, messages] of [
    ['an unknown verb', ['fly'], {}, 2, [/unknown command 'fly'/]],
    ['an unknown option', ['start', '--speed', '11'], {}, 2, [/unknown option '--speed'/]],
    ['a missing argument', ['tx', 'status'], {}, 2, [/missing required argument 'id'/]],
    ['no node id', ['start'], {}, 2, [/CONFIG_INVALID/, /nodeId.*must be given/]],
    [
      'a setting in the file that is none, and a bad one',
      ['start', '--config', config],
      {},
      2,
      [/speed/, /p2pListen/, new RegExp(config)],
    ],
    ['a variable that is no setting', ['start', '--node-id', 'a'], { AV10_SPEED: '11' }, 2, [/AV10_SPEED/]],
    ['a bad variable', ['start', '--node-id', 'a'], { TARGET_TPS: 'many' }, 2, [/TARGET_TPS/, /many/]],
    ['a configuration file that is not there', ['start', '--config', join(folder, 'none.json')], {}, 2, [/none\.json/]],
    [
      'a validator that does not answer',
      ['status', '--url', 'http://127.0.0.1:1'],
      {},
      8,
      [/UNREACHABLE.*127\.0\.0\.1:1/],
    ],
    [
      'a passphrase file that is not there',
      ['keys', 'generate', '--passphrase-file', join(folder, 'none')],
      {},
      2,
      [/FILE_UNREADABLE.*none/],
    ],
  ] as [string, string[], Record<string, string>, number, RegExp[]][]) {
    test(name, async () => {
      const result = await av10(args, env, folder);
      assert.equal(result.status, status, result.stderr);
      assert.equal(result.stdout, '');
      for (const message of messages) assert.match(result.stderr, message);
      assert.ok(result.tookMs < REFUSAL_LIMIT_MS, `${result.tookMs} ms`);
    });
  }

  test('with --json an error is one JSON document with code and fields', async () => {
    const { status, stderr } = await av10(['tx', 'status', 'ab', '--json']);
    const { error } = JSON.parse(stderr) as { error: { code: string; fields: unknown } };
    assert.deepEqual([status, error.code, error.fields], [2, 'USAGE', { option: 'id' }]);
  });

  test('help goes to standard output and lists the exit status', async () => {
    const { status, stdout } = await av10(['--help']);
    assert.equal(status, 0);
    assert.match(stdout, /devnet[\s\S]*Exit status:[\s\S]*130 {2}interrupted/);
  });
});

suite('a validator from its first key to its last signal', () => {
  const folder = mkdtempSync(join(tmpdir(), 'av10-operator-'));
  const passphrase = join(folder, 'passphrase');
  writeFileSync(passphrase, 'correct horse\n', { mode: 0o600 });
  after(() => rmSync(folder, { recursive: true, force: true }));
  const secret = ['--passphrase-file', passphrase];
  const settings = [
    '--node-id',
    'solo',
    '--p2p-listen',
    '127.0.0.1:0',
    '--api-listen',
    '127.0.0.1:0',
    '--metrics-listen',
    '127.0.0.1:0',
    ...secret,
  ];
  const inFolder = (...args: readonly string[]): Promise<Result> => av10(args, {}, folder);

  test('keys, genesis, doctor, init, start, stop', async () => {
    const made = await inFolder('keys', 'generate', ...secret, '--json');
    assert.equal(made.status, 0, made.stderr);
    const account = await inFolder('keys', 'account', '--out', 'alice.json', ...secret, '--json');
    assert.equal(account.status, 0, account.stderr);
    const shown = await inFolder(
      'keys',
      'show',
      '--export',
      'validator.json',
      '--name',
      'solo',
      '--address',
      '127.0.0.1:30303',
      '--json',
    );
    assert.deepEqual(JSON.parse(shown.stdout), JSON.parse(made.stdout));
    const created = await inFolder('genesis', 'create', 'validator.json', '--account', 'alice.json=1000', '--json');
    assert.equal(created.status, 0, created.stderr);
    const { networkId } = JSON.parse(created.stdout) as { networkId: string };
    const checked = await inFolder('genesis', 'check');
    assert.equal(checked.stdout.trim(), networkId);

    const early = await inFolder('start', ...settings);
    assert.equal(early.status, 3, early.stderr);
    assert.match(early.stderr, /NEEDS_IDENTITY_RECOVERY.*av10 init/);
    const ill = await inFolder('doctor', ...settings);
    assert.deepEqual([ill.status, /failed {2}state.*av10 init/.test(ill.stdout)], [10, true], ill.stdout);
    const initialised = await inFolder('init', ...settings);
    assert.equal(initialised.status, 0, initialised.stderr);
    assert.equal((await inFolder('init', ...settings)).status, 2);
    const well = await inFolder('doctor', ...settings);
    assert.equal(well.status, 0, well.stdout);
    await startAndStop(folder, settings);
  });
});

async function startAndStop(cwd: string, settings: readonly string[]): Promise<void> {
  const child = spawn(process.execPath, [MAIN, 'start', ...settings], { cwd, stdio: ['ignore', 'ignore', 'pipe'] });
  let log = '';
  let fuse: NodeJS.Timeout | undefined;
  child.stderr.on('data', (chunk) => {
    log += chunk;
  });
  try {
    await until(() => log.includes('"msg":"started"') || child.exitCode !== null, 'the node has started');
    const exit = once(child, 'exit');
    child.kill('SIGTERM');
    fuse = setTimeout(() => child.kill('SIGKILL'), END_LIMIT_MS);
    assert.deepEqual(await exit, [0, null], log);
    assert.match(log, /"reason":"SIGTERM","msg":"stopped"/);
  } finally {
    clearTimeout(fuse);
    child.kill('SIGKILL');
  }
}
