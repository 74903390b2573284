import assert from 'node:assert/strict';
import { METHODS } from 'node:http';
import { before, describe, it } from 'node:test';
import type { Api } from '../../../src/api/index.ts';
import type { SignedBody } from '../../../src/types/payload.ts';
import type { RestErrorCode } from '../../../src/types/rest-errors.ts';
import {
  assertProblem,
  JSON_BODY,
  OCTETS,
  signedAnchor,
  testApi,
  toBatch,
  toJson,
  toOctets,
} from '../../support/api-requests.ts';
import { StubService, stubNetwork } from '../../support/stub-service.ts';

let service: StubService;
let api: Api;
let item: SignedBody;

before(async () => {
  const network = await stubNetwork();
  service = new StubService(network);
  api = testApi(service);
  item = await signedAnchor(network);
});

interface Case {
  readonly name: string;
  readonly url?: string;
  readonly payload: () => string | Buffer;
  readonly headers?: Record<string, string>;
  readonly code: RestErrorCode;
  readonly fields?: Record<string, unknown>;
}

const BATCH = '/v1/transactions/batch';
const valid = () => toJson(item);
const withField = (field: string, value: unknown) => () => JSON.stringify({ ...valid(), [field]: value });

const BODIES: readonly Case[] = [
  { name: 'no body', payload: () => '', headers: JSON_BODY, code: 'INVALID_JSON' },
  { name: 'no JSON', payload: () => '{"body":', code: 'INVALID_JSON' },
  { name: 'a string without end', payload: () => '{"body', code: 'INVALID_JSON' },
  { name: 'a key with a bad escape', payload: () => '{"\\x":1}', code: 'INVALID_JSON' },
  { name: 'bytes that are no UTF-8', payload: () => Buffer.from([0x22, 0xff, 0x22]), code: 'INVALID_JSON' },
  {
    name: 'nine levels',
    payload: () => '['.repeat(9),
    code: 'JSON_LIMIT',
    fields: { what: 'levels', limit: 8, offset: 8 },
  },
  { name: 'four million levels', payload: () => '['.repeat(4 * 1024 * 1024), code: 'JSON_LIMIT' },
  {
    name: 'a key that comes twice',
    payload: () => '{"body":"","body":""}',
    code: 'DUPLICATE_KEY',
    fields: { offset: 11 },
  },
  { name: 'a key that comes twice, once escaped', payload: () => '{"body":"","\\u0062ody":""}', code: 'DUPLICATE_KEY' },
  { name: 'a list for an object', payload: () => '[]', code: 'INVALID_BODY', fields: { path: '' } },
  { name: 'null', payload: () => 'null', code: 'INVALID_BODY' },
  { name: 'no signature', payload: () => '{"body":"00"}', code: 'INVALID_BODY' },
  { name: 'an unknown field', payload: withField('more', 1), code: 'INVALID_BODY' },
  {
    name: 'a field called __proto__',
    payload: () => JSON.stringify(valid()).replace('{', '{"__proto__":{},'),
    code: 'INVALID_BODY',
  },
  {
    name: 'a number for bytes',
    payload: withField('body', 2 ** 53 + 1),
    code: 'INVALID_BODY',
    fields: { path: '/body' },
  },
  { name: '2^53 + 1 in digits', payload: () => '{"body":9007199254740993,"signature":""}', code: 'INVALID_BODY' },
  { name: '1e400', payload: () => '{"body":1e400,"signature":""}', code: 'INVALID_BODY' },
  { name: 'upper-case digits', payload: withField('body', 'AB'), code: 'INVALID_BODY', fields: { path: '/body' } },
  { name: 'half a byte', payload: withField('body', 'abc'), code: 'INVALID_BODY', fields: { path: '/body' } },
  {
    name: 'an empty body of a transaction',
    payload: withField('body', ''),
    code: 'INVALID_BODY',
    fields: { path: '/body' },
  },
  { name: 'a body above its limit', payload: withField('body', 'a'.repeat(2 * 128 * 1024)), code: 'INVALID_BODY' },
  {
    name: 'a signature of the wrong length',
    payload: withField('signature', '00'),
    code: 'INVALID_BODY',
    fields: { path: '/signature' },
  },
  { name: 'a megabyte of no hexadecimal', payload: withField('body', 'z'.repeat(1024 * 1024)), code: 'INVALID_BODY' },
  { name: 'an empty batch', url: BATCH, payload: () => '[]', code: 'INVALID_BODY' },
  { name: 'an object for a batch', url: BATCH, payload: () => '{}', code: 'INVALID_BODY' },
  {
    name: 'a million empty objects',
    url: BATCH,
    payload: () => `[${'{},'.repeat(1_000_000)}{}]`,
    code: 'JSON_LIMIT',
  },
  { name: 'one bad one of a batch', url: BATCH, payload: () => JSON.stringify([valid(), {}]), code: 'INVALID_BODY' },
  {
    name: 'more than the limit',
    payload: () => Buffer.alloc(4 * 1024 * 1024 + 1),
    code: 'BODY_TOO_LARGE',
    fields: { limit: 4 * 1024 * 1024 },
  },
  {
    name: 'bytes without a signature',
    payload: () => Buffer.alloc(4_627),
    headers: OCTETS,
    code: 'INVALID_FRAMING',
    fields: { bytes: 4_627 },
  },
  {
    name: 'no bytes',
    payload: () => Buffer.alloc(0),
    headers: { ...OCTETS, 'content-length': '0' },
    code: 'INVALID_FRAMING',
  },
  {
    name: 'an empty binary batch',
    url: BATCH,
    payload: () => Buffer.alloc(0),
    headers: { ...OCTETS, 'content-length': '0' },
    code: 'INVALID_FRAMING',
  },
  {
    name: 'a batch that ends early',
    url: BATCH,
    payload: () => toBatch([item]).subarray(0, -1),
    headers: OCTETS,
    code: 'INVALID_FRAMING',
    fields: { items: 0 },
  },
  {
    name: 'a batch with bytes left over',
    url: BATCH,
    payload: () => Buffer.concat([toBatch([item]), Buffer.alloc(3)]),
    headers: OCTETS,
    code: 'INVALID_FRAMING',
    fields: { items: 1 },
  },
  {
    name: 'a length of 4 GiB',
    url: BATCH,
    payload: () => Buffer.from([0xff, 0xff, 0xff, 0xff]),
    headers: OCTETS,
    code: 'INVALID_FRAMING',
  },
  { name: 'a text', payload: () => 'x', headers: { 'content-type': 'text/plain' }, code: 'UNSUPPORTED_MEDIA_TYPE' },
  {
    name: 'a form',
    payload: () => 'a=1',
    headers: { 'content-type': 'application/x-www-form-urlencoded' },
    code: 'UNSUPPORTED_MEDIA_TYPE',
  },
  {
    name: 'a media type that is none',
    payload: () => 'x',
    headers: { 'content-type': ';;' },
    code: 'UNSUPPORTED_MEDIA_TYPE',
  },
];

