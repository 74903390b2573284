/**
 * The way of a transaction to the mempool: `node bench/pipeline.ts [transactions]`. Every round takes new transactions, since the ledger
 * remembers what it has verified; the figures to compare are of the same round.
 */
import { nativeBackend } from '../src/crypto/native.ts';
import { MAX_VERIFY_BATCH } from '../src/crypto/signer.ts';
import { defaultParameters } from '../src/params/protocol-parameters.ts';
import {
  Admission,
  DEFAULT_ADMISSION_OPTIONS,
  DEFAULT_MEMPOOL_OPTIONS,
  DEFAULT_VERIFY_POOL_OPTIONS,
  Mempool,
  SignatureGate,
  type SignatureVerifier,
  VALID,
  VerifyPool,
} from '../src/pipeline/index.ts';
import { type Address, id, type TransactionId, type WireKey } from '../src/types/ids.ts';
import { MAX_TRANSACTIONS_PER_BLOCK } from '../src/types/limits.ts';
import type { SignedBody } from '../src/types/payload.ts';
import { decodeTransactionBody } from '../src/types/transaction-codec.ts';
import { assert } from '../src/util/assert.ts';
import { NO_INSTRUMENTS } from '../src/util/instruments.ts';
import { SILENT_LOGGER } from '../src/util/logger.ts';
import { PipelineLedger } from '../test/integration/pipeline-ledger.ts';
import { SYSTEM_CLOCK, SYSTEM_TIMERS } from '../test/support/system-time.ts';

const ROUNDS = 5;
const count = Number(process.argv[2] ?? 4_000);

const backend = nativeBackend();
const world = new PipelineLedger(1);
const pool = await VerifyPool.start(DEFAULT_VERIFY_POOL_OPTIONS, {
  ledger: () => world.ledger.number,
  clock: SYSTEM_CLOCK,
  timers: SYSTEM_TIMERS,
  logger: SILENT_LOGGER,
  instruments: NO_INSTRUMENTS,
});

for (let round = 0; round < ROUNDS; round++) {
  const items = await sign(round * 2 * count);
  const direct = await rate('direct, all cores, no pool', count, () => verifyDirectly(items));
  const pooled = await rate('worker pool', count, () => verifyPooled(items));
  const others = await sign((round * 2 + 1) * count);
  await rate('admission, one call each 50', count, () => admit(others, pool));
  await rate('admission without verification', count, () =>
    admit(others, { verify: async (all) => new Uint8Array(all.length).fill(VALID) }),
  );
  console.log(`round ${round}: pool / direct = ${(pooled / direct).toFixed(2)}\n`);
}
const large = await world.signed(0, 'large');
await rate('mempool: add and take, of 1,000 senders', 50_000, () => fillAndEmpty(50_000, 1_000));
await rate('decode a batch of 8,192 transfers', 500, () => {
  for (let i = 0; i < 500; i++) decodeTransactionBody(large.body);
});
await pool.stop();
world.close();

function sign(from: number): Promise<SignedBody[]> {
  return Promise.all(Array.from({ length: count }, (_, i) => world.signed(from + i)));
}

async function verifyDirectly(items: readonly SignedBody[]): Promise<void> {
  const { publicKey, context } = world;
  for (let from = 0; from < items.length; from += MAX_VERIFY_BATCH) {
    const batch = items
      .slice(from, from + MAX_VERIFY_BATCH)
      .map(({ body, signature }) => ({ publicKey, context, message: body, signature }));
    assert(!(await backend.verifier.verifyMany(batch)).includes(0), 'all are good');
  }
}

async function verifyPooled(items: readonly SignedBody[]): Promise<void> {
  assert(
    (await pool.verify(items)).every((verdict) => verdict === VALID),
    'all are good',
  );
}

/** Everything but the signature is on the main thread: its time is what admission costs there. */
async function admit(items: readonly SignedBody[], verifier: SignatureVerifier): Promise<void> {
  const nextNonce = decodeTransactionBody((items[0] as SignedBody).body).nonce;
  const account = { nextNonce, keyVersion: 0, feeBalance: 1n };
  const options = { ...DEFAULT_ADMISSION_OPTIONS, trustedSources: ['bench'] };
  const signatures = new SignatureGate(options, verifier);
  const calls: Promise<unknown>[] = [];
  for (let from = 0; from < items.length; from += 50) {
    // Each call meets an account that has got that far.
    const accounts = { nextNonce: () => nextNonce + from, sender: () => ({ ...account, nextNonce: nextNonce + from }) };
    const mempool = new Mempool(DEFAULT_MEMPOOL_OPTIONS, accounts, NO_INSTRUMENTS);
    const modules = {
      hasher: backend.hasher,
      accounts,
      mempool,
      signatures,
      clock: SYSTEM_CLOCK,
      instruments: NO_INSTRUMENTS,
    };
    const admission = new Admission(options, defaultParameters(4), modules);
    const outcomes = admission.submit(items.slice(from, from + 50), 'bench');
    calls.push(
      outcomes.then((all) =>
        assert(
          all.every((outcome) => outcome.status === 'accepted'),
          'all are accepted',
        ),
      ),
    );
  }
  await Promise.all(calls);
}

async function fillAndEmpty(transactions: number, senders: number): Promise<void> {
  const mempool = new Mempool(
    DEFAULT_MEMPOOL_OPTIONS,
    { sender: () => ({ nextNonce: 0, keyVersion: 0, feeBalance: 0n }) },
    NO_INSTRUMENTS,
  );
  const { body, signature } = large;
  const digest = (i: number): string => i.toString(16).padStart(64, '0');
  for (let i = 0; i < transactions; i++) {
    const [txId, wireKey, sender] = [
      id<TransactionId>(digest(i)),
      id<WireKey>(digest(i)),
      id<Address>(digest(i % senders)),
    ];
    const nonce = Math.floor(i / senders);
    const outcome = mempool.add({
      id: txId,
      wireKey,
      sender,
      nonce,
      body: body.subarray(0, 100),
      signature,
      fee: 0n,
      expiryMs: 1,
    });
    assert(outcome.kind === 'accepted', 'all are accepted');
  }
  let taken = 0;
  while (mempool.hasEligible)
    taken += mempool.take({ maxBytes: 2 ** 21, maxTransactions: MAX_TRANSACTIONS_PER_BLOCK }).length;
  assert(taken === transactions, 'all are taken');
}

async function rate(label: string, items: number, work: () => unknown): Promise<number> {
  const startedMs = performance.now();
  const cpu = process.threadCpuUsage();
  await work();
  const { user, system } = process.threadCpuUsage(cpu);
  const perSecond = (items / (performance.now() - startedMs)) * 1_000;
  const main = ((user + system) / items).toFixed(1);
  console.log(`${label.padEnd(42)} ${Math.round(perSecond).toString().padStart(9)}/s   main thread ${main} us each`);
  return perSecond;
}
