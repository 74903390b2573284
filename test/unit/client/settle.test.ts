import assert from 'node:assert/strict';
import { before, describe, it } from 'node:test';
import { Av10ApiError, Av10Client, type HttpRequest, TransferAccumulator, Wallet } from '../../../src/client/index.ts';
import { SIGNATURE_BYTES } from '../../../src/types/limits.ts';
import type { SignedBody } from '../../../src/types/payload.ts';
import type { Problem, Transaction } from '../../../src/types/rest.ts';
import { REST_ERRORS, type RestErrorCode } from '../../../src/types/rest-errors.ts';
import { decodeTransactionBody, transactionId } from '../../../src/types/transaction-codec.ts';
import { utf8 } from '../../../src/util/bytes.ts';
import { signedAnchor, testApi } from '../../support/api-requests.ts';
import { type StubNetwork, StubService, stubNetwork } from '../../support/stub-service.ts';

const EXPIRY_MS = 1_700_000_000_000;
let network: StubNetwork;
let item: SignedBody;
let id: string;

before(async () => {
  network = await stubNetwork();
  item = await signedAnchor(network);
  id = transactionId(network.crypto.hasher, item.body);
});

type Reply = { readonly status: number; readonly body: unknown } | 'silence';

function problem(code: RestErrorCode, fields: Problem['fields'] = {}): Reply {
  const { status, retryable, title } = REST_ERRORS[code];
  return {
    status,
    body: { type: `urn:av10:error:${code}`, title, status, detail: 'as scripted', code, retryable, fields },
  };
}

function taken(status: 'accepted' | 'known' = 'accepted'): Reply {
  return { status: 202, body: { id, status } };
}

function progress(level: Transaction['level'], more: Partial<Transaction> = {}): Reply {
  return { status: 200, body: { commit: 900, id, level, ...more } };
}

const RECEIPT = {
  ...{
    commit: 820,
    code: 'OK',
    kind: 'data-anchor',
    sender: 0,
    nonce: '0',
    fee: '0',
    detail: 0,
    transfers: 0,
    bitmap: '',
  },
};
const APPLIED = () => progress('final', { receipt: RECEIPT });

/** A client of two validators that answer as scripted, one reply a request; time passes only while it waits. */
function scripted(replies: readonly Reply[], { nowMs = EXPIRY_MS - 60_000, urls = ['http://a', 'http://b'] } = {}) {
  const seen: string[] = [];
  const bodies: string[] = [];
  let monotonicMs = 0;
  const rest = [...replies];
  const client = new Av10Client(
    { urls },
    {
      crypto: network.crypto,
      clock: { wallMs: () => nowMs + monotonicMs, monotonicMs: () => monotonicMs },
      timers: {
        after(delayMs, callback) {
          monotonicMs += delayMs;
          queueMicrotask(callback);
          return { cancel: () => undefined };
        },
      },
      async send({ method, url, body }: HttpRequest) {
        seen.push(`${method} ${url.replace(id, 'ID').replace(/\?.*/, '')}`);
        if (body !== undefined) bodies.push(body.toHex());
        const reply = rest.shift();
        assert.ok(reply !== undefined, `not scripted: ${seen.at(-1)}`);
        if (reply === 'silence') throw new Error('no answer');
        return { status: reply.status, body: utf8(JSON.stringify(reply.body)) };
      },
    },
  );
  return { client, seen, bodies, left: () => rest.length };
}

async function settled(replies: readonly Reply[], options: Parameters<typeof scripted>[1] = {}) {
  const { client, seen, bodies, left } = scripted(replies, options);
  const outcome = await client.settle(item);
  assert.equal(left(), 0, 'everything scripted was asked for');
  assert.equal(new Set(bodies).size, 1, 'always the same bytes');
  return { outcome, seen };
}