const URLS: readonly {
  readonly url: string;
  readonly code: RestErrorCode;
  readonly fields?: Record<string, unknown>;
}[] = [
  { url: '/', code: 'NOT_FOUND' },
  { url: '/v2/status', code: 'NOT_FOUND' },
  { url: '/v1/transactions/', code: 'INVALID_PARAMETER' },
  { url: '/v1/transactions/ab', code: 'INVALID_PARAMETER', fields: { parameter: 'id' } },
  { url: `/v1/transactions/${'AB'.repeat(32)}`, code: 'INVALID_PARAMETER', fields: { parameter: 'id' } },
  { url: `/v1/transactions/${'ab'.repeat(33)}`, code: 'INVALID_PARAMETER' },
  { url: `/v1/transactions/${'a'.repeat(129)}`, code: 'URI_TOO_LONG' },
  { url: '/v1/transactions/%zz', code: 'BAD_REQUEST' },
  { url: '/v1/transactions/%00', code: 'INVALID_PARAMETER' },
  { url: `/v1/transactions/${'ab'.repeat(32)}?wait=soon`, code: 'INVALID_QUERY', fields: { parameter: 'wait' } },
  { url: `/v1/transactions/${'ab'.repeat(32)}?wait=final&wait=final`, code: 'INVALID_QUERY' },
  {
    url: `/v1/transactions/${'ab'.repeat(32)}?wait=final&timeoutMs=-1`,
    code: 'INVALID_QUERY',
    fields: { parameter: 'timeoutMs' },
  },
  { url: `/v1/transactions/${'ab'.repeat(32)}?wait=final&timeoutMs=1e3`, code: 'INVALID_QUERY' },
  {
    url: `/v1/transactions/${'ab'.repeat(32)}?wait=final&timeoutMs=60001`,
    code: 'INVALID_QUERY',
    fields: { limit: 60_000 },
  },
  { url: '/v1/accounts/4294967295', code: 'INVALID_PARAMETER', fields: { parameter: 'account' } },
  { url: '/v1/accounts/01', code: 'INVALID_PARAMETER' },
  { url: '/v1/accounts/-1', code: 'INVALID_PARAMETER' },
  { url: '/v1/accounts/1?proof=1', code: 'INVALID_QUERY', fields: { parameter: 'proof' } },
  { url: '/v1/accounts/1?prof=true', code: 'INVALID_QUERY' },
  { url: '/v1/blocks/9007199254740993', code: 'INVALID_PARAMETER', fields: { parameter: 'block' } },
  { url: '/v1/blocks/newest', code: 'INVALID_PARAMETER' },
  { url: '/v1/checkpoints/9007199254740993', code: 'INVALID_PARAMETER', fields: { parameter: 'checkpoint' } },
  { url: '/v1/checkpoints/1.5', code: 'INVALID_PARAMETER' },
  { url: '/v1/status?verbose', code: 'INVALID_QUERY' },
  { url: '/health?__proto__=1', code: 'INVALID_QUERY' },
];

