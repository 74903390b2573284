import type { Readable } from 'node:stream';
import Type, { type Static, type TObject, type TSchema } from 'typebox';
import {
  Account,
  Block,
  Checkpoint,
  Health,
  Live,
  MAX_WAIT_MS,
  Network,
  Readiness,
  SignedTransaction,
  SignedTransactions,
  Status,
  Submitted,
  SubmittedBatch,
  Transaction,
  Validators,
} from '../types/rest.ts';
import {
  AccountTransactions,
  Batch,
  Blocks,
  Checkpoints,
  CURSOR_PATTERN,
  Evidence,
  MAX_PAGE_ITEMS,
  MAX_PAGE_TRANSFERS,
  SingleTransfer,
  Statistics,
} from '../types/rest-chain.ts';
import type { RestErrorCode } from '../types/rest-errors.ts';
import { EVENT_ID_PATTERN, EVENT_KINDS } from '../types/rest-events.ts';
import { KIND_NUMBERS, type TransactionKind } from '../types/transaction.ts';

/** A route of the public API: what it takes, answers and refuses. The server and the OpenAPI document are made from the same table. */
export interface Endpoint {
  readonly method: 'GET' | 'POST';
  /** With parameters as OpenAPI writes them. */
  readonly path: string;
  readonly summary: string;
  readonly params?: TObject;
  readonly query?: TObject;
  /** Request headers that mean something here, in lower case. */
  readonly headers?: TObject;
  /** JSON of this shape, or bytes of that description. */
  readonly body?: { readonly json: TSchema; readonly binary: string };
  readonly answers: Readonly<Record<number, TSchema>>;
  /** Of the answer with 200, JSON unless named. */
  readonly media?: 'text/html' | 'text/event-stream';
  /** The answer has an ETag and may be kept, if it is asked for again with `if-none-match`. */
  readonly hasEtag?: true;
  /** Beyond those that every route has: `COMMON_ERRORS` of `src/api/openapi.ts`. */
  readonly errors: readonly RestErrorCode[];
}

const strict = { additionalProperties: false } as const;

const NUMBER_PATTERN = '^(0|[1-9][0-9]{0,15})$';
const ACCOUNT_PATTERN = '^([0-9a-f]{64}|0|[1-9][0-9]{0,9})$';
const TransactionIdText = Type.String({ pattern: '^[0-9a-f]{64}$' });
const From = Type.Optional(Type.String({ pattern: NUMBER_PATTERN, description: 'the first one of the page' }));

/** A whole number in a query is text of digits. */
function limitUpTo(maximum: number) {
  const description = `at most ${maximum}; ${maximum} unless given`;
  return Type.Optional(Type.String({ pattern: '^[1-9][0-9]{0,3}$', description }));
}

/** A stream that the server sends as it comes. */
const EventText = Type.Unsafe<Readable>(
  Type.String({ description: 'server-sent events; the data of each kind has the schema that x-events names' }),
);

const ADMISSION_ERRORS = [
  'TOO_LARGE',
  'TRUNCATED',
  'TRAILING_BYTES',
  'LIMIT',
  'NON_CANONICAL',
  'BAD_SIGNATURE',
  'UNKNOWN_SENDER',
  'UNKNOWN_KEY',
  'KEY_ROTATED',
  'NONCE_USED',
  'NONCE_TOO_FAR',
  'SLOT_TAKEN',
  'EXPIRED',
  'EXPIRY_TOO_FAR',
  'FEE_TOO_LOW',
  'BALANCE_TOO_LOW',
  'BUSY',
  'SENDER_LIMIT',
  'MEMPOOL_FULL',
] as const satisfies readonly RestErrorCode[];

