import assert from 'node:assert/strict';
import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, suite, test } from 'node:test';
import { promisify } from 'node:util';
import type * as Rest from '../../src/types/rest.ts';
import { av10, type CommandResult, MAIN } from '../support/command-line.ts';
import { isAlive, TestDevnet, until } from '../support/devnet.ts';

/** A wrong configuration must show at once, not after a network was tried. */
const REFUSAL_LIMIT_MS = 10_000;
/** Of a node that was told to stop. */
const STOP_LIMIT_MS = 60_000;

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
      const result = await av10(args, { env, cwd: folder });
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
  let node: StartedNode | undefined;
  let api = '';
  let blocksOf: readonly string[] = [];
  after(() => {
    node?.kill();
    rmSync(folder, { recursive: true, force: true });
  });
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
  const inFolder = (...args: readonly string[]): Promise<CommandResult> => av10(args, { cwd: folder });

  test('keys, genesis, doctor, init, start', async () => {
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
    node = new StartedNode(folder, settings);
    api = (await node.started()).api;
  });

  test('while it runs: a transfer, its block, watch, why, and a bundle for whoever helps', async () => {
    const url = ['--url', api];
    const sent = await inFolder(
      'tx',
      'transfer',
      '--from',
      'alice.json',
      '--to',
      '0',
      '--amount',
      '1',
      ...secret,
      ...url,
      '--json',
    );
    assert.equal(sent.status, 0, sent.stderr);
    const { id, receipt } = JSON.parse(sent.stdout) as { id: string; receipt: { commit: number } };
    const block = await inFolder('block', String(receipt.commit), ...url, '--json');
    const { hash, transactions } = JSON.parse(block.stdout) as { hash: string; transactions: string[] };
    assert.deepEqual(transactions, [id]);
    assert.equal((await inFolder('block', hash, ...url, '--json')).stdout, block.stdout);
    assert.equal((await inFolder('block', '999999', ...url)).status, 9);

    const watched = await inFolder('watch', '--times', '2', ...url);
    assert.match(watched.stdout, /^solo +healthy +\d+/m);
    assert.match(watched.stdout, /Not stalled[\s\S]*Not stalled/);
    const why = await inFolder('why', ...url, '--json');
    const { stalled, causes } = JSON.parse(why.stdout) as { stalled: boolean; causes: unknown[] };
    assert.deepEqual([why.status, stalled, causes], [0, false, []]);

    const exported = await inFolder('export', 'receipts', ...url);
    assert.deepEqual(
      exported.stdout
        .trim()
        .split('\n')
        .map((line) => (JSON.parse(line) as { id: string }).id),
      [id],
    );
    const debug = await inFolder('debug', ...settings, ...url, '--out', 'bundle', '--json');
    assert.equal(debug.status, 0, debug.stderr);
    const bundled = readdirSync(join(folder, 'bundle')).sort();
    assert.deepEqual(bundled, [
      'checks.json',
      'files.json',
      'metrics.txt',
      'settings.json',
      'status.json',
      'versions.json',
      'why.json',
    ]);
    for (const file of bundled) {
      const content = readFileSync(join(folder, 'bundle', file), 'utf8');
      assert.doesNotMatch(content, /correct horse|"ciphertext"/, file);
    }
    for (const verb of ['inspect', 'verify', 'reset'])
      assert.equal((await inFolder(verb, ...settings, ...(verb === 'reset' ? ['--yes'] : []))).status, 6, verb);
    await node?.stop();
    blocksOf = transactions;
  });

  test('stopped: inspect, verify and export read its files, reset leaves the guard, and a start then wants a recovery', async () => {
    const inspected = await inFolder('inspect', ...settings, '--json');
    assert.equal(inspected.status, 0, inspected.stderr);
    const { lastCommit, start } = JSON.parse(inspected.stdout) as { lastCommit: number; start: string };
    assert.ok(lastCommit > 0 && ['resend', 'continue', 'adopt-own'].includes(start), inspected.stdout);
    const verified = await inFolder('verify', ...settings, '--json');
    assert.equal(verified.status, 0, verified.stderr + verified.stdout);
    const found = JSON.parse(verified.stdout) as Record<string, unknown>;
    assert.deepEqual(
      [found.problems, found.executedFrom, found.executedTo, found.transactions],
      [[], 0, lastCommit, 1],
    );
    assert.ok(Number(found.comparedCheckpoints) > 0, verified.stdout);

    const blocks = await inFolder('export', 'blocks', ...settings, '--out', 'blocks.jsonl', '--json');
    assert.deepEqual(JSON.parse(blocks.stdout), { lines: lastCommit, out: 'blocks.jsonl' });
    const heights = readFileSync(join(folder, 'blocks.jsonl'), 'utf8')
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line) as { height: number; transactions: string[] });
    assert.deepEqual(
      heights.map(({ height }) => height),
      Array.from({ length: lastCommit }, (_, i) => i + 1),
    );
    assert.deepEqual(
      heights.flatMap(({ transactions }) => transactions),
      blocksOf,
    );
    assert.equal((await inFolder('export', 'blocks', ...settings, '--out', 'blocks.jsonl')).status, 2);
    const receipts = await inFolder('export', 'receipts', ...settings);
    assert.equal((JSON.parse(receipts.stdout) as { id: string }).id, blocksOf[0]);

    const guard = readFileSync(join(folder, 'guard', 'solo', 'guard'));
    assert.equal((await inFolder('reset', ...settings)).status, 2);
    const reset = await inFolder('reset', ...settings, '--yes', '--json');
    assert.equal(reset.status, 0, reset.stderr);
    assert.deepEqual((JSON.parse(reset.stdout) as { deleted: string[] }).deleted.slice(0, 1), ['log']);
    assert.deepEqual(readFileSync(join(folder, 'guard', 'solo', 'guard')), guard);
    const refused = await inFolder('start', ...settings);
    assert.deepEqual([refused.status, /--recover-identity/.test(refused.stderr)], [3, true], refused.stderr);
  });

  test('a backup of the keys makes the same folder elsewhere', async () => {
    assert.equal((await inFolder('keys', 'backup', '--out', 'keys.backup')).status, 0);
    assert.equal((await inFolder('keys', 'import', 'keys.backup', '--keys-dir', 'elsewhere')).status, 0);
    for (const name of readdirSync(join(folder, 'keys')))
      assert.deepEqual(readFileSync(join(folder, 'elsewhere', name)), readFileSync(join(folder, 'keys', name)), name);
  });
});

