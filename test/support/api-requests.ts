import assert from 'node:assert/strict';
import { type Api, type ApiModules, type ApiOptions, createApi, DEFAULT_API_OPTIONS } from '../../src/api/index.ts';
import { cacheMetrics, ReadThrough } from '../../src/cache/index.ts';
import { signatureContext } from '../../src/crypto/domains.ts';
import type { SignedBody } from '../../src/types/payload.ts';
import { matches, Problem } from '../../src/types/rest.ts';
import { REST_ERRORS, type RestErrorCode } from '../../src/types/rest-errors.ts';
import { encodeTransactionBody } from '../../src/types/transaction-codec.ts';
import { ByteWriter } from '../../src/util/byte-writer.ts';
import { concatBytes } from '../../src/util/bytes.ts';
import { NO_INSTRUMENTS } from '../../src/util/instruments.ts';
import { SILENT_LOGGER } from '../../src/util/logger.ts';
import type { StubNetwork, StubService } from './stub-service.ts';
import { SYSTEM_CLOCK, SYSTEM_TIMERS } from './system-time.ts';

export const OCTETS = { 'content-type': 'application/octet-stream' };
export const JSON_BODY = { 'content-type': 'application/json' };

/** Without a limit of requests, unless asked for one. */
export function testApi(
  service: StubService,
  options: Partial<ApiOptions> = {},
  modules: Partial<ApiModules> = {},
): Api {
  const cache = new ReadThrough([], cacheMetrics(NO_INSTRUMENTS));
  const defaults = {
    log: SILENT_LOGGER,
    instruments: NO_INSTRUMENTS,
    clock: SYSTEM_CLOCK,
    timers: SYSTEM_TIMERS,
    cache,
  };
  const settings = { ...DEFAULT_API_OPTIONS, port: 0, requestsPerSecond: 0, ...options };
  return createApi(service, settings, { ...defaults, ...modules });
}

/** A data anchor of the stub's first account. */
export async function signedAnchor({ accounts, genesis }: StubNetwork, nonce = 0): Promise<SignedBody> {
  const { signer, address } = accounts[0] as StubNetwork['accounts'][number];
  const envelope = { sender: address, keyVersion: 0, nonce, expiryMs: 1_700_000_000_000, fee: 0n };
  const body = encodeTransactionBody({ ...envelope, kind: 'data-anchor', data: Uint8Array.of(1) });
  const context = signatureContext('tx', Uint8Array.fromHex(genesis.networkId));
  return { body, signature: await signer.sign(context, body) };
}

export function toOctets({ body, signature }: SignedBody): Buffer {
  return Buffer.from(concatBytes(body, signature));
}

export function toBatch(items: readonly SignedBody[]): Buffer {
  const out = new ByteWriter();
  for (const { body, signature } of items)
    out
      .u32(body.length + signature.length)
      .bytes(body)
      .bytes(signature);
  return Buffer.from(out.finish());
}

export function toJson({ body, signature }: SignedBody): { body: string; signature: string } {
  return { body: body.toHex(), signature: signature.toHex() };
}

interface AnyResponse {
  readonly statusCode: number;
  readonly headers: Readonly<Record<string, unknown>>;
  readonly body: string;
}

/** The response is a problem of exactly this code, with its status, and these fields among its own. */
export function assertProblem(
  response: AnyResponse,
  code: RestErrorCode,
  fields: Record<string, unknown> = {},
): Problem {
  assert.match(String(response.headers['content-type']), /^application\/problem\+json/);
  const problem: unknown = JSON.parse(response.body);
  assert.ok(matches(Problem, problem), `a problem: ${response.body}`);
  assert.equal(problem.code, code);
  assert.equal(problem.status, REST_ERRORS[code].status);
  assert.equal(response.statusCode, problem.status);
  assert.equal(problem.title, REST_ERRORS[code].title);
  assert.deepEqual({ ...problem.fields, ...fields }, problem.fields);
  return problem;
}
