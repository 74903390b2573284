/** Bad input over HTTP: each gets its stable code with a status below 500, and the validators stay healthy and quick meanwhile. */
import { once } from 'node:events';
import { type IncomingMessage, request } from 'node:http';
import { connect } from 'node:net';
import type { Wallet } from '../../src/client/index.ts';
import type { SignedBody } from '../../src/types/payload.ts';
import { concatBytes, toHex } from '../../src/util/bytes.ts';
import { Evidence, mustAgree, onDevnet } from '../support/acceptance.ts';
import { percentile } from '../support/load.ts';

const OCTETS = 'application/octet-stream';
const JSON_TYPE = 'application/json';
const PATH = '/v1/transactions';
const SLOW_CLIENT_LIMIT_MS = 15_000;

interface Case {
  readonly name: string;
  readonly path?: string;
  readonly type?: string;
  readonly body?: Uint8Array | string;
  readonly status: number;
  readonly code: string;
}

/** Asks `/live` all the time: how long it takes shows what blocks the event loop. */
class Probe {
  readonly #timesMs: number[] = [];
  readonly #run: Promise<void>;
  #isRunning = true;

  constructor(api: string) {
    this.#run = this.#ask(api);
  }

  async stop(): Promise<readonly number[]> {
    this.#isRunning = false;
    await this.#run;
    return this.#timesMs;
  }

  async #ask(api: string): Promise<void> {
    while (this.#isRunning) {
      const startedMs = performance.now();
      await (await fetch(`${api}/live`)).arrayBuffer();
      this.#timesMs.push(performance.now() - startedMs);
      await new Promise((resolve) => setTimeout(resolve, 10));
    }
  }
}

const evidence = new Evidence();
await onDevnet(evidence, {}, async (devnet) => {
  const api = devnet.file.validators[0]?.api as string;
  const probe = new Probe(api);
  const wallet = await devnet.wallet(0, devnet.client(0));
  const { id } = await wallet.transfer([{ to: 1, amount: 1n }]);
  await devnet.client(0).waitFinal(id);
  for (const bad of [...requestCases(), ...(await transactionCases(wallet))]) {
    const { status, code } = await ask(api, bad);
    evidence.must(
      status === bad.status && code === bad.code,
      `${bad.name}: ${bad.status} ${bad.code}${code === bad.code ? '' : ` (got ${status} ${code})`}`,
    );
  }
  evidence.must(
    await isCutOff(api),
    `a client that trickles its headers is cut off within ${SLOW_CLIENT_LIMIT_MS / 1_000} s`,
  );
  const liveMs = await probe.stop();
  const p99Ms = Math.round(percentile(liveMs, 0.99));
  evidence.figure('liveAnswers', { count: liveMs.length, p99Ms, maxMs: Math.round(Math.max(...liveMs)) });
  evidence.must(p99Ms < 200, 'GET /live meanwhile: p99 below 200 ms');
  for (const validator of [0, 1, 2, 3])
    evidence.must((await devnet.health(validator)).status === 200, `validator-${validator + 1} is healthy afterwards`);
  const after = await wallet.transfer([{ to: 1, amount: 1n }]);
  evidence.must((await devnet.client(0).waitFinal(after.id)).level === 'final', 'a good transfer is still final');
  await mustAgree(evidence, devnet, [0, 1, 2, 3]);
});
evidence.finish();

function requestCases(): Case[] {
  const nested = `${'['.repeat(10_000)}${']'.repeat(10_000)}`;
  return [
    { name: 'malformed JSON', type: JSON_TYPE, body: '{"body":', status: 400, code: 'INVALID_JSON' },
    { name: 'no UTF-8', type: JSON_TYPE, body: Uint8Array.of(0x22, 0xff, 0x22), status: 400, code: 'INVALID_JSON' },
    {
      name: 'a key that comes twice',
      type: JSON_TYPE,
      body: '{"body":"00","body":"01","signature":""}',
      status: 400,
      code: 'DUPLICATE_KEY',
    },
    { name: 'nesting of 10,000 levels', type: JSON_TYPE, body: nested, status: 400, code: 'JSON_LIMIT' },
    {
      name: '2^53 + 1 for bytes',
      type: JSON_TYPE,
      body: '{"body":9007199254740993,"signature":""}',
      status: 400,
      code: 'INVALID_BODY',
    },
    { name: 'wrong types', type: JSON_TYPE, body: '{"body":[],"signature":{}}', status: 400, code: 'INVALID_BODY' },
    { name: 'another media type', type: 'text/plain', body: 'x', status: 415, code: 'UNSUPPORTED_MEDIA_TYPE' },
    { name: 'a body of 100 MB', type: OCTETS, body: new Uint8Array(100_000_000), status: 413, code: 'BODY_TOO_LARGE' },
    { name: 'bytes without a signature', type: OCTETS, body: new Uint8Array(10), status: 400, code: 'INVALID_FRAMING' },
    {
      name: 'a batch frame of 4 GiB',
      path: `${PATH}/batch`,
      type: OCTETS,
      body: new Uint8Array(4).fill(0xff),
      status: 400,
      code: 'INVALID_FRAMING',
    },
    { name: 'no such route', path: '/v2/status', status: 404, code: 'NOT_FOUND' },
    { name: 'an id of the wrong length', path: `${PATH}/ab`, status: 400, code: 'INVALID_PARAMETER' },
    { name: 'an unknown id', path: `${PATH}/${'ab'.repeat(32)}`, status: 404, code: 'TRANSACTION_UNKNOWN' },
    { name: 'an unknown query parameter', path: '/v1/status?verbose=1', status: 400, code: 'INVALID_QUERY' },
    { name: 'a handle above its range', path: '/v1/accounts/4294967295', status: 400, code: 'INVALID_PARAMETER' },
    { name: 'an account that is not there', path: '/v1/accounts/4000000', status: 404, code: 'ACCOUNT_UNKNOWN' },
    { name: 'block 2^53 + 1', path: '/v1/blocks/9007199254740993', status: 400, code: 'INVALID_PARAMETER' },
    { name: 'a percent sign that encodes nothing', path: `${PATH}/%zz`, status: 400, code: 'BAD_REQUEST' },
  ];
}