suite('the files of one validator of four', () => {
  const VICTIM = 3;
  let devnet: TestDevnet;
  const verb = (...args: readonly string[]): Promise<CommandResult> =>
    av10([...args, '--config', devnet.layout.validator(VICTIM).config, '--json']);

  before(async () => {
    devnet = await TestDevnet.start();
  });
  after(() => devnet?.stop());

  test('verify replays what all of them said, finds a changed byte, and reset brings it back from the others', async () => {
    const client = devnet.client(VICTIM);
    const wallet = await devnet.wallet(0, client);
    for (let i = 0; i < 3; i++) await client.waitFor((await wallet.transfer([{ to: 1, amount: 1n }])).id, 'certified');
    const { lastExecuted } = await client.status();
    devnet.signal(VICTIM, 'SIGTERM');
    await until(() => !isAlive(devnet.pid(VICTIM)), 'it has stopped');

    const sound = await verb('verify');
    assert.equal(sound.status, 0, sound.stderr + sound.stdout);
    const found = JSON.parse(sound.stdout) as Record<string, number>;
    assert.deepEqual([found.problems, found.transactions], [[], 3]);
    assert.ok(Number(found.executedTo) >= lastExecuted && Number(found.blocks) > 4, sound.stdout);

    const segment = join(devnet.layout.validator(VICTIM).data, 'log', 'segment-0000000.log');
    const bytes = readFileSync(segment);
    const at = Math.floor(bytes.length / 2);
    bytes.writeUInt8(bytes.readUInt8(at) ^ 1, at);
    writeFileSync(segment, bytes);
    const damaged = await verb('verify');
    assert.equal(damaged.status, 5, damaged.stderr);
    assert.match(damaged.stderr, /VERIFICATION_FAILED.*segment-0000000\.log: \d+ bytes at \d+ are damaged/);
    assert.deepEqual(readFileSync(segment), bytes);
    const inspected = await verb('inspect');
    assert.equal(
      (JSON.parse(inspected.stdout) as { log: { damaged: string[] } }).log.damaged.length,
      1,
      inspected.stdout,
    );

    assert.equal((await verb('reset', '--yes')).status, 0);
    devnet.restart(VICTIM, '--recover-identity');
    await devnet.untilHealthy(VICTIM);
    await devnet.untilExecuted(VICTIM, lastExecuted);
    await devnet.untilProposes(VICTIM);
    assert.deepEqual(devnet.alarms(), []);
  });
});

