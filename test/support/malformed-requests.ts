import type { RawAnswer } from './raw-http.ts';

/** Bytes that no client library sends, and what must come back. */
export interface MalformedRequest {
  readonly name: string;
  readonly bytes: Uint8Array | string;
  readonly answers: readonly RawAnswer[];
  /** Whether the server must end the connection: behind bytes that it could not read nobody knows where the next request begins. */
  readonly closes: boolean;
  /** The server ends the connection while the client still sends: the answer may be lost on the way, as TCP has it. */
  readonly mayBeLost?: true;
}

const LIVE = 'GET /live HTTP/1.1\r\nHost: a\r\n\r\n';
/** What an attacker wants another server to take for a request of somebody else. */
const HIDDEN = 'GET /v1/hidden HTTP/1.1\r\nHost: a\r\n\r\n';
const OK: RawAnswer = { status: 200, code: '' };
const REFUSED: RawAnswer = { status: 400, code: 'BAD_REQUEST' };
const TOO_LARGE: RawAnswer = { status: 431, code: 'HEADERS_TOO_LARGE' };
const UNREADABLE = { answers: [REFUSED], closes: true } as const;
const GOES_ON = { closes: false } as const;

const get = (...headers: readonly string[]): string =>
  ['GET /live HTTP/1.1', 'Host: a', ...headers, '', ''].join('\r\n');
const post = (headers: readonly string[], body: string): string =>
  ['POST /v1/transactions HTTP/1.1', 'Host: a', 'Content-Type: application/json', ...headers, '', body].join('\r\n');

/** Requests that two servers in a row might divide differently. */
const SMUGGLING: readonly MalformedRequest[] = [
  {
    name: 'a length and chunks',
    bytes: post(['Content-Length: 4', 'Transfer-Encoding: chunked'], `0\r\n\r\n${HIDDEN}`),
    ...UNREADABLE,
  },
  {
    name: 'chunks and a length',
    bytes: post(['Transfer-Encoding: chunked', 'Content-Length: 4'], `0\r\n\r\n${HIDDEN}`),
    ...UNREADABLE,
  },
  { name: 'two lengths', bytes: post(['Content-Length: 0', 'Content-Length: 38'], HIDDEN), ...UNREADABLE },
  { name: 'the same length twice', bytes: post(['Content-Length: 0', 'Content-Length: 0'], HIDDEN), ...UNREADABLE },
  { name: 'two lengths in one header', bytes: post(['Content-Length: 0, 38'], HIDDEN), ...UNREADABLE },
  { name: 'a negative length', bytes: post(['Content-Length: -1'], HIDDEN), ...UNREADABLE },
  { name: 'a length with a sign', bytes: post(['Content-Length: +38'], HIDDEN), ...UNREADABLE },
  { name: 'a length in hexadecimal', bytes: post(['Content-Length: 0x26'], HIDDEN), ...UNREADABLE },
  { name: 'a length of 2^64', bytes: post(['Content-Length: 18446744073709551616'], HIDDEN), ...UNREADABLE },
  { name: 'a length behind a space', bytes: post(['Content-Length : 38'], HIDDEN), ...UNREADABLE },
  {
    name: 'an unknown coding',
    bytes: post(['Transfer-Encoding: xchunked'], `0\r\n\r\n${HIDDEN}`),
    ...UNREADABLE,
  },
  {
    name: 'chunks that are not the last coding',
    bytes: post(['Transfer-Encoding: chunked, identity'], `0\r\n\r\n${HIDDEN}`),
    ...UNREADABLE,
  },
  {
    name: 'chunks twice',
    bytes: post(['Transfer-Encoding: chunked', 'Transfer-Encoding: chunked'], `0\r\n\r\n${HIDDEN}`),
    ...UNREADABLE,
  },
  { name: 'a chunk of no number', bytes: post(['Transfer-Encoding: chunked'], `zz\r\n${HIDDEN}`), ...UNREADABLE },
  {
    name: 'a chunk of 2^68 bytes',
    bytes: post(['Transfer-Encoding: chunked'], `fffffffffffffffff\r\n${HIDDEN}`),
    ...UNREADABLE,
  },
  {
    name: 'a chunk that ends elsewhere than it says',
    bytes: post(['Transfer-Encoding: chunked'], `2\r\n{}GET\r\n0\r\n\r\n${HIDDEN}`),
    ...UNREADABLE,
  },
  { name: 'a header that goes on in the next line', bytes: get('X-A: b', ' c: d'), ...UNREADABLE },
  { name: 'lines that end without carriage return', bytes: 'GET /live HTTP/1.1\nHost: a\n\n', ...UNREADABLE },
  { name: 'a carriage return within a header', bytes: get('X-A: b\rContent-Length: 38'), ...UNREADABLE },
  { name: 'a zero byte within a header', bytes: get('X-A: b\0c'), ...UNREADABLE },
  { name: 'a header without a name', bytes: get(': b'), ...UNREADABLE },
  { name: 'a space within the name of a header', bytes: get('X A: b'), ...UNREADABLE },
  { name: 'no host', bytes: 'GET /live HTTP/1.1\r\n\r\n', ...UNREADABLE },
  { name: 'two hosts', bytes: get('Host: b'), ...UNREADABLE },
];

