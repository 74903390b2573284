/**
 * A client whose validator is killed -9 while it pays: it goes on at another one with the same bytes, never pays twice and always learns the
 * outcome. `17-retry-through-kills.ts [seed] [rounds]`; a round is one payment of one client through one kill.
 */
import { setTimeout as delay } from 'node:timers/promises';
import { Av10Client, type HttpRequest, type Wallet } from '../../src/client/index.ts';
import { nodeSend } from '../../src/client/node-send.ts';
import { nativeBackend } from '../../src/crypto/native.ts';
import { Prng } from '../../src/util/prng.ts';
import { Evidence, latencies, mustAgree, mustBeSound, mustHoldAll, onDevnet, seedOf } from '../support/acceptance.ts';
import type { TestDevnet } from '../support/devnet.ts';
import { type FinalTransfer, lastCommit } from '../support/load.ts';

const ALL = [0, 1, 2, 3];
/** Each pays an account that nobody else pays: the first half of the accounts pays the second half. */
const PAYERS = 16;
const DEFAULT_ROUNDS = 1_000;
/** Kills fall before, while and after the payments are under way. */
const KILL_WITHIN_MS = 250;
const DOWN_MS = 300;
/** Many processes share a machine with a restart. */
const HEALTHY_WITHIN_MS = 180_000;

const evidence = new Evidence();
const prng = new Prng(seedOf(evidence));
const rounds = Number(process.argv[3] ?? DEFAULT_ROUNDS);
const exchange = nodeSend(4 * PAYERS);
let submissions = 0;

await onDevnet(evidence, { accounts: 2 * PAYERS }, async (devnet) => {
  const wallets = await walletsOf(devnet);
  const before = await balances(devnet, 0);
  const finals: FinalTransfer[] = [];
  let kills = 0;
  while (finals.length < rounds) {
    const victim = prng.pick(ALL);
    finals.push(...(await payThroughKill(devnet, wallets[victim] ?? [], victim)));
    kills += 1;
    if (kills % 5 === 0) process.stdout.write(`${finals.length} payments through ${kills} kills\n`);
  }
  evidence.figure('kills', kills);
  evidence.figure('payments', finals.length);
  evidence.figure('submissions', submissions);
  evidence.must(submissions > finals.length, 'payments were sent again');
  evidence.figure('settled', latencies(finals));
  evidence.must(
    new Set(finals.map(({ id }) => id)).size === finals.length,
    'every payment has a transaction of its own',
  );
  for (const validator of ALL) await devnet.untilExecuted(validator, lastCommit(finals));
  for (const validator of ALL) {
    const after = await balances(devnet, validator);
    const paid = after.map((balance, i) => balance - (before[i] ?? 0n));
    const expected = BigInt(finals.length / PAYERS);
    const wrong = paid.filter((amount) => amount !== expected).length;
    evidence.must(
      wrong === 0,
      `validator-${validator + 1}: each of ${PAYERS} accounts was paid ${expected} times (${paid})`,
    );
  }
  await mustHoldAll(evidence, devnet, ALL, finals);
  await mustAgree(evidence, devnet, ALL);
  mustBeSound(evidence, devnet);
});
exchange.close();
evidence.finish();

/** All clients prefer the victim, and each learns what became of its payment. */
async function payThroughKill(
  devnet: TestDevnet,
  wallets: readonly Wallet[],
  victim: number,
): Promise<FinalTransfer[]> {
  const payments = wallets.map((wallet, payer) => pay(wallet, payer));
  await delay(prng.below(KILL_WITHIN_MS));
  await devnet.kill(victim);
  await delay(prng.below(DOWN_MS));
  devnet.restart(victim);
  const paid = await Promise.all(payments);
  await devnet.untilHealthy(victim, HEALTHY_WITHIN_MS);
  return paid;
}

async function pay(wallet: Wallet, payer: number): Promise<FinalTransfer> {
  // As a client that has just been started: it knows nothing but its key.
  wallet.resync();
  await delay(prng.below(KILL_WITHIN_MS));
  const startedMs = performance.now();
  const to = PAYERS + payer;
  const recipients = Uint32Array.of(to);
  const amounts = BigUint64Array.of(1n);
  const { id, receipt } = await wallet.settle({ kind: 'transfer-batch', asset: 0, atomic: true, recipients, amounts });
  if (receipt.code !== 'OK') throw new Error(`${id}: ${receipt.code}`);
  return { id, commit: receipt.commit, amount: 1n, to, latencyMs: performance.now() - startedMs };
}

/** By preferred validator, then by payer. */
async function walletsOf(devnet: TestDevnet): Promise<Wallet[][]> {
  return Promise.all(
    ALL.map(async (validator) => {
      const client = clientOf(devnet, validator);
      return Promise.all(Array.from({ length: PAYERS }, (_, payer) => devnet.wallet(payer, client())));
    }),
  );
}

/** Clients of all validators that ask one of them first, and count what they submit. */
function clientOf({ file }: TestDevnet, validator: number): () => Av10Client {
  const all = file.validators.map(({ api }) => api);
  const urls = [...all.slice(validator), ...all.slice(0, validator)];
  const send = (request: HttpRequest) => {
    if (request.method === 'POST') submissions += 1;
    return exchange(request);
  };
  return () => new Av10Client({ urls, networkId: file.networkId }, { crypto: nativeBackend(), send });
}

async function balances(devnet: TestDevnet, validator: number): Promise<bigint[]> {
  const client = devnet.client(validator);
  const accounts = await Promise.all(Array.from({ length: PAYERS }, (_, payer) => client.account(PAYERS + payer)));
  return accounts.map(({ balances: [native] }) => native?.amount ?? 0n);
}
