import assert from 'node:assert/strict';
import { hash } from 'node:crypto';
import { once } from 'node:events';
import { cpSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { type AddressInfo, createServer, type Server } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, suite, test } from 'node:test';
import { DevnetLayout } from '../../src/cli/devnet/layout.ts';
import { prepareNetwork, writeConfigs } from '../../src/cli/devnet/network.ts';
import { av10, type CommandResult, startAv10 } from '../support/command-line.ts';
import { type Fault, FILES, NAMED, portFaults, SECRETS, SETTINGS, type Site } from '../support/config-faults.ts';
import { TestDevnet, until } from '../support/devnet.ts';

const ROOT = join(import.meta.dirname, '..', '..');
/** An operator who waits longer wonders whether it runs. Of processor time, because a test machine does other things too. */
const REFUSAL_LIMIT_MS = 2_000;

/** Rows of the table of exit statuses: the number, and the codes with their stars. */
const DOCUMENTED = [...readFileSync(join(ROOT, 'docs/cli.md'), 'utf8').matchAll(/^\| (\d+) \|.*\| (.*) \|$/gm)].map(
  ([, status, codes = '']) => ({
    status: Number(status),
    codes: [...codes.matchAll(/`([A-Z_*]+)`/g)].map(
      ([, code = '']) => new RegExp(`^${code.replaceAll('*', '[A-Z_]*')}$`),
    ),
  }),
);
const EXPLAINED = readFileSync(join(ROOT, 'docs/troubleshooting.md'), 'utf8');

const EMPTY = hash('sha256', '');

interface Told {
  readonly code: string;
  readonly message: string;
  readonly fields: Readonly<Record<string, unknown>>;
}

/** What is said behind the lines of a log. */
function toldBy({ stderr }: CommandResult): Told {
  const line = stderr.split('\n').findLast((text) => text.startsWith('{"error":'));
  assert.ok(line !== undefined, stderr);
  return (JSON.parse(line) as { error: Told }).error;
}

/** Everything below a folder: nothing may appear, go or change. */
function inventory(folder: string): readonly string[] {
  return readdirSync(folder, { recursive: true, encoding: 'utf8' })
    .map((name) => {
      const path = join(folder, name);
      const stat = statSync(path);
      const content = stat.isFile() ? hash('sha256', readFileSync(path)) : '';
      return `${name} ${stat.mode.toString(8)} ${content}`;
    })
    .sort();
}

