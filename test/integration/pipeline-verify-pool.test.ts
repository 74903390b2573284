import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import type { Worker } from 'node:worker_threads';
import { nativeBackend } from '../../src/crypto/native.ts';
import { VERIFY_STATUS, verifyAhead } from '../../src/execution/index.ts';
import { defaultParameters } from '../../src/params/protocol-parameters.ts';
import {
  Admission,
  DEFAULT_ADMISSION_OPTIONS,
  DEFAULT_MEMPOOL_OPTIONS,
  DEFAULT_VERIFY_POOL_OPTIONS,
  INVALID,
  inlineVerifier,
  Mempool,
  SignatureGate,
  UNCHECKED,
  VALID,
  VerifyPool,
  type VerifyPoolOptions,
} from '../../src/pipeline/index.ts';
import { encodePayload, type SignedBody } from '../../src/types/payload.ts';
import { type Instruments, NO_INSTRUMENTS } from '../../src/util/instruments.ts';
import { SILENT_LOGGER } from '../../src/util/logger.ts';
import { Prng } from '../../src/util/prng.ts';
import type { Timers } from '../../src/util/timers.ts';
import { CountingInstruments } from '../support/counting-instruments.ts';
import { SYSTEM_CLOCK, SYSTEM_TIMERS } from '../support/system-time.ts';
import { TestAccounts } from '../unit/pipeline/test-accounts.ts';
import { PipelineLedger } from './pipeline-ledger.ts';

const ITEMS = 2_000;

const backend = nativeBackend();
const world = new PipelineLedger(7);
const items: SignedBody[] = [];
/** By direct verification, which knows nothing of payloads, workers and what was verified before. */
let expected = new Uint8Array(0);

before(async () => {
  const prng = new Prng(1);
  for (let i = 0; i < ITEMS; i++) {
    const item = await world.signed(i, i % 100 === 0 ? 'large' : 'small');
    if (prng.chance(0.3)) flipBit(item.signature, prng);
    else if (prng.chance(0.1)) flipBit(item.body.subarray(-50), prng);
    items.push(i % 50 === 7 ? { ...item, signature: item.signature.subarray(1) } : item);
  }
  expected = await verifyDirectly(items);
  assert.ok(expected.includes(VALID) && expected.includes(INVALID));
});

after(() => world.close());

function flipBit(bytes: Uint8Array, prng: Prng): void {
  const at = prng.below(bytes.length);
  bytes[at] = (bytes[at] as number) ^ (1 << prng.below(8));
}

async function verifyDirectly(all: readonly SignedBody[]): Promise<Uint8Array<ArrayBuffer>> {
  const { publicKey, context } = world;
  const verdicts = await Promise.all(
    all.map(({ body, signature }) => backend.verifier.verify(publicKey, context, body, signature)),
  );
  return Uint8Array.from(verdicts, (valid) => (valid ? VALID : INVALID));
}

async function startPool(
  options: Partial<VerifyPoolOptions> = {},
  { ledger } = world,
  timers: Timers = SYSTEM_TIMERS,
  instruments: Instruments = NO_INSTRUMENTS,
): Promise<VerifyPool> {
  const modules = { clock: SYSTEM_CLOCK, timers, logger: SILENT_LOGGER, instruments };
  const settings = { ...DEFAULT_VERIFY_POOL_OPTIONS, ...options };
  const pool = await VerifyPool.start(settings, { ...modules, ledger: () => ledger.number });
  after(() => pool.stop());
  return pool;
}

test('a signature of another network is invalid', { timeout: 60_000 }, async () => {
  const other = new PipelineLedger(8);
  after(() => other.close());
  const pool = await startPool({}, other);
  assert.deepEqual(await pool.verify([await world.signed(1), await other.signed(1)]), Uint8Array.of(INVALID, VALID));
});

test('good and bad signatures in calls of any size get the verdicts of direct verification', {
  timeout: 60_000,
}, async () => {
  const pool = await startPool();
  const prng = new Prng(2);
  const calls: Promise<Uint8Array>[] = [];
  for (let from = 0; from < ITEMS; ) {
    const count = prng.pick([1, 3, 40, 300]);
    calls.push(pool.verify(items.slice(from, from + count)));
    from += count;
  }
  assert.deepEqual(Buffer.concat(await Promise.all(calls)), Buffer.from(expected));
});

test('the verifier without threads agrees', async () => {
  const { number } = world.ledger;
  const verifier = inlineVerifier((payload, txCount) => verifyAhead(number, payload, txCount));
  assert.deepEqual(new Uint8Array(await verifier.verify(items.slice(0, 300))), expected.slice(0, 300));
});

test('what the workers found good is good to the ledger without another look', { timeout: 60_000 }, async () => {
  const pool = await startPool();
  const [ahead, fresh] = [await signedFrom(10_000), await signedFrom(11_000)];
  await pool.verify(ahead);
  const againMs = Math.min(...Array.from({ length: 5 }, () => verifyTimeMs(ahead)));
  const firstMs = verifyTimeMs(fresh);
  assert.ok(againMs < firstMs / 2, `${againMs} ms again, ${firstMs} ms the first time`);
});