describe('bad bodies', () => {
  for (const { name, url = '/v1/transactions', payload, headers = JSON_BODY, code, fields } of BODIES) {
    it(`answers ${code} to ${name}`, async () => {
      assertProblem(await api.inject({ method: 'POST', url, payload: payload(), headers }), code, fields);
      assert.equal(service.submitted.length, 0);
    });
  }

  it('takes no body without a type', async () => {
    assertProblem(await api.inject({ method: 'POST', url: '/v1/transactions' }), 'INVALID_BODY');
  });
});

describe('bad addresses', () => {
  for (const { url, code, fields } of URLS) {
    it(`answers ${code} to ${url.slice(0, 60)}`, async () => {
      assertProblem(await api.inject({ url }), code, fields);
    });
  }
});

describe('other methods', () => {
  for (const [method, url, allow] of [
    ['GET', '/v1/transactions', 'POST'],
    ['PUT', '/v1/transactions', 'POST'],
    ['OPTIONS', '/v1/transactions/batch', 'POST'],
    ['DELETE', '/v1/accounts/1', 'GET, HEAD'],
    ['POST', '/health', 'GET, HEAD'],
  ] as const) {
    it(`answers METHOD_NOT_ALLOWED to ${method} ${url}, whatever the body`, async () => {
      const response = await api.inject({
        method,
        url,
        ...(method === 'PUT' ? { payload: 'x', headers: { 'content-type': 'a/b' } } : {}),
      });
      assertProblem(response, 'METHOD_NOT_ALLOWED', { method });
      assert.equal(response.headers.allow, allow);
    });
  }

  it('answers METHOD_NOT_ALLOWED to every other method that HTTP has', async () => {
    for (const method of METHODS.filter((each) => !['GET', 'HEAD', 'CONNECT'].includes(each))) {
      const response = await api.inject({ method: method as 'POST', url: '/v1/blocks/1' });
      assertProblem(response, 'METHOD_NOT_ALLOWED', { method });
    }
  });

  it('answers a body without a type as what it is, where there is no route either', async () => {
    assertProblem(await api.inject({ method: 'QUERY' as 'POST', url: '/nowhere' }), 'UNSUPPORTED_MEDIA_TYPE');
  });

  it('answers HEAD with the headers of GET', async () => {
    const response = await api.inject({ method: 'HEAD', url: '/health' });
    assert.equal(response.statusCode, 200);
    assert.equal(response.body, '');
  });
});

describe('headers', () => {
  it('lets nobody keep an answer', async () => {
    const { headers } = await api.inject({ url: '/health' });
    assert.equal(headers['cache-control'], 'no-store');
    assert.equal(headers['x-content-type-options'], 'nosniff');
    assert.equal(headers['access-control-allow-origin'], undefined);
  });

  it('lets pages of the given origins read, and no others', async () => {
    const open = testApi(service, { corsOrigins: ['https://wallet.example'] });
    const from = async (origin: string) => (await open.inject({ url: '/health', headers: { origin } })).headers;
    assert.equal((await from('https://wallet.example'))['access-control-allow-origin'], 'https://wallet.example');
    assert.equal((await from('https://evil.example'))['access-control-allow-origin'], undefined);
    const asked = await open.inject({
      method: 'OPTIONS',
      url: '/v1/transactions',
      headers: { origin: 'https://wallet.example' },
    });
    assert.equal(asked.statusCode, 204);
    assert.equal(asked.headers['access-control-allow-methods'], 'GET, POST');
  });

  it('charges the range of the peer, or of the client that a trusted proxy names', async () => {
    const send = async (trusted: string[], remoteAddress: string) => {
      const target = testApi(service, { trustedProxies: trusted });
      const headers = { ...OCTETS, 'x-forwarded-for': '203.0.113.9' };
      service.sources.length = 0;
      await target.inject({ method: 'POST', url: '/v1/transactions', payload: toOctets(item), headers, remoteAddress });
      return service.sources[0];
    };
    assert.equal(await send([], '10.1.2.3'), '10.1.2.0/24');
    assert.equal(await send(['10.0.0.0/8'], '10.1.2.3'), '203.0.113.0/24');
    assert.equal(await send(['10.0.0.0/8'], '192.0.2.1'), '192.0.2.0/24');
  });
});