describe('settling a signed transaction', () => {
  it('is one submission and one wait when nothing goes wrong', async () => {
    const { outcome, seen } = await settled([taken(), APPLIED()]);
    assert.deepEqual(outcome, { outcome: 'applied', id, receipt: RECEIPT });
    assert.deepEqual(seen, ['POST http://a/v1/transactions', 'GET http://a/v1/transactions/ID']);
  });

  it('sends the same bytes elsewhere when nobody answers, and learns that the first had taken them', async () => {
    const { outcome, seen } = await settled(['silence', 'silence', 'silence', taken('known'), APPLIED()]);
    assert.equal(outcome.outcome, 'applied');
    assert.equal(seen.filter((line) => line.startsWith('POST')).length, 4);
  });

  it('sends again when the validator has forgotten it, and goes elsewhere when it does not get on', async () => {
    const { outcome, seen } = await settled([
      ...[taken(), problem('TRANSACTION_UNKNOWN', { commit: 5 })],
      ...[taken(), progress('included')],
      ...[taken(), APPLIED()],
    ]);
    assert.equal(outcome.outcome, 'applied');
    assert.deepEqual(
      seen.map((line) => line.slice(0, 13)),
      ['POST http://a', 'GET http://a/', 'POST http://a', 'GET http://a/', 'POST http://b', 'GET http://b/'],
    );
  });

  it('tries again after refusals that time mends', async () => {
    const { outcome } = await settled([
      problem('BUSY'),
      problem('SLOT_TAKEN'),
      problem('RATE_LIMITED'),
      taken(),
      APPLIED(),
    ]);
    assert.equal(outcome.outcome, 'applied');
  });

  it('is dead when another transaction has used the nonce', async () => {
    const { outcome } = await settled([
      problem('NONCE_USED', { knownSinceMs: 0 }),
      problem('TRANSACTION_UNKNOWN', { commit: 5 }),
    ]);
    assert.deepEqual(outcome, { outcome: 'dead', id, code: 'NONCE_USED' });
    const dropped = { dropped: { code: 'NONCE_USED', retryable: false } };
    assert.equal((await settled([taken(), progress('dropped', dropped)])).outcome.outcome, 'dead');
  });

  it('is not dead because a validator has forgotten when it may have been applied', async () => {
    const service = new StubService(network);
    const { statusCode: status, body } = await testApi(service).inject({ url: '/v1/network' });
    const genesis: Reply = { status, body: JSON.parse(body) };
    const { expiryHorizonMs } = service.genesis.parameters;
    const unknown = problem('TRANSACTION_UNKNOWN');
    const used = (knownSinceMs: number): Reply => problem('NONCE_USED', { knownSinceMs });
    const since = EXPIRY_MS - expiryHorizonMs;
    const dead = await settled([
      problem('NONCE_USED'),
      unknown,
      used(since),
      unknown,
      genesis,
      used(since - 1),
      unknown,
    ]);
    assert.deepEqual(dead.outcome, { outcome: 'dead', id, code: 'NONCE_USED' });
    // Signed ten minutes before its expiry: what was applied earlier was something else.
    const signedAtMs = EXPIRY_MS - 600_000;
    const { client, left } = scripted([
      used(signedAtMs - 60_000),
      unknown,
      genesis,
      used(signedAtMs - 60_001),
      unknown,
    ]);
    assert.equal((await client.settle(item, { signedAtMs })).outcome, 'dead');
    assert.equal(left(), 0);
  });

  it('goes on after a drop that is not the last word', async () => {
    const dropped = { dropped: { code: 'NONCE_GAP', retryable: true } };
    const { outcome } = await settled([taken(), progress('dropped', dropped), taken(), APPLIED()]);
    assert.equal(outcome.outcome, 'applied');
  });

  it('throws a refusal for good when no validator can have taken the transaction', async () => {
    const { client } = scripted([problem('BAD_SIGNATURE')]);
    await assert.rejects(client.settle(item), { code: 'BAD_SIGNATURE' });
  });

  it('believes no refusal for good after a validator may have taken it', async () => {
    for (const replies of [
      ['silence', problem('FEE_TOO_LOW'), taken('known'), APPLIED()],
      [taken(), progress('accepted'), problem('BAD_SIGNATURE'), taken('known'), APPLIED()],
    ] as const) {
      assert.equal((await settled(replies)).outcome.outcome, 'applied');
    }
  });

  it('gives up in time without saying that it is dead', async () => {
    const { client } = scripted([taken(), progress('accepted'), taken('known'), progress('accepted')]);
    await assert.rejects(client.settle(item, { timeoutMs: 400 }), { code: 'TIMEOUT', fields: { id } });
  });

  it('is not dead because a validator calls it expired: a block may hold it', async () => {
    const service = new StubService(network);
    const api = testApi(service);
    const answerOf = async (url: string): Promise<Reply> => {
      const { statusCode, body } = await api.inject({ url });
      return { status: statusCode, body: JSON.parse(body) };
    };
    const proof = [await answerOf('/v1/checkpoints/latest'), await answerOf('/v1/network')];
    // The checkpoint of the stub is of a time behind the expiry.
    const nowMs = EXPIRY_MS + 200_000;
    const late = await settled(
      [
        problem('EXPIRED'),
        ...proof,
        problem('TRANSACTION_UNKNOWN', { commit: 799, knownSinceMs: 0 }),
        problem('EXPIRED'),
      ].concat(...[[proof[0] as Reply, problem('TRANSACTION_UNKNOWN', { commit: 800, knownSinceMs: 0 })]]),
      { nowMs },
    );
    assert.deepEqual(late.outcome, { outcome: 'dead', id, code: 'EXPIRED' });
    const applied = await settled([problem('EXPIRED'), ...proof, APPLIED(), taken('known'), APPLIED()], { nowMs });
    assert.equal(applied.outcome.outcome, 'applied');
  });
});

