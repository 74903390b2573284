import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import fc from 'fast-check';
import { ENDPOINTS } from '../../src/api/endpoints.ts';
import type { Wallet } from '../../src/client/index.ts';
import type { SignedBody } from '../../src/types/payload.ts';
import { concatBytes } from '../../src/util/bytes.ts';
import { runCommand } from '../../tools/command.ts';
import { TestDevnet } from '../support/devnet.ts';

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
  /** An endless stream has no answer to look at; `event-stream.test.ts` and `chain-routes.test.ts` do. */
  const groups = {
    'what is read': ['--include-method', 'GET', '--exclude-operation-id', 'getEvents', '--max-examples', '50'],
    'one transaction': ['--include-operation-id', 'submitTransaction', '--max-examples', '50'],
    'many transactions': ['--include-operation-id', 'submitTransactions', '--max-examples', '10'],
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
