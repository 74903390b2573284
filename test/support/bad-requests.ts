import { gzipSync } from 'node:zlib';
import type { Wallet } from '../../src/client/index.ts';
import type { SignedBody } from '../../src/types/payload.ts';
import { concatBytes, toHex } from '../../src/util/bytes.ts';

const OCTETS = 'application/octet-stream';
const JSON_TYPE = 'application/json';
const PATH = '/v1/transactions';
/** The largest body that the API reads. */
const FULL_BODY_BYTES = 4 * 1024 * 1024;

/** A request that any client library can send. */
export interface BadRequest {
  readonly name: string;
  readonly path?: string;
  readonly type?: string;
  readonly encoding?: string;
  readonly body?: Uint8Array | string;
  readonly status: number;
  readonly code: string;
}

export function badRequests(): BadRequest[] {
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
    {
      name: 'nesting of 4 MiB',
      type: JSON_TYPE,
      body: '['.repeat(FULL_BODY_BYTES),
      status: 400,
      code: 'JSON_LIMIT',
    },
    {
      name: 'a million empty objects',
      path: `${PATH}/batch`,
      type: JSON_TYPE,
      body: `[${'{},'.repeat(1_000_000)}{}]`,
      status: 400,
      code: 'JSON_LIMIT',
    },
    {
      name: 'a string of 4 MiB of quotation marks, each escaped',
      type: JSON_TYPE,
      body: `"${'\\"'.repeat(FULL_BODY_BYTES / 2 - 1)}"`,
      status: 400,
      code: 'INVALID_BODY',
    },
    {
      name: 'a string of 4 MiB of backslashes',
      type: JSON_TYPE,
      body: `"${'\\'.repeat(FULL_BODY_BYTES - 2)}"`,
      status: 400,
      code: 'INVALID_BODY',
    },
    {
      name: '512 MiB of zeros in 500 kB of gzip, as JSON',
      type: JSON_TYPE,
      encoding: 'gzip',
      body: bomb(),
      status: 400,
      code: 'INVALID_JSON',
    },
    {
      name: 'the same as a batch of bytes',
      path: `${PATH}/batch`,
      type: OCTETS,
      encoding: 'gzip',
      body: bomb(),
      status: 400,
      code: 'INVALID_FRAMING',
    },
    { name: 'another media type', type: 'text/plain', body: 'x', status: 415, code: 'UNSUPPORTED_MEDIA_TYPE' },
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
    { name: 'an id of 129 characters', path: `${PATH}/${'a'.repeat(129)}`, status: 414, code: 'URI_TOO_LONG' },
    { name: 'an id of 10 kB', path: `${PATH}/${'a'.repeat(10_000)}`, status: 414, code: 'URI_TOO_LONG' },
    { name: 'a path of 2,000 parts', path: '/v1'.repeat(2_000), status: 404, code: 'NOT_FOUND' },
    { name: 'a query of 10 kB', path: `/v1/blocks?from=${'1'.repeat(10_000)}`, status: 400, code: 'INVALID_QUERY' },
    { name: 'a path of bytes that are no UTF-8', path: `${PATH}/%ff%fe`, status: 400, code: 'BAD_REQUEST' },
    { name: 'a path that leads upwards', path: '/v1/../../etc/passwd', status: 404, code: 'NOT_FOUND' },
    { name: 'a path with a zero byte', path: `${PATH}/%00`, status: 400, code: 'INVALID_PARAMETER' },
    { name: 'a percent sign that encodes nothing', path: `${PATH}/%zz`, status: 400, code: 'BAD_REQUEST' },
  ];
}

/** From one good transaction, a thing broken in each. */
export async function badTransactions(wallet: Wallet): Promise<BadRequest[]> {
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

let packed: Uint8Array | undefined;

/** A thousandth of what it unpacks to. Nothing here unpacks it. */
function bomb(): Uint8Array {
  packed ??= gzipSync(new Uint8Array(512 * 1024 * 1024));
  return packed;
}