/** From one good transaction, a thing broken in each. */
async function transactionCases(wallet: Wallet): Promise<Case[]> {
  const good = await wallet.sign({
    kind: 'transfer-batch',
    asset: 0,
    atomic: true,
    recipients: Uint32Array.of(1),
    amounts: BigUint64Array.of(2n),
  });
  wallet.resync();
  const changed = ({ body, signature }: SignedBody, part: 'body' | 'signature', at: number): Uint8Array => {
    const copy = { body: body.slice(), signature: signature.slice() };
    copy[part][at] = (copy[part][at] as number) ^ 1;
    return concatBytes(copy.body, copy.signature);
  };
  const { body, signature } = good;
  const senderAt = 2;
  const asJson = JSON.stringify({ body: toHex(body), signature: toHex(signature.slice().reverse()) });
  return [
    {
      name: 'a flipped bit in the signature',
      type: OCTETS,
      body: changed(good, 'signature', 100),
      status: 422,
      code: 'BAD_SIGNATURE',
    },
    {
      name: 'a flipped bit in the amount',
      type: OCTETS,
      body: changed(good, 'body', body.length - 1),
      status: 422,
      code: 'BAD_SIGNATURE',
    },
    { name: 'a signature backwards, as JSON', type: JSON_TYPE, body: asJson, status: 422, code: 'BAD_SIGNATURE' },
    {
      name: 'an unknown sender',
      type: OCTETS,
      body: changed(good, 'body', senderAt),
      status: 422,
      code: 'UNKNOWN_SENDER',
    },
    {
      name: 'a byte after the body',
      type: OCTETS,
      body: concatBytes(body, Uint8Array.of(0), signature),
      status: 400,
      code: 'TRAILING_BYTES',
    },
    {
      name: 'a body that ends early',
      type: OCTETS,
      body: concatBytes(body.slice(0, -1), signature),
      status: 400,
      code: 'TRUNCATED',
    },
    { name: 'another version', type: OCTETS, body: changed(good, 'body', 0), status: 400, code: 'NON_CANONICAL' },
  ];
}

/** With node:http, because it reads an answer that comes before the request was taken whole, as curl does. */
async function ask(
  api: string,
  { path = PATH, type, body }: Case,
): Promise<{ readonly status: number; readonly code: string }> {
  const { promise, resolve, reject } = Promise.withResolvers<IncomingMessage>();
  const headers =
    type === undefined || body === undefined ? {} : { 'content-type': type, 'content-length': Buffer.byteLength(body) };
  const outgoing = request(api + path, { method: body === undefined ? 'GET' : 'POST', headers, agent: false }, resolve);
  outgoing.on('error', reject).end(body);
  const answer = await promise;
  const chunks: Buffer[] = [];
  for await (const chunk of answer) chunks.push(chunk as Buffer);
  outgoing.destroy();
  return {
    status: answer.statusCode ?? 0,
    code: (JSON.parse(Buffer.concat(chunks).toString()) as { code: string }).code,
  };
}

async function isCutOff(api: string): Promise<boolean> {
  const { hostname, port } = new URL(api);
  const socket = connect(Number(port), hostname);
  socket.on('error', () => undefined);
  socket.resume();
  socket.write('GET /live HTTP/1.1\r\n');
  const trickle = setInterval(() => socket.write('x-slow: 1\r\n'), 500);
  const cut = await Promise.race([
    once(socket, 'close').then(() => true),
    new Promise<false>((resolve) => setTimeout(resolve, SLOW_CLIENT_LIMIT_MS, false)),
  ]);
  clearInterval(trickle);
  socket.destroy();
  return cut;
}
