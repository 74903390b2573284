import Type, { type Static, type TSchema } from 'typebox';
import { Check } from 'typebox/value';
import { MAX_TRANSACTION_BYTES, SIGNATURE_BYTES } from './limits.ts';
import {
  AsOfCommit,
  BLOCK_HEAD,
  Bytes,
  Count,
  DagBlockRef,
  hexText,
  Id,
  Name,
  strict,
  Text,
  U64,
} from './rest-shapes.ts';

/**
 * The JSON of the public API: one schema each for the type, the validation and the OpenAPI document. u64 are decimal strings and bytes
 * lower-case hexadecimal, because a JSON number is exact only below 2^53; counts, rounds, indices and times are integers below that.
 */

/** 46 batches of 8,192 transfers; held once per request in flight. */
export const MAX_BODY_BYTES = 4 * 1024 * 1024;
/** Length, a body of one byte and a signature: no more fit into the bytes of a request. */
export const MAX_BATCH_ITEMS = Math.floor(MAX_BODY_BYTES / (4 + 1 + SIGNATURE_BYTES));
/** Longest `timeoutMs` of a request that waits: shorter than the idle limit of usual proxies. */
export const MAX_WAIT_MS = 60_000;

export const Problem = Type.Object(
  {
    type: Type.String({ description: 'urn:av10:error: and the code' }),
    title: Text,
    status: Type.Integer({ minimum: 400, maximum: 599 }),
    detail: Text,
    code: Text,
    retryable: Type.Boolean({ description: 'whether the same request may succeed later, here or elsewhere' }),
    retryAfterMs: Type.Optional(Count),
    fields: Type.Record(Type.String(), Type.Union([Type.String(), Type.Number(), Type.Boolean()])),
  },
  { ...strict, title: 'Problem', description: 'RFC 9457 problem details' },
);
export type Problem = Static<typeof Problem>;

export const SignedTransaction = Type.Object(
  {
    body: hexText(1, MAX_TRANSACTION_BYTES - SIGNATURE_BYTES, 'the canonical bytes of the transaction'),
    signature: hexText(SIGNATURE_BYTES, SIGNATURE_BYTES, 'ML-DSA-87 signature over the whole body'),
  },
  { ...strict, title: 'SignedTransaction' },
);
export type SignedTransaction = Static<typeof SignedTransaction>;

export const SignedTransactions = Type.Array(SignedTransaction, { minItems: 1, maxItems: MAX_BATCH_ITEMS });
export type SignedTransactions = Static<typeof SignedTransactions>;

export const Receipt = Type.Object(
  {
    commit: Count,
    code: Text,
    kind: Text,
    sender: Type.Integer({ minimum: 0, description: 'account handle' }),
    nonce: U64,
    fee: U64,
    detail: Type.Integer({
      minimum: 0,
      description:
        'the handle of an opened account; of a batch the transfers that succeeded (PARTIAL) or the first that failed',
    }),
    transfers: Count,
    bitmap: Type.String({
      pattern: '^[0-9a-f]*$',
      description: 'PARTIAL only: bit i mod 8 of byte i div 8 is transfer i',
    }),
  },
  { ...strict, title: 'Receipt' },
);
export type Receipt = Static<typeof Receipt>;

export const Transaction = Type.Object(
  {
    commit: AsOfCommit,
    id: Id,
    level: Type.Enum(['accepted', 'included', 'final', 'certified', 'dropped']),
    block: Type.Optional(DagBlockRef),
    receipt: Type.Optional(Receipt),
    checkpoint: Type.Optional(Count),
    dropped: Type.Optional(Type.Object({ code: Text, retryable: Type.Boolean() }, strict)),
  },
  { ...strict, title: 'Transaction', description: 'docs/spec/finality.md says what each level promises' },
);
export type Transaction = Static<typeof Transaction>;

const Outcome = Type.Optional(Transaction);

export const Submitted = Type.Object(
  {
    id: Id,
    status: Type.Enum(['accepted', 'known'], { description: 'known: these bytes came before; nothing happens twice' }),
    transaction: Outcome,
  },
  { ...strict, title: 'Submitted', description: 'with how far the transaction is when it was known' },
);
export type Submitted = Static<typeof Submitted>;