const HEADS: readonly MalformedRequest[] = [
  { name: 'headers of 17 kB', bytes: get(`X-Long: ${'a'.repeat(17_000)}`), answers: [TOO_LARGE], closes: true },
  {
    name: 'headers of 100 MB',
    bytes: get(`X-Long: ${'a'.repeat(100_000_000)}`),
    answers: [TOO_LARGE],
    closes: true,
    mayBeLost: true,
  },
  { name: '4,000 headers', bytes: get(...new Array<string>(4_000).fill('a: b')), answers: [TOO_LARGE], closes: true },
  {
    name: 'a path of 20 kB',
    bytes: LIVE.replace('/live', `/${'a'.repeat(20_000)}`),
    answers: [TOO_LARGE],
    closes: true,
  },
  {
    name: 'bytes of a path that are no ASCII',
    bytes: Buffer.from(LIVE.replace('/live', '/l\xffve'), 'latin1'),
    ...UNREADABLE,
  },
  { name: 'chance', bytes: Uint8Array.from({ length: 4_096 }, (_, i) => (i * 2_654_435_761) >>> 13), ...UNREADABLE },
  { name: 'the beginning of TLS', bytes: Uint8Array.of(22, 3, 1, 0, 200, 1, 0, 0, 196, 3, 3), ...UNREADABLE },
  { name: 'the beginning of HTTP/2', bytes: 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n', ...UNREADABLE },
  { name: 'a version that is none', bytes: LIVE.replace('1.1', '9.9'), ...UNREADABLE },
  { name: 'a method that is none', bytes: LIVE.replace('GET', 'GRAB'), ...UNREADABLE },
  { name: 'a tunnel', bytes: 'CONNECT a:1 HTTP/1.1\r\nHost: a:1\r\n\r\n', answers: [], closes: true },
  {
    name: 'an expectation that is none',
    bytes: get('Expect: a miracle'),
    answers: [OK],
    ...GOES_ON,
  },
  {
    name: 'a wish for another protocol',
    bytes: get('Connection: Upgrade', 'Upgrade: websocket'),
    answers: [OK],
    ...GOES_ON,
  },
  {
    name: 'TRACE, which would give headers back',
    bytes: LIVE.replace('GET', 'TRACE'),
    answers: [{ status: 405, code: 'METHOD_NOT_ALLOWED' }],
    ...GOES_ON,
  },
  {
    name: 'an address of another server',
    bytes: LIVE.replace('/live', 'http://b/live'),
    answers: [OK],
    ...GOES_ON,
  },
];

const PIPELINES: readonly MalformedRequest[] = [
  { name: '1,000 requests in one piece', bytes: LIVE.repeat(1_000), answers: new Array(1_000).fill(OK), ...GOES_ON },
  {
    name: 'a request behind one with a body',
    bytes: post(['Content-Length: 2'], '{}') + LIVE,
    answers: [{ status: 400, code: 'INVALID_BODY' }, OK],
    ...GOES_ON,
  },
  {
    name: 'a request behind one in chunks',
    bytes: post(['Transfer-Encoding: chunked'], '1\r\n{\r\n1\r\n}\r\n0\r\n\r\n') + LIVE,
    answers: [{ status: 400, code: 'INVALID_BODY' }, OK],
    ...GOES_ON,
  },
  {
    name: 'bytes that are none behind a request, which is not answered any more',
    bytes: `${LIVE}nothing\r\n\r\n${HIDDEN}`,
    answers: [REFUSED],
    closes: true,
  },
  {
    name: 'a body of 100 MB',
    bytes: post(['Content-Length: 100000000'], ' '.repeat(100_000_000)),
    answers: [{ status: 413, code: 'BODY_TOO_LARGE' }],
    closes: true,
    mayBeLost: true,
  },
  {
    name: 'a request behind a body that is too large',
    bytes: post([`Content-Length: ${5 * 1024 * 1024}`], `${' '.repeat(5 * 1024 * 1024)}${LIVE}`),
    answers: [{ status: 413, code: 'BODY_TOO_LARGE' }],
    closes: true,
    mayBeLost: true,
  },
];

export const MALFORMED: readonly MalformedRequest[] = [...SMUGGLING, ...HEADS, ...PIPELINES];