/** A network of one validator that applies everything, in order. */
function ledger(refuse: (nonce: number) => Reply | undefined = () => undefined) {
  const batches: { readonly nonce: number; readonly transfers: number }[] = [];
  const receipts = new Map<string, Transaction>();
  let nextNonce = 0;
  const account = () => {
    const balances = [{ asset: 0, amount: '1' }];
    const address = network.accounts[0]?.address;
    return { commit: 1, address, handle: 0, keyVersion: 0, nextNonce: String(nextNonce), frozen: false, balances };
  };
  const submit = (bytes: Uint8Array): Reply => {
    const body = bytes.subarray(0, bytes.length - SIGNATURE_BYTES);
    const txId = transactionId(network.crypto.hasher, body);
    const transaction = decodeTransactionBody(body);
    if (receipts.has(txId)) return { status: 202, body: { id: txId, status: 'known' } };
    const refusal = refuse(transaction.nonce);
    if (refusal !== undefined) return refusal;
    if (transaction.nonce < nextNonce) return problem('NONCE_USED');
    nextNonce = transaction.nonce + 1;
    const transfers = transaction.kind === 'transfer-batch' ? transaction.recipients.length : 0;
    batches.push({ nonce: transaction.nonce, transfers });
    const bitmap = new Uint8Array(Math.ceil(transfers / 8)).fill(0b10101010).toHex();
    const receipt = { ...RECEIPT, kind: 'transfer-batch', code: 'PARTIAL', transfers, bitmap };
    receipts.set(txId, { commit: 1, id: txId, level: 'final', receipt });
    return { status: 202, body: { id: txId, status: 'accepted' } };
  };
  const { client } = scripted([]);
  const genesis = testApi(new StubService(network)).inject({ url: '/v1/network' });
  const modules = {
    ...client.modules,
    async send({ method, url, body }: HttpRequest) {
      const path = new URL(url).pathname;
      let reply: Reply = problem('TRANSACTION_UNKNOWN', { commit: 1 });
      if (method === 'POST' && body !== undefined) reply = submit(body);
      else if (path.startsWith('/v1/accounts/')) reply = { status: 200, body: account() };
      else if (path === '/v1/network') reply = { status: 200, body: JSON.parse((await genesis).body) };
      else {
        const found = receipts.get(path.split('/').at(-1) ?? '');
        if (found !== undefined) reply = { status: 200, body: found };
      }
      assert.ok(reply !== 'silence');
      return { status: reply.status, body: utf8(JSON.stringify(reply.body)) };
    },
  };
  const { signer } = network.accounts[0] as StubNetwork['accounts'][number];
  const wallet = new Wallet(new Av10Client({ urls: ['http://a'] }, modules), signer);
  return { wallet, batches };
}

describe('a wallet that settles', () => {
  it('signs again, with the next number, only what is surely without effect', async () => {
    let refusals = 0;
    const { wallet, batches } = ledger((nonce) =>
      nonce === 0 && refusals++ === 0 ? problem('NONCE_USED') : undefined,
    );
    const { receipt } = await wallet.settle({ kind: 'data-anchor', data: Uint8Array.of(1) });
    assert.equal(receipt.code, 'PARTIAL');
    assert.equal(batches.length, 1);
    assert.equal(refusals, 2);
  });
});

describe('the accumulator', () => {
  it('packs what comes while a batch is under way into the next ones, in order, and tells each its outcome', async () => {
    const { wallet, batches } = ledger();
    const accumulator = new TransferAccumulator(wallet, { maxTransfers: 100 });
    const first = accumulator.transfer(1, 1n);
    const rest = Array.from({ length: 250 }, (_, i) => accumulator.transfer(1, BigInt(i + 1)));
    const outcomes = await Promise.all([first, ...rest]);
    await accumulator.idle();
    assert.deepEqual(
      batches.map(({ transfers }) => transfers),
      [100, 100, 51],
    );
    assert.deepEqual(
      batches.map(({ nonce }) => nonce),
      [0, 1, 2],
    );
    for (const [i, { index, made, code }] of outcomes.entries()) {
      assert.equal(index, i % 100);
      assert.equal(made, index % 2 === 1);
      assert.equal(code, 'PARTIAL');
    }
    assert.equal(new Set(outcomes.map(({ id: batch, index }) => `${batch}.${index}`)).size, 251);
  });

  it('packs 8,192 into one', async () => {
    const { wallet, batches } = ledger();
    const accumulator = new TransferAccumulator(wallet);
    await Promise.all(Array.from({ length: 8_192 + 1 }, () => accumulator.transfer(1, 1n)));
    assert.deepEqual(
      batches.map(({ transfers }) => transfers),
      [8_192, 1],
    );
  });

  it('hands the failure of a batch to its transfers and goes on', async () => {
    let isFailing = true;
    const { wallet, batches } = ledger(() => (isFailing ? problem('FEE_TOO_LOW') : undefined));
    const accumulator = new TransferAccumulator(wallet);
    await assert.rejects(accumulator.transfer(1, 1n), (error) => {
      assert.ok(error instanceof Av10ApiError);
      return error.code === 'FEE_TOO_LOW';
    });
    isFailing = false;
    assert.equal((await accumulator.transfer(1, 1n)).index, 0);
    assert.equal(batches.length, 1);
  });

  it('holds so many and no more', async () => {
    const { wallet } = ledger();
    const accumulator = new TransferAccumulator(wallet, { maxTransfers: 2 });
    const waiting = Array.from({ length: 32 }, () => accumulator.transfer(1, 1n));
    await assert.rejects(accumulator.transfer(1, 1n), { code: 'BACKLOG_FULL', fields: { limit: 32 } });
    await Promise.all(waiting);
  });
});