suite('a fault of the configuration ends a start at once, says where it is and what to do, and leaves nothing behind', () => {
  const scratch = mkdtempSync(join(tmpdir(), 'av10-faults-'));
  const template = join(scratch, 'template');
  let listener: Server;
  let sites = 0;

  before(async () => {
    await prepareNetwork(new DevnetLayout(template), { validators: 2, accounts: 1, fresh: false });
    listener = createServer();
    await once(listener.listen(0, '127.0.0.1'), 'listening');
  });
  after(() => {
    listener?.close();
    rmSync(scratch, { recursive: true, force: true });
  });

  async function site(): Promise<Site> {
    const folder = join(scratch, `site-${++sites}`);
    cpSync(template, folder, { recursive: true, preserveTimestamps: true });
    const layout = new DevnetLayout(folder);
    await writeConfigs(layout, { networkId: '', validators: 2, accounts: [] }, 0);
    const { config } = layout.validator(0);
    const settings = {
      ...(JSON.parse(readFileSync(config, 'utf8')) as Record<string, unknown>),
      ...{ p2pListen: '127.0.0.1:0', apiListen: '127.0.0.1:0', metricsListen: '127.0.0.1:0' },
    };
    writeFileSync(config, JSON.stringify(settings));
    return { folder, config, settings, layout };
  }

  async function refuse(verb: readonly string[], place: Site, fault: Fault): Promise<void> {
    const { args = ['--config', place.config], flags = [], env = {}, uid } = fault.breaks(place);
    const before = inventory(place.folder);
    const setting = { cwd: place.folder, env, ...(uid === undefined ? {} : { uid }) };
    const result = await av10([...verb, ...args, '--json', ...flags], setting);
    const { code, message, fields } = toldBy(result);
    assert.deepEqual([result.status, code, result.stdout], [fault.status, fault.code, ''], result.stderr);
    for (const text of fault.says) assert.ok(message.includes(text), `'${text}' in: ${message}`);
    if (fault.fields !== undefined) assert.deepEqual(fields, fault.fields(place));
    assert.deepEqual(
      inventory(place.folder).filter((line) => line !== `${fault.leaves} 100644 ${EMPTY}`),
      before,
    );
    assert.ok(result.processorMs < REFUSAL_LIMIT_MS, `${result.processorMs} ms`);
  }

  for (const fault of [...SETTINGS, ...FILES, ...NAMED, ...SECRETS]) {
    test(fault.name, async () => refuse(['start'], await site(), fault));
  }

  for (const fault of [...SETTINGS, ...FILES]) {
    test(`${fault.name}: config validate says the same`, async () =>
      refuse(['config', 'validate'], await site(), fault));
  }

  const ports = portFaults(() => `127.0.0.1:${(listener.address() as AddressInfo).port}`);
  for (const fault of ports) {
    test(`${fault.name}; afterwards the same validator starts`, async () => {
      const place = await site();
      const sound = readFileSync(place.config);
      const { flags = [] } = fault.breaks(place);
      const result = await av10(['start', '--config', place.config, '--json', ...flags], { cwd: place.folder });
      const { code, message } = toldBy(result);
      assert.deepEqual([result.status, code], [fault.status, fault.code], result.stderr);
      for (const text of fault.says) assert.ok(message.includes(text), `'${text}' in: ${message}`);
      writeFileSync(place.config, sound);
      await startsAndStops(place);
    });
  }

  test('every one of them ends with the status that docs/cli.md gives to its code, and is in docs/troubleshooting.md', () => {
    for (const { status, code } of [...SETTINGS, ...FILES, ...NAMED, ...SECRETS, ...ports]) {
      const row = DOCUMENTED.find(({ codes }) => codes.some((pattern) => pattern.test(code)));
      assert.equal(row?.status, status, code);
      assert.ok(EXPLAINED.includes(`\`${code}\``), code);
    }
  });

  test('a flag goes before a variable, a variable before the file, and explain says which it was', async () => {
    const place = await site();
    const args = ['config', 'explain', '--config', place.config, '--json'];
    writeFileSync(place.config, JSON.stringify({ ...place.settings, targetTps: 1, apiStreams: 1, logLevel: 'error' }));
    const env = { AV10_API_STREAMS: '2', AV10_LOG_LEVEL: 'warn' };
    const { status, stdout } = await av10([...args, '--log-level', 'debug'], { cwd: place.folder, env });
    assert.equal(status, 0);
    const { settings } = JSON.parse(stdout) as { settings: { name: string; value: unknown; place: string }[] };
    const shown = (name: string) =>
      settings.filter((each) => each.name === name).map(({ value, place }) => [value, place]);
    assert.deepEqual(shown('targetTps'), [[1, place.config]]);
    assert.deepEqual(shown('apiStreams'), [[2, 'environment variable AV10_API_STREAMS']]);
    assert.deepEqual(shown('logLevel'), [['debug', '--log-level']]);
  });
});

async function startsAndStops({ config, folder }: Site): Promise<void> {
  const child = startAv10(['start', '--config', config], { cwd: folder });
  let log = '';
  child.stderr?.on('data', (chunk) => {
    log += chunk;
  });
  await until(() => log.includes('"msg":"started"') || child.exitCode !== null, 'it has started');
  assert.equal(child.exitCode, null, log);
  const exit = once(child, 'exit');
  child.kill('SIGTERM');
  assert.deepEqual(await exit, [0, null], log);
}

suite('commands with a network id', () => {
  let devnet: TestDevnet;
  before(async () => {
    devnet = await TestDevnet.start({ validators: 1, accounts: 1 });
  });
  after(() => devnet?.stop());

  for (const verb of [
    ['status'],
    ['account', 'show', '0'],
    ['account', 'proof', '0'],
    ['block', 'latest'],
    ['tx', 'status', 'ab'.repeat(32)],
  ]) {
    test(`${verb.slice(0, 2).join(' ')} refuses another network, and an id that is none`, async () => {
      const ask = (networkId: string) =>
        av10([...verb, '--url', devnet.file.validators[0]?.api ?? '', '--network-id', networkId, '--json']);
      const other = await ask('cd'.repeat(32));
      const { code, fields } = toldBy(other);
      assert.deepEqual(
        [other.status, code, fields, other.stdout],
        [2, 'NETWORK_MISMATCH', { expected: 'cd'.repeat(32), got: devnet.file.networkId }, ''],
      );
      const none = await ask('devnet');
      assert.deepEqual([none.status, toldBy(none).code, toldBy(none).fields], [2, 'USAGE', { option: '--network-id' }]);
    });
  }
});