export const ENDPOINTS = {
  submitTransaction: {
    method: 'POST',
    path: '/v1/transactions',
    summary: 'Submit a signed transaction',
    body: { json: SignedTransaction, binary: 'body, then signature (4,627 bytes)' },
    answers: { 202: Submitted },
    errors: ['INVALID_BODY', 'INVALID_FRAMING', ...ADMISSION_ERRORS],
  },
  submitTransactions: {
    method: 'POST',
    path: '/v1/transactions/batch',
    summary: 'Submit many signed transactions; each gets a result of its own',
    body: {
      json: SignedTransactions,
      binary: 'for each transaction: length as u32 little-endian, then body and signature (4,627 bytes)',
    },
    answers: { 200: SubmittedBatch },
    errors: ['INVALID_BODY', 'INVALID_FRAMING'],
  },
  getTransaction: {
    method: 'GET',
    path: '/v1/transactions/{id}',
    summary: 'How far a transaction is; with wait, answers at that level, when it is dropped, or when the time is over',
    params: Type.Object({ id: TransactionIdText }, strict),
    query: Type.Object(
      {
        wait: Type.Optional(Type.Enum(['included', 'final', 'certified'])),
        timeoutMs: Type.Optional(
          Type.String({ pattern: '^[0-9]{1,5}$', description: `at most ${MAX_WAIT_MS}; 10000 unless given` }),
        ),
      },
      strict,
    ),
    answers: { 200: Transaction },
    errors: ['TRANSACTION_UNKNOWN', 'TOO_MANY_WAITERS'],
  },
  getTransfers: {
    method: 'GET',
    path: '/v1/transactions/{id}/transfers',
    summary: 'The transfers of a batch that is final, a page at a time, each with whether it was made',
    params: Type.Object({ id: TransactionIdText }, strict),
    query: Type.Object({ from: From, limit: limitUpTo(MAX_PAGE_TRANSFERS) }, strict),
    answers: { 200: Batch },
    hasEtag: true,
    errors: ['TRANSACTION_UNKNOWN', 'CONTENT_UNKNOWN', 'TRANSFER_UNKNOWN'],
  },
  getTransfer: {
    method: 'GET',
    path: '/v1/transactions/{id}/transfers/{index}',
    summary: 'One transfer of a batch that is final',
    params: Type.Object({ id: TransactionIdText, index: Type.String({ pattern: '^(0|[1-9][0-9]{0,3})$' }) }, strict),
    answers: { 200: SingleTransfer },
    hasEtag: true,
    errors: ['TRANSACTION_UNKNOWN', 'CONTENT_UNKNOWN', 'TRANSFER_UNKNOWN'],
  },
  getAccount: {
    method: 'GET',
    path: '/v1/accounts/{account}',
    summary: 'An account by address or handle; with proof, provable against a checkpoint',
    params: Type.Object({ account: Type.String({ pattern: ACCOUNT_PATTERN }) }, strict),
    query: Type.Object({ proof: Type.Optional(Type.Enum(['true', 'false'])) }, strict),
    answers: { 200: Account },
    errors: ['ACCOUNT_UNKNOWN'],
  },
  getAccountTransactions: {
    method: 'GET',
    path: '/v1/accounts/{account}/transactions',
    summary: 'The final transactions of an account, the newest first; pages stay the same while blocks are added',
    params: Type.Object({ account: Type.String({ pattern: ACCOUNT_PATTERN }) }, strict),
    query: Type.Object(
      {
        cursor: Type.Optional(Type.String({ pattern: CURSOR_PATTERN, description: '`next` of the page before' })),
        limit: limitUpTo(MAX_PAGE_ITEMS),
        fromMs: Type.Optional(Type.String({ pattern: NUMBER_PATTERN, description: 'of blocks of this time or later' })),
        toMs: Type.Optional(Type.String({ pattern: NUMBER_PATTERN, description: 'of blocks of this time or earlier' })),
        kind: Type.Optional(Type.Enum(Object.keys(KIND_NUMBERS) as TransactionKind[])),
        counterparty: Type.Optional(
          Type.String({ pattern: ACCOUNT_PATTERN, description: 'paid by the account, or paying it' }),
        ),
      },
      strict,
    ),
    answers: { 200: AccountTransactions },
    errors: ['ACCOUNT_UNKNOWN', 'BUSY'],
  },
  getBlock: {
    method: 'GET',
    path: '/v1/blocks/{block}',
    summary: 'A block (a commit) by height or hash, or the latest',
    params: Type.Object({ block: Type.String({ pattern: '^(latest|[0-9a-f]{64}|0|[1-9][0-9]{0,15})$' }) }, strict),
    answers: { 200: Block },
    hasEtag: true,
    errors: ['BLOCK_UNKNOWN'],
  },
  getBlocks: {
    method: 'GET',
    path: '/v1/blocks',
    summary: 'A range of blocks without their transactions: from a height on, of one round, or the newest',
    query: Type.Object(
      {
        from: From,
        round: Type.Optional(Type.String({ pattern: NUMBER_PATTERN, description: 'of the leader; without from' })),
        limit: limitUpTo(MAX_PAGE_ITEMS),
      },
      strict,
    ),
    answers: { 200: Blocks },
    errors: [],
  },
  getCheckpoint: {
    method: 'GET',
    path: '/v1/checkpoints/{checkpoint}',
    summary: 'A checkpoint by index, or the latest that is certified',
    params: Type.Object({ checkpoint: Type.String({ pattern: '^(latest|0|[1-9][0-9]{0,15})$' }) }, strict),
    answers: { 200: Checkpoint },
    hasEtag: true,
    errors: ['CHECKPOINT_UNKNOWN'],
  },
  getCheckpoints: {
    method: 'GET',
    path: '/v1/checkpoints',
    summary: 'A range of the checkpoints that this node keeps: from an index on, or the newest',
    query: Type.Object({ from: From, limit: limitUpTo(MAX_PAGE_ITEMS) }, strict),
    answers: { 200: Checkpoints },
    errors: [],
  },
  getEvents: {
    method: 'GET',
    path: '/v1/events',
    summary: 'What becomes final, as server-sent events; goes on behind last-event-id, on any validator',
    query: Type.Object(
      {
        kinds: Type.Optional(
          Type.String({
            pattern: `^(${EVENT_KINDS.join('|')})(,(${EVENT_KINDS.join('|')}))*$`,
            maxLength: 64,
            description: `of ${EVENT_KINDS.join(', ')}; all that can be had unless given`,
          }),
        ),
        account: Type.Optional(
          Type.String({
            pattern: ACCOUNT_PATTERN,
            description: 'its own transactions, and the transfers that reach it; transfer events need it',
          }),
        ),
        after: Type.Optional(Type.String({ pattern: EVENT_ID_PATTERN, description: 'as last-event-id' })),
      },
      strict,
    ),
    headers: Type.Object({ 'last-event-id': Type.Optional(Type.String({ pattern: EVENT_ID_PATTERN })) }),
    answers: { 200: EventText },
    media: 'text/event-stream',
    errors: ['ACCOUNT_UNKNOWN', 'EVENTS_GONE', 'TOO_MANY_STREAMS', 'SLOW_READER'],
  },
  getStatistics: {
    method: 'GET',
    path: '/v1/statistics',
    summary: 'What this node has counted since it started, and the accounts that exist',
    answers: { 200: Statistics },
    errors: [],
  },
  getEvidence: {
    method: 'GET',
    path: '/v1/evidence',
    summary: 'Proofs that a member signed two different blocks for one round',
    answers: { 200: Evidence },
    errors: [],
  },
  getValidators: {
    method: 'GET',
    path: '/v1/validators',
    summary: 'The committee, its thresholds and what this node sees of its members',
    answers: { 200: Validators },
    errors: [],
  },
  getNetwork: {
    method: 'GET',
    path: '/v1/network',
    summary:
      'What a client must know of the network: its genesis with parameters, assets and the keys of the validators',
    answers: { 200: Network },
    hasEtag: true,
    errors: [],
  },
  getStatus: {
    method: 'GET',
    path: '/v1/status',
    summary: 'Everything this node can say of itself',
    answers: { 200: Status },
    errors: [],
  },
  getHealth: {
    method: 'GET',
    path: '/health',
    summary: 'Six measured values; 503 when unhealthy',
    answers: { 200: Health, 503: Health },
    errors: [],
  },
  getReadiness: {
    method: 'GET',
    path: '/ready',
    summary: 'Five booleans, each with a reason when false; 503 unless all are true',
    answers: { 200: Readiness, 503: Readiness },
    errors: [],
  },
  getLiveness: {
    method: 'GET',
    path: '/live',
    summary: 'Answers as long as the process does',
    answers: { 200: Live },
    errors: [],
  },
  getOpenApi: {
    method: 'GET',
    path: '/v1/openapi.json',
    summary: 'This description',
    answers: { 200: Type.Record(Type.String(), Type.Unknown()) },
    hasEtag: true,
    errors: [],
  },
  getDocumentation: {
    method: 'GET',
    path: '/v1/docs',
    summary: 'This description as a page for people',
    answers: { 200: Type.String() },
    media: 'text/html',
    hasEtag: true,
    errors: [],
  },
} as const satisfies Readonly<Record<string, Endpoint>>;