export const SubmittedBatch = Type.Object(
  {
    results: Type.Array(
      Type.Object(
        {
          id: Type.Union([Id, Type.Null()], { description: 'null when the bytes are no transaction' }),
          status: Type.Enum(['accepted', 'known', 'refused']),
          transaction: Outcome,
          problem: Type.Optional(Problem),
        },
        strict,
      ),
      { description: 'one for each transaction, in the order sent' },
    ),
  },
  { ...strict, title: 'SubmittedBatch' },
);
export type SubmittedBatch = Static<typeof SubmittedBatch>;

/** The levels that a request can wait for. */
export type WaitLevel = 'included' | 'final' | 'certified';

const LEVELS: readonly Transaction['level'][] = ['accepted', 'included', 'final', 'certified'];

/** Whether waiting for `wanted` is over: the level is reached, or will not be because the transaction was dropped. */
export function endsWait(level: Transaction['level'], wanted: WaitLevel): boolean {
  return level === 'dropped' || LEVELS.indexOf(level) >= LEVELS.indexOf(wanted);
}

export const AccountProof = Type.Object(
  {
    checkpoint: Count,
    certificate: Type.String({ pattern: '^[0-9a-f]*$', description: 'statement and signatures of a quorum' }),
    page: Type.String({
      pattern: '^[0-9a-f]*$',
      description: 'the page of the account and its path to the accounts root',
    }),
  },
  { ...strict, title: 'AccountProof' },
);
export type AccountProof = Static<typeof AccountProof>;

export const Account = Type.Object(
  {
    commit: AsOfCommit,
    address: Id,
    handle: Count,
    keyVersion: Count,
    nextNonce: U64,
    frozen: Type.Boolean(),
    balances: Type.Array(Type.Object({ asset: Count, amount: U64 }, strict)),
    proof: Type.Optional(
      Type.Union([AccountProof, Type.Null()], {
        description: 'with proof=true; null while no certified checkpoint covers it',
      }),
    ),
  },
  { ...strict, title: 'Account' },
);
export type Account = Static<typeof Account>;

export const Block = Type.Object(
  {
    ...BLOCK_HEAD,
    dagBlocks: Type.Array(DagBlockRef),
    transactions: Type.Array(Id),
  },
  { ...strict, title: 'Block', description: 'a commit: what the network decided at one index' },
);
export type Block = Static<typeof Block>;

export const Checkpoint = Type.Object(
  {
    index: Count,
    epoch: Count,
    commit: Count,
    commitDigest: Id,
    timeMs: Count,
    previousDigest: Id,
    accountsRoot: Id,
    systemRoot: Id,
    resultsRoot: Id,
    paramsHash: Id,
    statement: Type.String({ pattern: '^[0-9a-f]*$', description: 'the canonical bytes that validators sign' }),
    certificate: Type.Union([Bytes, Type.Null()], { description: 'null until a quorum has signed' }),
  },
  { ...strict, title: 'Checkpoint' },
);
export type Checkpoint = Static<typeof Checkpoint>;

export const Validators = Type.Object(
  {
    commit: Count,
    totalPower: Count,
    quorum: Count,
    validity: Count,
    faultsTolerated: Type.Integer({ minimum: 0, description: 'voting power that may fail without a halt' }),
    validators: Type.Array(
      Type.Object(
        {
          author: Count,
          validatorId: Id,
          name: Name,
          power: Count,
          peerId: Name,
          address: Type.String({ maxLength: 256 }),
          own: Type.Boolean(),
          linked: Type.Boolean(),
          highestRound: Count,
          lastSeenMs: Type.Union([Type.Number(), Type.Null()]),
        },
        strict,
      ),
    ),
  },
  { ...strict, title: 'Validators' },
);
export type Validators = Static<typeof Validators>;

export const Network = Type.Object(
  {
    networkId: Id,
    genesis: Type.Record(Type.String(), Type.Unknown(), {
      description:
        'genesis.json; BLAKE3-256 of its canonical form (RFC 8785) is the network id, so a client can check it',
    }),
  },
  { ...strict, title: 'Network' },
);
export type Network = Static<typeof Network>;

