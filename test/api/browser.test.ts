import assert from 'node:assert/strict';
import { once } from 'node:events';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { type Browser, chromium, type Page } from 'playwright-core';
import { buildClientPackage, bundleForBrowsers } from '../../tools/build-client.ts';
import { runCommand } from '../../tools/command.ts';
import { TestDevnet } from '../support/devnet.ts';

const ROOT = join(import.meta.dirname, '..', '..');
const BROWSER = ['chromium', 'chromium-browser', 'google-chrome']
  .flatMap((name) => (process.env.PATH ?? '').split(':').map((folder) => join(folder, name)))
  .find((path) => existsSync(path));
const skip = BROWSER === undefined ? 'no Chromium: apt-get install chromium' : false;

/** What the page below needs to know. */
interface Setting {
  readonly urls: readonly string[];
  readonly networkId: string;
  readonly richSeed: string;
}

interface Shown {
  readonly address: string;
  readonly handle: number;
  readonly paid: string;
  readonly commit: number;
  readonly provenBalance: string;
  readonly provenCommit: number;
  readonly events: readonly string[];
  readonly madeOf: readonly string[];
}

describe('the client library in a browser', { skip }, () => {
  let devnet: TestDevnet;
  let server: Server;
  let browser: Browser;
  let page: Page;
  const complaints: string[] = [];

  before(async () => {
    const script = await bundleForBrowsers();
    server = createServer((request, response) => {
      const isScript = request.url === '/client.js';
      response.setHeader('content-type', isScript ? 'text/javascript' : 'text/html');
      response.end(isScript ? script : '<!doctype html><title>client</title>');
    });
    await once(server.listen(0, '127.0.0.1'), 'listening');
    const origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
    devnet = await TestDevnet.start();
    // The page is of another origin than the validators: two of them are told to let it read.
    for (const validator of [0, 1]) {
      await devnet.kill(validator);
      devnet.restart(validator, '--cors-origins', origin);
      await devnet.untilHealthy(validator);
    }
    // Debian's launcher is told by this that the sandbox cannot work as root.
    const options = { args: ['--no-sandbox'], headless: true };
    browser = await chromium.launch({ ...options, ...(BROWSER === undefined ? {} : { executablePath: BROWSER }) });
    page = await browser.newPage();
    page.on('pageerror', (error) => complaints.push(String(error)));
    await page.goto(origin);
  });
  after(async () => {
    await browser?.close();
    server?.close();
    await devnet?.stop();
  });

  it('makes a key, is paid, pays, waits for finality, hears of it and proves its balance from the genesis', async () => {
    const { networkId, validators } = devnet.file;
    const urls = validators.slice(0, 2).map(({ api }) => api);
    const richSeed = await devnet.seed(0);
    const shown = await page.evaluate(showInBrowser, { urls, networkId, richSeed });
    assert.deepEqual(complaints, []);
    assert.deepEqual(shown.madeOf, ['noble', 'fetch']);
    assert.equal(shown.paid, 'OK');
    assert.equal(shown.provenBalance, '600');
    assert.ok(shown.provenCommit >= shown.commit, `proven at ${shown.provenCommit}, paid in ${shown.commit}`);
    assert.deepEqual(shown.events, ['transfer 1000', 'transaction OK']);
    // What the browser was told is what the network has.
    const account = await devnet.client(2).account(shown.handle);
    assert.equal(account.address, shown.address);
    assert.equal(account.balances[0]?.amount, 600n);
  });
});

