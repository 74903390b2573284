import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, suite, test } from 'node:test';
import type { AccountTransactions } from '../../src/types/rest-chain.ts';
import { TestDevnet, until } from '../support/devnet.ts';
import { NO_REDIS, RedisServer } from '../support/redis-servers.ts';

const ALL = [0, 1, 2, 3];
const SHARING = [0, 1];
const PAYMENTS = 12;

suite('a devnet whose reads go through Redis, and whose archive is never there', { skip: NO_REDIS ?? false }, () => {
  const folder = mkdtempSync(join(tmpdir(), 'av10-reads-'));
  let server: RedisServer;
  let devnet: TestDevnet;

  before(async () => {
    server = await RedisServer.start();
    devnet = await TestDevnet.start();
    const secret = join(folder, 'secret');
    const uri = join(folder, 'uri');
    writeFileSync(secret, 'a secret that two of the validators share', { mode: 0o600 });
    writeFileSync(uri, 'mongodb://127.0.0.1:1/?directConnection=true', { mode: 0o600 });
    const redis = ['--redis-nodes', `127.0.0.1:${server.port}`, '--cache-secret-file', secret];
    const archive = ['--archive-level', 'batches', '--archive-uri-file', uri];
    for (const validator of SHARING) {
      await devnet.kill(validator);
      devnet.restart(validator, ...redis, ...archive);
      await devnet.untilHealthy(validator);
    }
  });
  after(async () => {
    await devnet?.stop();
    await server?.remove();
    rmSync(folder, { recursive: true });
  });

  const metric = async (validator: number, name: string): Promise<number> => {
    const { metrics } = devnet.file.validators[validator] as (typeof devnet.file.validators)[number];
    const text = await (await fetch(`${metrics}/metrics`)).text();
    const line = text.split('\n').find((candidate) => candidate.startsWith(`${name} `));
    assert.ok(line !== undefined, `${name} is exposed`);
    return Number(line.split(' ').at(-1));
  };

  /** Payments from account 0 to account 1, each final at validator 0. */
  const pay = async (count: number): Promise<number> => {
    const wallet = await devnet.wallet(0, devnet.client(0));
    const to = devnet.file.accounts[1]?.handle as number;
    let last = 0;
    for (let i = 0; i < count; i++) {
      const batch = { recipients: Uint32Array.of(to), amounts: BigUint64Array.of(1n), asset: 0, atomic: true };
      last = (await wallet.settle({ kind: 'transfer-batch', ...batch })).receipt.commit;
    }
    for (const validator of ALL) await devnet.untilExecuted(validator, last);
    return last;
  };

  const history = async (
    validator: number,
    account: number,
    limit: number,
  ): Promise<AccountTransactions['transactions']> => {
    const found: AccountTransactions['transactions'] = [];
    const client = devnet.client(validator);
    for (let cursor: string | null | undefined; cursor !== null; ) {
      const page = await client.accountTransactions(account, { limit, ...(cursor === undefined ? {} : { cursor }) });
      found.push(...page.transactions);
      cursor = page.next;
    }
    return found;
  };

  test('histories are the same at every validator, and complete', async () => {
    await pay(PAYMENTS);
    const [payer, paid] = devnet.file.accounts.map(({ handle }) => handle) as [number, number];
    const sent = await history(0, payer, 5);
    assert.equal(sent.length, PAYMENTS);
    assert.deepEqual(
      sent.map(({ sent: isSent }) => isSent),
      Array(PAYMENTS).fill(true),
    );
    for (const validator of ALL) {
      assert.deepEqual(await history(validator, payer, 7), sent);
      const received = await history(validator, paid, 100);
      assert.deepEqual(
        received.map(({ received: what }) => what?.total),
        Array(PAYMENTS).fill('1'),
      );
      assert.deepEqual(
        received.map(({ id }) => id),
        sent.map(({ id }) => id),
      );
    }
  });

  test('blocks are the same whether read from the log, memory or what the other one left in Redis', async () => {
    const last = (await devnet.client(0).status()).lastCommit;
    for (let height = Math.max(1, last - 20); height <= last; height++) {
      const [own, shared, plain] = await Promise.all(
        [0, 1, 2].map((validator) => devnet.client(validator).block(height)),
      );
      assert.deepEqual([shared, plain], [own, own]);
      assert.deepEqual(await devnet.client(1).block(height), own);
    }
  });

  test('nothing but metrics notices that Redis is killed and MongoDB never there', async (context) => {
    await server.kill();
    const before = (await devnet.client(0).status()).lastCommit;
    const last = await pay(PAYMENTS);
    const { latency } = (await devnet.health(0)).body;
    context.diagnostic(`payments are final in ${latency} ms`);
    for (let height = before + 1; height <= last; height++) await devnet.client(0).block(height);
    await until(async () => (await metric(0, 'av10_cache_redis_up')) === 0, 'it is noticed');
    assert.ok((await metric(0, 'av10_archive_lag_commits')) > 0, 'nothing is archived');
    for (const validator of ALL) {
      const { status, body } = await devnet.health(validator);
      assert.deepEqual([status, body.status, body.validators], [200, 'healthy', ALL.length]);
      assert.equal((await devnet.readiness(validator)).status, 200);
    }
    const payer = devnet.file.accounts[0]?.handle as number;
    assert.equal((await history(0, payer, 100)).length, 2 * PAYMENTS);
    assert.deepEqual(devnet.alarms(), []);
    await server.start();
    // Each new block is one more attempt.
    await until(async () => {
      await devnet.client(0).block('latest');
      return (await metric(0, 'av10_cache_redis_up')) === 1;
    }, 'Redis is used again');
  });
});