const Flag = Type.Object({ ok: Type.Boolean(), code: Type.Optional(Text), reason: Type.Optional(Text) }, strict);

export const Readiness = Type.Object(
  { alive: Flag, synced: Flag, quorumProgressing: Flag, ableToSign: Flag, acceptingTransactions: Flag },
  { ...strict, title: 'Readiness' },
);
export type Readiness = Static<typeof Readiness>;

export const Health = Type.Object(
  {
    status: Type.Enum(['healthy', 'unhealthy']),
    tps: Type.Number({ minimum: 0, description: 'transfers a second, mean of the last 10 s' }),
    latency: Type.Number({
      minimum: 0,
      description: 'ms from submission to final, median of the last 100 submitted here; 0 if none',
    }),
    quantum_level: Type.Integer({
      minimum: 0,
      maximum: 5,
      description: 'lowest NIST category over keys and links in use',
    }),
    validators: Type.Integer({ minimum: 0, description: 'members seen of late' }),
    uptime: Type.Number({ minimum: 0, description: 'seconds' }),
  },
  { ...strict, title: 'Health' },
);
export type Health = Static<typeof Health>;

export const Live = Type.Object({ status: Type.Literal('alive') }, { ...strict, title: 'Live' });

const LinkTrouble = Type.Object({ code: Text, detail: Text, nextDialMs: Count }, strict);
const OpenVotes = Type.Object(
  {
    checkpoint: Count,
    timeMs: Count,
    agreeing: Type.Array(Count, { description: 'authors that signed the state of this node' }),
    differing: Type.Array(Count, { description: 'authors that signed another state' }),
    ownFailure: Type.Union([Text, Type.Null()], { description: 'why this node did not sign' }),
  },
  strict,
);

export const Status = Type.Object(
  {
    readiness: Readiness,
    health: Health,
    reasons: Type.Array(Type.Object({ condition: Text, code: Text, reason: Text }, strict), {
      description: 'why the health is not healthy, empty if it is',
    }),
    round: Count,
    gcRound: Count,
    lastProposedRound: Count,
    lastCommit: Count,
    lastExecuted: Count,
    lastCheckpoint: Count,
    lastCertified: Count,
    waiting: Type.Object(
      { reason: Text, awaiting: Type.Array(Count) },
      { ...strict, description: 'what the next own block waits for' },
    ),
    progress: Type.Object(
      {
        sinceCommitMs: Count,
        nextAttemptMs: Type.Integer({ minimum: 0, description: 'within which this node tries again by itself' }),
        clockOffMs: Type.Number({ description: "own clock against the others' blocks; 0 in good order" }),
        votes: Type.Union([OpenVotes, Type.Null()], { description: 'on the oldest checkpoint without a certificate' }),
      },
      strict,
    ),
    peers: Type.Array(
      Type.Object(
        {
          author: Count,
          name: Name,
          linked: Type.Boolean(),
          highestRound: Count,
          lastSeenMs: Type.Union([Type.Number(), Type.Null()]),
          queuedBytes: Count,
          trouble: Type.Union([LinkTrouble, Type.Null()], { description: 'why there is no link' }),
        },
        strict,
      ),
    ),
    posture: Type.Array(
      Type.Object(
        {
          subject: Text,
          purpose: Type.Enum(['identity', 'consensus', 'link-key', 'link', 'api', 'hash']),
          algorithm: Text,
          category: Type.Integer({ minimum: 0, maximum: 5, description: 'NIST security category, 0 for classical' }),
          since: Type.Optional(Type.Number()),
          note: Type.Optional(Text),
        },
        strict,
      ),
    ),
    mempool: Type.Object({ transactions: Count, bytes: Count }, strict),
    optimizer: Type.Enum(['unavailable', 'off']),
  },
  { ...strict, title: 'Status' },
);
export type Status = Static<typeof Status>;

export type Schema = TSchema;
export type Shape<S extends Schema> = Static<S>;

/** Whether a value has the shape of a schema: for what arrives, never for what the node made itself. */
export function matches<S extends Schema>(schema: S, value: unknown): value is Shape<S> {
  return Check(schema, value);
}
