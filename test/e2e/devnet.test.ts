import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, suite, test } from 'node:test';
import { promisify } from 'node:util';
import type * as Rest from '../../src/types/rest.ts';
import { isAlive, TestDevnet, until } from '../support/devnet.ts';
import { Load, percentile } from '../support/load.ts';

const MAIN = join(import.meta.dirname, '..', '..', 'src', 'main.ts');
const ALL = [0, 1, 2, 3];
const HEALTH_FIELDS = ['status', 'tps', 'latency', 'quantum_level', 'validators', 'uptime'];

const av10 = async (...args: readonly string[]): Promise<unknown> =>
  JSON.parse((await promisify(execFile)(process.execPath, [MAIN, ...args, '--json'])).stdout);

suite('a devnet of four real validators', () => {
  let devnet: TestDevnet;
  let left: number[] | undefined;

  before(async () => {
    devnet = await TestDevnet.start();
  });

  after(async () => {
    if (left === undefined) await devnet?.stop();
  });

  test('every /health is 200, has the six fields and counts four validators', async () => {
    for (const validator of ALL) {
      const { status, body } = await devnet.health(validator);
      assert.deepEqual(Object.keys(body), HEALTH_FIELDS);
      assert.deepEqual(
        { status, health: body.status, validators: body.validators },
        { status: 200, health: 'healthy', validators: 4 },
      );
    }
  });

  test('a transfer from the command line becomes final', async (context) => {
    const [alice, bob] = devnet.file.accounts as [(typeof devnet.file.accounts)[0], (typeof devnet.file.accounts)[0]];
    const url = ['--url', devnet.file.validators[0]?.api as string];
    const from = ['--from', alice.keyFile, '--passphrase-file', alice.passphraseFile];
    const before = await devnet.client(2).account(bob.handle);
    const sent = (await av10(
      'tx',
      'transfer',
      ...url,
      ...from,
      '--to',
      bob.address,
      '--amount',
      '250',
    )) as Rest.Transaction & { tookMs: number };
    context.diagnostic(`final ${sent.tookMs} ms after the first request, connections included`);
    assert.deepEqual(
      { level: sent.level, code: sent.receipt?.code, transfers: sent.receipt?.transfers },
      { level: 'final', code: 'OK', transfers: 1 },
    );
    await until(
      async () => (await devnet.client(2).account(bob.handle)).commit >= (sent.receipt?.commit ?? 0),
      'validator 3 executed it',
    );
    const [now] = (await devnet.client(2).account(bob.handle)).balances;
    assert.equal(now?.amount, (before.balances[0]?.amount ?? 0n) + 250n);
  });

  test('the signed sample is accepted over plain HTTP and becomes final', async () => {
    const api = devnet.file.validators[3]?.api as string;
    const headers = { 'content-type': 'application/octet-stream' };
    const body = readFileSync(devnet.layout.sampleFile);
    const answer = await fetch(`${api}/v1/transactions`, { method: 'POST', headers, body });
    const { id } = (await answer.json()) as { id: string };
    assert.equal(answer.status, 202);
    const waited = await fetch(`${api}/v1/transactions/${id}?wait=final`);
    const { level, receipt } = (await waited.json()) as Rest.Transaction;
    assert.deepEqual({ level, code: receipt?.code }, { level: 'final', code: 'OK' });
  });

  test('an account is proved by a quorum, checked by the command line', async () => {
    const [alice] = devnet.file.accounts;
    await until(async () => (await devnet.client(1).status()).lastCertified > 0, 'a certified checkpoint');
    const proved = (await av10(
      'account',
      'proof',
      alice?.keyFile as string,
      '--url',
      devnet.file.validators[1]?.api as string,
    )) as { address: string };
    assert.equal(proved.address, alice?.address);
  });

  test('a validator killed under load catches up after a restart, and all states are equal', async (context) => {
    const load = await Load.start(devnet, [0, 1, 3]);
    await until(() => load.finals.length >= 20, 'twenty final transfers');
    await devnet.kill(2);
    const atKill = load.finals.length;
    await until(() => load.finals.length >= atKill + 20, 'twenty more with three of four');
    devnet.restart(2);
    await devnet.untilHealthy(2);
    await until(() => load.finals.length >= atKill + 40, 'twenty more with all of them');
    await load.stop();
    const last = Math.max(...load.finals.map(({ commit }) => commit));
    await until(async () => (await devnet.client(2).status()).lastExecuted >= last, 'validator 3 has caught up');
    const latencies = load.finals.map(({ latencyMs }) => latencyMs);
    context.diagnostic(
      `${latencies.length} final, p50 ${Math.round(percentile(latencies, 0.5))} ms, p99 ${Math.round(percentile(latencies, 0.99))} ms`,
    );
    const { index, statements } = await devnet.checkpointStatements(ALL);
    assert.ok(index > 0);
    assert.equal(new Set(statements).size, 1, `checkpoint ${index} differs`);
    for (const { id, commit } of load.finals.slice(-10)) {
      // Executed is not yet final: that takes the disk.
      const status = await devnet.client(2).waitFinal(id);
      assert.equal(status.receipt?.commit, commit);
    }
  });

  test('SIGINT to the top-level process ends all of it', async () => {
    assert.ok(devnet.file.validators.filter(({ pid }) => isAlive(pid)).length === 3, 'those that were not killed run');
    left = await devnet.stop();
    assert.deepEqual(left, []);
  });
});
