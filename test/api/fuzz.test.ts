import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import fc from 'fast-check';
import { ENDPOINTS } from '../../src/api/endpoints.ts';
import type { Wallet } from '../../src/client/index.ts';
import type { SignedBody } from '../../src/types/payload.ts';
import { matches, SubmittedBatch } from '../../src/types/rest.ts';
import { concatBytes } from '../../src/util/bytes.ts';
import { runCommand } from '../../tools/command.ts';
import { TestDevnet, until } from '../support/devnet.ts';

/** `pip install schemathesis==4.32.5`; generates requests from the OpenAPI document that the node serves. */
const FUZZER = (process.env.PATH ?? '')
  .split(':')
  .map((folder) => join(folder, 'schemathesis'))
  .find((path) => existsSync(path));
const skip = FUZZER === undefined ? 'no schemathesis: pip install schemathesis==4.32.5' : false;

const SEED = 20_261_124;
const RUN_LIMIT_MS = 8 * 60_000;
/** No answer from 500 on, and each of the status, type, headers and shape that the document names; faults refused; 405 with `allow`. */
const CHECKS = [
  ...['not_a_server_error', 'status_code_conformance', 'content_type_conformance', 'response_headers_conformance'],
  ...['response_schema_conformance', 'negative_data_rejection', 'unsupported_method', 'allow_header_conformance'],
];
/** Pairs of submissions, binary and JSON. */
const SUBMISSIONS = 300;
const BATCHES = 40;

let devnet: TestDevnet;
let wallet: Wallet;

before(async () => {
  devnet = await TestDevnet.start();
  wallet = await devnet.wallet(0, devnet.client(0));
  for (let i = 0; i < 3; i++) await wallet.settle(payment(BigInt(i + 1)));
});
after(() => devnet.stop());

function payment(amount: bigint) {
  const recipients = Uint32Array.of(1, 2);
  return {
    kind: 'transfer-batch',
    asset: 0,
    atomic: false,
    recipients,
    amounts: BigUint64Array.of(amount, amount),
  } as const;
}

function api(validator: number): string {
  return devnet.file.validators[validator]?.api ?? assert.fail();
}

describe('requests made from the OpenAPI document', { skip }, () => {
  /**
   * An endless stream has no answer to look at (`test/unit/api/event-stream.test.ts` does), and of hundreds of transactions in one body a generator makes
   * few an hour: those are below.
   */
  const groups = {
    'what is read': ['--include-method', 'GET', '--exclude-operation-id', 'getEvents', '--max-examples', '50'],
    'a transaction': ['--include-operation-id', 'submitTransaction', '--max-examples', '15'],
  };
  for (const [what, selection] of Object.entries(groups)) {
    it(`get answers that it describes: ${what}`, async () => {
      const args = [
        'run',
        `${api(0)}/v1/openapi.json`,
        '--checks',
        CHECKS.join(),
        '--seed',
        String(SEED),
        ...selection,
      ];
      const options = ['--phases', 'coverage,fuzzing', '--warnings', 'off', '--request-timeout', '90'];
      const code = await runCommand(FUZZER ?? '', [...args, ...options], { cwd: '/tmp', timeoutMs: RUN_LIMIT_MS });
      assert.equal(code, 0);
    });
  }

  it('leave the node healthy', async () => {
    assert.equal((await devnet.health(0)).body.status, 'healthy');
    assert.deepEqual(devnet.alarms(), []);
  });
});

/** Changes of a signed transaction that it does not survive, and one that leaves it as it is. */
const CHANGE = fc.oneof(
  fc.constant((item: SignedBody) => item),
  fc.nat().map((at) => (item: SignedBody) => ({ ...item, body: flipped(item.body, at) })),
  fc.nat().map((at) => (item: SignedBody) => ({ ...item, signature: flipped(item.signature, at) })),
  fc.nat().map((length) => ({ body, signature }: SignedBody) => ({
    signature,
    body: body.slice(0, 1 + (length % body.length)),
  })),
  fc.uint8Array({ minLength: 1, maxLength: 64 }).map((tail) => ({ body, signature }: SignedBody) => ({
    signature,
    body: concatBytes(body, tail),
  })),
  fc.uint8Array({ minLength: 1, maxLength: 200 }).map((body) => ({ signature }: SignedBody) => ({ signature, body })),
);