/** Runs in the page, with nothing but what the library exports. */
async function showInBrowser({ urls, networkId, richSeed }: Setting): Promise<Shown> {
  const path = '/client.js';
  const library: typeof import('../../src/client/index.ts') = await import(path);
  const { Av10Client, createKey, TransferAccumulator, Wallet } = library;
  const client = new Av10Client({ urls, networkId });
  const rich = new Wallet(client, createKey(Uint8Array.fromHex(richSeed)).signer);

  const key = createKey();
  const opened = await rich.settle({ kind: 'open-account', publicKey: key.signer.publicKey });
  const handle = opened.receipt.detail;
  // From the commit that opened the account on, so that it does not matter when the stream is open.
  const after = `${opened.receipt.commit}.0.0`;
  const iterator = client.events({ account: handle, kinds: ['transfer', 'transaction'], after });
  const heard = (async () => {
    const events: string[] = [];
    for await (const event of iterator) {
      if (event.kind === 'transfer') events.push(`transfer ${event.data.total}`);
      if (event.kind === 'transaction') events.push(`transaction ${event.data.receipt?.code}`);
      if (events.length === 2) break;
    }
    return events;
  })();
  const accumulator = new TransferAccumulator(rich);
  await Promise.all([accumulator.transfer(handle, 400n), accumulator.transfer(handle, 600n)]);

  const own = new Wallet(client, key.signer);
  const { id } = await own.transfer([{ to: rich.address, amount: 400n }]);
  const { receipt } = await client.waitFor(id, 'certified', 60_000);
  const proven = await client.certifiedAccount(key.address);
  return {
    ...{ address: key.address, handle, paid: receipt?.code ?? 'none', commit: receipt?.commit ?? 0 },
    ...{ provenBalance: String(proven.account.balance), provenCommit: proven.commit, events: await heard },
    madeOf: [client.modules.crypto.name, typeof globalThis.fetch === 'function' ? 'fetch' : 'none'],
  };
}

describe('the package of the client library', () => {
  const folder = mkdtempSync(join(tmpdir(), 'av10-client-'));
  after(() => rmSync(folder, { recursive: true, force: true }));

  before(async () => {
    const installed = join(folder, 'node_modules/@av10');
    mkdirSync(installed, { recursive: true });
    await buildClientPackage(join(installed, 'client'));
    for (const name of ['typebox', '@types'])
      symlinkSync(join(ROOT, 'node_modules', name), join(folder, 'node_modules', name));
    writeFileSync(join(folder, 'package.json'), '{"type":"module"}');
  });

  const run = (command: string, ...args: string[]): Promise<number> =>
    runCommand(command, args, { cwd: folder, timeoutMs: 60_000 });

  it('runs in Node without this repository', async () => {
    const program = `
      import { Av10Client, createKey, isApiError } from '@av10/client';
      import { nodeBackend, nodeSend } from '@av10/client/node';
      const client = new Av10Client({ urls: ['http://127.0.0.1:1'] }, { crypto: nodeBackend(), send: nodeSend() });
      const key = createKey(new Uint8Array(32), nodeBackend());
      if (key.address !== createKey(new Uint8Array(32)).address) throw new Error('two backends, two addresses');
      const error = await client.status().catch((reason) => reason);
      if (!isApiError(error, 'UNREACHABLE')) throw error;`;
    writeFileSync(join(folder, 'program.js'), program);
    assert.equal(await run(process.execPath, 'program.js'), 0);
  });

  it('has types that find a mistake, and only that', async () => {
    const tsc = join(ROOT, 'node_modules/typescript/bin/tsc');
    const options = ['--noEmit', '--strict', '--module', 'nodenext', '--lib', 'esnext,dom', '--types', 'node'];
    const good = `import { Av10Client, Wallet, createKey } from '@av10/client';
      import { nodeSend } from '@av10/client/node';
      const client = new Av10Client({ urls: [] }, { send: nodeSend() });
      export const address: string = new Wallet(client, createKey().signer).address;`;
    writeFileSync(join(folder, 'good.ts'), good);
    assert.equal(await run(process.execPath, tsc, ...options, 'good.ts'), 0);
    writeFileSync(join(folder, 'bad.ts'), good.replace('address: string', 'address: number'));
    assert.notEqual(await run(process.execPath, tsc, ...options, 'bad.ts'), 0);
  });

  it('says what it is and under which licence', () => {
    const { name, license, exports } = JSON.parse(
      readFileSync(join(folder, 'node_modules/@av10/client/package.json'), 'utf8'),
    );
    assert.deepEqual(
      { name, license, entries: Object.keys(exports) },
      { name: '@av10/client', license: 'Apache-2.0', entries: ['.', './node'] },
    );
    assert.ok(existsSync(join(folder, 'node_modules/@av10/client/LICENSE')));
  });
});
