/** What a refusal means to a client: its HTTP status, whether the same request may succeed later, and a constant sentence. */
export interface RestErrorSpec {
  readonly status: number;
  readonly retryable: boolean;
  readonly title: string;
}

/**
 * Every code the public API can answer with: docs/api.md. Codes are never renamed or reused; programs read the code, people the title.
 * No fault of a request has a status from 500 on: those say that this node cannot serve, and that another one may.
 */
export const REST_ERRORS = {
  BAD_REQUEST: spec(400, false, 'The request is not valid HTTP'),
  INVALID_JSON: spec(400, false, 'The body is not JSON in UTF-8'),
  JSON_LIMIT: spec(400, false, 'The JSON of the body has too many levels or parts'),
  DUPLICATE_KEY: spec(400, false, 'An object of the body names a key twice'),
  INVALID_BODY: spec(400, false, 'The body does not have the shape that this route takes'),
  INVALID_FRAMING: spec(400, false, 'The binary body is not framed as this route takes it'),
  INVALID_PARAMETER: spec(400, false, 'A part of the path is not of the form that this route takes'),
  INVALID_QUERY: spec(400, false, 'A query parameter is unknown or not of the form that this route takes'),
  INVALID_HEADER: spec(400, false, 'A header is not of the form that this route takes'),
  NOT_FOUND: spec(404, false, 'There is no such route'),
  METHOD_NOT_ALLOWED: spec(405, false, 'The route does not take this method'),
  REQUEST_TIMEOUT: spec(408, true, 'The request did not arrive in time'),
  BODY_TOO_LARGE: spec(413, false, 'The body is larger than the limit'),
  URI_TOO_LONG: spec(414, false, 'A part of the path is longer than the limit'),
  UNSUPPORTED_MEDIA_TYPE: spec(415, false, 'The route takes application/octet-stream or application/json'),
  HEADERS_TOO_LARGE: spec(431, false, 'The headers are larger than the limit'),

  TRANSACTION_UNKNOWN: spec(404, true, 'This node knows no transaction of this id'),
  ACCOUNT_UNKNOWN: spec(404, true, 'There is no such account up to the commit named'),
  BLOCK_UNKNOWN: spec(404, true, 'This node holds no such block'),
  CHECKPOINT_UNKNOWN: spec(404, true, 'This node holds no such checkpoint'),
  CONTENT_UNKNOWN: spec(404, true, 'The transaction is not final here, or its block is no longer kept'),
  TRANSFER_UNKNOWN: spec(404, false, 'The transaction has no such transfer'),
  EVENTS_GONE: spec(410, false, 'The events after this id are no longer kept here'),
  RATE_LIMITED: spec(429, true, 'Too many requests from this range of addresses'),
  TOO_MANY_STREAMS: spec(429, true, 'Too many event streams are open'),
  SLOW_READER: spec(408, true, 'The events were not read in time; the stream goes on behind the last id'),
  TOO_MANY_WAITERS: spec(429, true, 'Too many requests wait for transactions; ask again without wait'),

  TOO_LARGE: spec(413, false, 'The transaction is larger than the limit'),
  TRUNCATED: spec(400, false, 'The transaction ends early'),
  TRAILING_BYTES: spec(400, false, 'Bytes follow the end of the transaction'),
  LIMIT: spec(400, false, 'A count or length of the transaction is above its limit'),
  NON_CANONICAL: spec(400, false, 'The transaction is not in its one canonical form'),
  BAD_SIGNATURE: spec(422, false, 'The signature does not verify for this body, key and network'),
  UNKNOWN_SENDER: spec(422, true, 'The sender has no account'),
  UNKNOWN_KEY: spec(422, true, 'The sender has no key of this version'),
  KEY_ROTATED: spec(422, false, 'The sender signs with another key version by now'),
  NONCE_USED: spec(409, false, 'The nonce is used up'),
  NONCE_TOO_FAR: spec(409, true, "The nonce is too far ahead of the sender's next one"),
  SLOT_TAKEN: spec(
    409,
    true,
    'Another transaction of the sender waits with this nonce; only twice its fee replaces it',
  ),
  EXPIRED: spec(422, false, 'The transaction has expired'),
  EXPIRY_TOO_FAR: spec(422, true, 'The expiry is further ahead than the network allows'),
  FEE_TOO_LOW: spec(422, false, 'The fee is below what the network asks'),
  BALANCE_TOO_LOW: spec(422, true, 'The sender cannot pay'),
  BUSY: spec(429, true, 'The node has no capacity for this now'),
  SENDER_LIMIT: spec(429, true, 'Too much of this sender waits already'),
  MEMPOOL_FULL: spec(429, true, 'Too much waits already'),

  STOPPING: spec(503, true, 'The node is stopping'),
  INTERNAL: spec(500, true, 'The node failed; its log says why'),
} as const satisfies Readonly<Record<string, RestErrorSpec>>;

export type RestErrorCode = keyof typeof REST_ERRORS;

export function isRestErrorCode(code: string): code is RestErrorCode {
  return Object.hasOwn(REST_ERRORS, code);
}

function spec(status: number, retryable: boolean, title: string): RestErrorSpec {
  return { status, retryable, title };
}
