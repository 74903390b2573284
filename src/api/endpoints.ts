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
import type { RestErrorCode } from '../types/rest-errors.ts';

/** A route of the public API: what it takes, answers and refuses. The server and the OpenAPI document are made from the same table. */
export interface Endpoint {
  readonly method: 'GET' | 'POST';
  /** With parameters as OpenAPI writes them. */
  readonly path: string;
  readonly summary: string;
  readonly params?: TObject;
  readonly query?: TObject;
  /** JSON of this shape, or bytes of that description. */
  readonly body?: { readonly json: TSchema; readonly binary: string };
  readonly answers: Readonly<Record<number, TSchema>>;
  /** Beyond those that every route has: `COMMON_ERRORS` of `src/api/openapi.ts`. */
  readonly errors: readonly RestErrorCode[];
}

const strict = { additionalProperties: false } as const;

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
    params: Type.Object({ id: Type.String({ pattern: '^[0-9a-f]{64}$' }) }, strict),
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
  getAccount: {
    method: 'GET',
    path: '/v1/accounts/{account}',
    summary: 'An account by address or handle; with proof, provable against a checkpoint',
    params: Type.Object({ account: Type.String({ pattern: '^([0-9a-f]{64}|0|[1-9][0-9]{0,9})$' }) }, strict),
    query: Type.Object({ proof: Type.Optional(Type.Enum(['true', 'false'])) }, strict),
    answers: { 200: Account },
    errors: ['ACCOUNT_UNKNOWN'],
  },
  getBlock: {
    method: 'GET',
    path: '/v1/blocks/{block}',
    summary: 'A block (a commit) by height or hash, or the latest',
    params: Type.Object({ block: Type.String({ pattern: '^(latest|[0-9a-f]{64}|0|[1-9][0-9]{0,15})$' }) }, strict),
    answers: { 200: Block },
    errors: ['BLOCK_UNKNOWN'],
  },
  getCheckpoint: {
    method: 'GET',
    path: '/v1/checkpoints/{checkpoint}',
    summary: 'A checkpoint by index, or the latest that is certified',
    params: Type.Object({ checkpoint: Type.String({ pattern: '^(latest|0|[1-9][0-9]{0,15})$' }) }, strict),
    answers: { 200: Checkpoint },
    errors: ['CHECKPOINT_UNKNOWN'],
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
  readonly body: BodyOf<Endpoints[Id]>;
  /** Who is charged for the work: the range of addresses that the request comes from. */
  readonly source: string;
}

export type Answer<Id extends OperationId> = AnswerOf<Endpoints[Id]['answers']>;
/** Throws RestError for everything that is not an answer. */
export type Handler<Id extends OperationId> = (input: Input<Id>) => Answer<Id> | Promise<Answer<Id>>;
export type Handlers = { readonly [Id in OperationId]: Handler<Id> };