suite('what is interrupted leaves nothing half-done', () => {
  const folder = mkdtempSync(join(tmpdir(), 'av10-interrupted-'));
  after(() => rmSync(folder, { recursive: true, force: true }));

  test('an export ends with 130 and without a file', async () => {
    let child: ChildProcess | undefined;
    const server = createServer(({ url }, response) => {
      const height = Number(url?.split('/').at(-1));
      // In the middle of it.
      if (height === 3) child?.kill('SIGINT');
      response.end(JSON.stringify(blockAt(height)));
    });
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    try {
      const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
      const args = ['export', 'blocks', '--url', url, '--to', '1000', '--out', join(folder, 'blocks')];
      child = spawn(process.execPath, [MAIN, ...args], { stdio: ['ignore', 'ignore', 'pipe'] });
      let errors = '';
      child.stderr?.on('data', (chunk) => {
        errors += chunk;
      });
      const [status] = await once(child, 'close');
      assert.equal(status, 130, errors);
      assert.match(errors, /INTERRUPTED/);
      assert.deepEqual(readdirSync(folder), []);
    } finally {
      server.close();
    }
  });

  test('a reader that leaves ends it quietly', async () => {
    const command = `"${process.execPath}" "${MAIN}" completion fish | head -1; echo "\${PIPESTATUS[0]}"`;
    const { stdout, stderr } = await promisify(execFile)('bash', ['-c', command]);
    assert.match(stdout, /^complete -c av10 .*\n(0|141)\n$/);
    assert.equal(stderr, '');
  });
});

function blockAt(height: number): Rest.Block {
  const id = 'ab'.repeat(32);
  const leader = { round: height, author: 0, id };
  return { height, hash: id, previousHash: id, epoch: 1, timeMs: 1, leader, dagBlocks: [leader], transactions: [] };
}

/** A validator of its own process; its log is what it says on standard error. */
class StartedNode {
  readonly #child: ChildProcess;
  #log = '';

  constructor(cwd: string, settings: readonly string[]) {
    this.#child = spawn(process.execPath, [MAIN, 'start', ...settings], { cwd, stdio: ['ignore', 'ignore', 'pipe'] });
    this.#child.stderr?.on('data', (chunk) => {
      this.#log += chunk;
    });
  }

  get log(): string {
    return this.#log;
  }

  async started(): Promise<{ readonly api: string; readonly metrics: string }> {
    await until(() => this.#log.includes('"msg":"started"') || this.#child.exitCode !== null, 'the node has started');
    assert.equal(this.#child.exitCode, null, this.#log);
    const line = this.#log.split('\n').find((text) => text.includes('"msg":"started"'));
    return JSON.parse(line ?? '{}') as { api: string; metrics: string };
  }

  async stop(): Promise<void> {
    const exit = once(this.#child, 'exit');
    this.#child.kill('SIGTERM');
    const fuse = setTimeout(() => this.#child.kill('SIGKILL'), STOP_LIMIT_MS);
    assert.deepEqual(await exit, [0, null], this.#log);
    clearTimeout(fuse);
    assert.match(this.#log, /"reason":"SIGTERM","msg":"stopped"/);
  }

  kill(): void {
    this.#child.kill('SIGKILL');
  }
}