describe('a submission', () => {
  it('has the same answer in binary and in JSON, of every kind of answer', async () => {
    const codes = new Set<string>();
    const property = fc.asyncProperty(CHANGE, async (change) => {
      const item = change(await wallet.sign(payment(1n)));
      // The own count goes on only with what was taken.
      const binary = await submit(0, 'application/octet-stream', Buffer.from(concatBytes(item.body, item.signature)));
      const json = await submit(
        0,
        'application/json',
        JSON.stringify({ body: item.body.toHex(), signature: item.signature.toHex() }),
      );
      codes.add(String(binary.body.code ?? binary.body.status));
      if (binary.status !== 202) {
        wallet.resync();
        assert.deepEqual(json, binary);
        return;
      }
      assert.equal(json.status, 202);
      assert.deepEqual([binary.body.status, json.body.status, json.body.id], ['accepted', 'known', binary.body.id]);
      const settled = await wallet.settle(payment(1n));
      assert.equal(settled.receipt.code, 'OK');
    });
    await fc.assert(property, { numRuns: SUBMISSIONS, seed: SEED });
    for (const code of ['accepted', 'BAD_SIGNATURE', 'TRUNCATED', 'TRAILING_BYTES', 'NON_CANONICAL', 'UNKNOWN_SENDER'])
      assert.ok(codes.has(code), `${code} among ${[...codes]}`);
  });
});

describe('a batch of submissions', () => {
  it('has the same results in binary and in JSON, one for each in their order', async () => {
    const property = fc.asyncProperty(fc.array(CHANGE, { minLength: 1, maxLength: 6 }), async (changes) => {
      const items: SignedBody[] = [];
      for (const change of changes) items.push(change(await wallet.sign(payment(1n))));
      const framed = items.map(({ body, signature }) => {
        const length = new Uint8Array(Uint32Array.of(body.length + signature.length).buffer);
        return concatBytes(length, body, signature);
      });
      const json = items.map(({ body, signature }) => ({ body: body.toHex(), signature: signature.toHex() }));
      const first = await submitMany('application/octet-stream', Buffer.from(concatBytes(...framed)));
      const second = await submitMany('application/json', JSON.stringify(json));
      assert.deepEqual(
        first.map(({ id, status, problem }) => [id, status === 'accepted' ? 'known' : status, problem?.code]),
        second.map(({ id, status, problem }) => [id, status, problem?.code]),
      );
      assert.equal(first.length, items.length);
      await drain();
    });
    await fc.assert(property, { numRuns: BATCHES, seed: SEED });
  });
});

/** Fills the gaps that were left in the numbers until nothing waits any more: the next answers are about the next batch alone. */
async function drain(): Promise<void> {
  const waiting = async (): Promise<number> => (await devnet.client(1).status()).mempool.transactions;
  const fill = async (): Promise<boolean> => {
    wallet.resync();
    await wallet.settle(payment(1n));
    return (await waiting()) === 0;
  };
  await until(fill, 'an empty mempool');
  wallet.resync();
}

async function submitMany(type: string, body: string | Buffer<ArrayBuffer>): Promise<SubmittedBatch['results']> {
  const { path } = ENDPOINTS.submitTransactions;
  const response = await fetch(`${api(1)}${path}`, { method: 'POST', headers: { 'content-type': type }, body });
  const answer: unknown = await response.json();
  assert.equal(response.status, 200, JSON.stringify(answer));
  assert.ok(matches(SubmittedBatch, answer), JSON.stringify(answer));
  return answer.results;
}

async function submit(
  validator: number,
  type: string,
  body: string | Buffer<ArrayBuffer>,
): Promise<{ status: number; body: Record<string, unknown> }> {
  const headers = { 'content-type': type };
  const { path } = ENDPOINTS.submitTransaction;
  const response = await fetch(`${api(validator)}${path}`, { method: 'POST', headers, body });
  const answer = (await response.json()) as Record<string, unknown> & { fields?: Record<string, unknown> };
  // The one field that is of the moment.
  delete answer.fields?.nowMs;
  return { status: response.status, body: answer };
}

function flipped(bytes: Uint8Array, at: number): Uint8Array {
  const copy = bytes.slice();
  copy[at % copy.length] = (copy[at % copy.length] as number) ^ (1 << (at % 8));
  return copy;
}
