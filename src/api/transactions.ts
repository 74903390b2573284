import type { Chain, NodeService, Submission, TransactionStatus } from '../replica/service.ts';
import { id, type TransactionId } from '../types/ids.ts';
import { SIGNATURE_BYTES } from '../types/limits.ts';
import type { SignedBody } from '../types/payload.ts';
import {
  endsWait,
  MAX_WAIT_MS,
  type SignedTransaction,
  type Submitted,
  type SubmittedBatch,
  type WaitLevel,
} from '../types/rest.ts';
import { ByteReader } from '../util/byte-reader.ts';
import { fromHex, isHex } from '../util/bytes.ts';
import { isCoded } from '../util/errors.ts';
import type { ChainReads } from './chain-reads.ts';
import type { Handlers } from './endpoints.ts';
import { RefusedError, RestError } from './errors.ts';
import { refusalProblem } from './problem.ts';
import { transactionView } from './views.ts';
import type { Waiters } from './waiters.ts';

const DEFAULT_WAIT_MS = 10_000;

type Taken = Exclude<Submission, { status: 'refused' }>;
type TransactionHandlers = Pick<Handlers, 'submitTransaction' | 'submitTransactions' | 'getTransaction'>;

export function transactionHandlers(service: NodeService, reads: ChainReads, waiters: Waiters): TransactionHandlers {
  return {
    async submitTransaction({ body, source }) {
      const item = body instanceof Uint8Array ? splitSigned(body) : fromJson(body);
      const [submission] = await service.submit([item], source);
      if (submission === undefined) throw new RestError('INTERNAL', 'no result for the transaction');
      if (submission.status === 'refused') throw new RefusedError(submission.refusal);
      return { status: 202, body: taken(service, submission) };
    },
    async submitTransactions({ body, source }) {
      const items = body instanceof Uint8Array ? splitBatch(body) : body.map(fromJson);
      const submissions = await service.submit(items, source);
      return { status: 200, body: { results: submissions.map((submission) => batchResult(service, submission)) } };
    },
    async getTransaction({ params, query }) {
      const txId = id<TransactionId>(params.id);
      const known = await find(service, waiters, txId, query);
      // Before anything else is awaited: what becomes final meanwhile is not spoken of.
      const { contentThrough: commit } = service.chain;
      const status = known ?? (await reads.transaction(txId));
      if (status === undefined) {
        const fields = { id: txId, commit, ...(await knownSince(service.chain)) };
        throw new RestError('TRANSACTION_UNKNOWN', 'not known here, or no longer', fields);
      }
      return { status: 200, body: transactionView(status, service.chain.lastFinal) };
    },
  };
}

async function find(
  service: NodeService,
  waiters: Waiters,
  txId: TransactionId,
  query: { wait?: WaitLevel; timeoutMs?: string },
): Promise<TransactionStatus | undefined> {
  const { wait } = query;
  const timeoutMs = Number(query.timeoutMs ?? DEFAULT_WAIT_MS);
  if (timeoutMs > MAX_WAIT_MS) {
    throw new RestError('INVALID_QUERY', `timeoutMs is at most ${MAX_WAIT_MS}`, {
      parameter: 'timeoutMs',
      limit: MAX_WAIT_MS,
    });
  }
  const now = service.transaction(txId);
  if (wait === undefined || now === undefined || endsWait(now.level, wait)) return now;
  return (await waiters.until(() => service.waitFor(txId, wait, timeoutMs))) ?? service.transaction(txId);
}

/** What of `commit` a client needs to know: a transaction that may be older than this can have been applied and forgotten. */
async function knownSince(chain: Chain): Promise<{ readonly knownSinceMs?: number }> {
  const knownSinceMs = await chain.knownSinceMs();
  return Number.isFinite(knownSinceMs) ? { knownSinceMs } : {};
}

/** What came before is answered with how far it is by now. */
function taken(service: NodeService, { id, status }: Taken): Submitted {
  const known = status === 'known' ? service.transaction(id) : undefined;
  return known === undefined
    ? { id, status }
    : { id, status, transaction: transactionView(known, service.chain.lastFinal) };
}

function batchResult(service: NodeService, submission: Submission): SubmittedBatch['results'][number] {
  if (submission.status !== 'refused') return taken(service, submission);
  return { id: submission.id ?? null, status: 'refused', problem: refusalProblem(submission.refusal) };
}

function fromJson({ body, signature }: SignedTransaction): SignedBody {
  if (!isHex(body)) throw new RestError('INVALID_BODY', 'body has an odd number of digits', { path: '/body' });
  return { body: fromHex(body), signature: fromHex(signature) };
}

function splitSigned(bytes: Uint8Array): SignedBody {
  const bodyBytes = bytes.length - SIGNATURE_BYTES;
  if (bodyBytes < 1) {
    const fields = { minimum: SIGNATURE_BYTES + 1, bytes: bytes.length };
    throw new RestError('INVALID_FRAMING', `a body and a signature of ${SIGNATURE_BYTES} bytes expected`, fields);
  }
  return { body: bytes.subarray(0, bodyBytes), signature: bytes.subarray(bodyBytes) };
}

function splitBatch(bytes: Uint8Array): SignedBody[] {
  const items: SignedBody[] = [];
  try {
    const reader = new ByteReader(bytes);
    while (reader.remaining > 0) items.push(splitSigned(reader.bytes(reader.u32('length'), 'transaction')));
  } catch (error) {
    if (!isCoded(error, 'TRUNCATED')) throw error;
    throw new RestError('INVALID_FRAMING', error.message, { ...error.fields, items: items.length });
  }
  if (items.length === 0) throw new RestError('INVALID_FRAMING', 'at least one transaction expected', { items: 0 });
  return items;
}