test('the key of a sender is expanded once', { timeout: 60_000 }, async () => {
  const instruments = new CountingInstruments();
  const pool = await startPool({}, world, SYSTEM_TIMERS, instruments);
  const lookups = (result: string): number => instruments.total('av10_verify_key_lookups_total', { result });
  await pool.verify(await signedFrom(12_000));
  const [hits, misses] = [lookups('hit'), lookups('miss')];
  await pool.verify(await signedFrom(13_000));
  assert.deepEqual([lookups('hit') - hits, lookups('miss') - misses], [200, 0]);
});

function signedFrom(nonce: number): Promise<SignedBody[]> {
  return Promise.all(Array.from({ length: 200 }, (_, i) => world.signed(nonce + i)));
}

/** Of the ledger, on this thread alone. */
function verifyTimeMs(all: readonly SignedBody[]): number {
  const payload = encodePayload(all);
  const startedMs = performance.now();
  const statuses = verifyAhead(world.ledger.number, payload, all.length);
  const elapsedMs = performance.now() - startedMs;
  assert.deepEqual(new Set(statuses), new Set([VERIFY_STATUS.valid]));
  return elapsedMs;
}

test('workers killed in the middle leave items unchecked, nothing hangs, and the pool goes on', {
  timeout: 60_000,
}, async () => {
  const workers: Worker[] = [];
  const remember = (worker: Worker): unknown => workers.push(worker);
  process.on('worker', remember);
  const pool = await startPool();
  process.off('worker', remember);
  assert.equal(workers.length, DEFAULT_VERIFY_POOL_OPTIONS.workers);
  const verdicts = pool.verify(items);
  await Promise.all(workers.map((worker) => worker.terminate()));
  const answered = await verdicts;
  const unchecked = answered.filter((verdict) => verdict === UNCHECKED).length;
  assert.ok(unchecked > 0 && unchecked < ITEMS, `${unchecked} unchecked`);
  for (const [i, verdict] of answered.entries()) assert.ok(verdict === UNCHECKED || verdict === expected[i]);
  assert.deepEqual(new Uint8Array(await pool.verify(items)), expected);
});

test('a worker that does not answer in time is replaced, and its items are unchecked', {
  timeout: 60_000,
}, async () => {
  let overdue = true;
  const timers: Timers = {
    after(delayMs, callback) {
      if (!overdue || delayMs <= 1_000) return SYSTEM_TIMERS.after(delayMs, callback);
      // The task has been handed over by then, and no answer can have come: answers need another turn of the event loop.
      queueMicrotask(callback);
      return { cancel: () => undefined };
    },
  };
  const pool = await startPool({}, world, timers);
  const slow = await signedFrom(30_000);
  assert.deepEqual(new Set(await pool.verify([...slow, ...slow])), new Set([UNCHECKED]));
  overdue = false;
  assert.deepEqual(new Set(await pool.verify(slow)), new Set([VALID]));
});

test('a ledger that was closed leaves items unchecked', async () => {
  const closed = new PipelineLedger(9);
  const pool = await startPool({}, closed);
  const item = await closed.signed(0);
  closed.close();
  assert.deepEqual(await pool.verify([item]), Uint8Array.of(UNCHECKED));
});

test('beyond the queue items are unchecked at once, and a stop answers all that wait', {
  timeout: 60_000,
}, async () => {
  const pool = await startPool({ maxQueuedItems: 100, gatherMs: 60_000 });
  const small = await signedFrom(20_000);
  const verdicts = pool.verify(small);
  await pool.stop();
  assert.deepEqual(new Set(await verdicts), new Set([UNCHECKED]));
  assert.deepEqual(new Set(await pool.verify(small)), new Set([UNCHECKED]));
});

test('a flood of garbage at ten times the queue is BUSY, and honest traffic passes after it', {
  timeout: 60_000,
}, async () => {
  const pool = await startPool();
  const accounts = new TestAccounts().set(world.sender);
  const options = { ...DEFAULT_ADMISSION_OPTIONS, maxVerifyItems: 300, trustedSources: ['flood'] };
  const signatures = new SignatureGate(options, pool);
  const mempool = new Mempool(DEFAULT_MEMPOOL_OPTIONS, accounts, NO_INSTRUMENTS);
  const instruments = new CountingInstruments();
  const modules = { hasher: backend.hasher, accounts, mempool, signatures, clock: SYSTEM_CLOCK, instruments };
  const admission = new Admission(options, defaultParameters(4), modules);
  const honest = await world.signed(0);
  const garbage = Array.from({ length: 3_000 }, (_, i) => {
    return {
      body: honest.body,
      signature: honest.signature
        .toReversed()
        .fill(i & 0xff, 0, 4)
        .fill(i >> 8, 4, 8),
    };
  });
  const flood = admission.submit(garbage, 'flood');
  assert.equal(signatures.items, 300);
  await flood;
  const refused = (outcome: string): number => instruments.total('av10_admission_outcomes_total', { outcome });
  assert.deepEqual([refused('BAD_SIGNATURE'), refused('BUSY')], [300, 2_700]);
  assert.deepEqual([signatures.items, signatures.bytes, mempool.stats.bytes], [0, 0, 0]);
  const [outcome] = await admission.submit([honest], 'flood');
  assert.equal(outcome?.status, 'accepted');
});