type Endpoints = typeof ENDPOINTS;
export type OperationId = keyof Endpoints;

type PartOf<E, Part extends string> = E extends { readonly [key in Part]: infer Schema extends TSchema }
  ? Static<Schema>
  : undefined;
type BodyOf<E> = E extends { readonly body: { readonly json: infer Schema extends TSchema } }
  ? Static<Schema> | Uint8Array
  : undefined;
type AnswerOf<Answers> = {
  [Code in keyof Answers]: Answers[Code] extends TSchema ? { status: Code; body: Static<Answers[Code]> } : never;
}[keyof Answers];

/** A request whose parts have been checked against the endpoint's schemas. */
export interface Input<Id extends OperationId> {
  readonly params: PartOf<Endpoints[Id], 'params'>;
  readonly query: PartOf<Endpoints[Id], 'query'>;
  readonly headers: PartOf<Endpoints[Id], 'headers'>;
  readonly body: BodyOf<Endpoints[Id]>;
  /** Who is charged for the work: the range of addresses that the request comes from. */
  readonly source: string;
}

export type Answer<Id extends OperationId> = AnswerOf<Endpoints[Id]['answers']>;
/** Throws RestError for everything that is not an answer. */
export type Handler<Id extends OperationId> = (input: Input<Id>) => Answer<Id> | Promise<Answer<Id>>;
export type Handlers = { readonly [Id in OperationId]: Handler<Id> };
