import type { AdmissionError } from '../pipeline/index.ts';
import type { TransactionId } from '../types/ids.ts';
import type { Timers } from '../util/timers.ts';
import type { Submission } from './service.ts';

type Refused = Extract<Submission, { readonly status: 'refused' }>;

/** What admission says of a transaction whose earlier copy was applied, until its node speaks of the commit. */
const SAID_OF_APPLIED: ReadonlySet<string> = new Set(['NONCE_USED', 'KEY_ROTATED']);
/** A flush takes milliseconds; a disk that refuses must not hold requests. */
const SETTLE_LIMIT_MS = 2_000;

export function refused(id: TransactionId | undefined, error: AdmissionError): Submission {
  const { code, detail, fields, retryable, retryAfterMs } = error;
  const refusal = { code, message: detail, fields, retryable, ...(retryAfterMs !== undefined && { retryAfterMs }) };
  return { id, status: 'refused', refusal };
}

/**
 * The same transaction again has the same outcome: one that was applied before is `known`, whatever admission says of its nonce. State changes
 * before the node may speak of it, so a refusal waits for what was executed to become final: `NONCE_USED` then means another transaction, unless
 * this one may have been applied at a time up to `knownSinceMs` and forgotten.
 */
export async function recognise(
  submissions: readonly Submission[],
  modules: {
    readonly timers: Timers;
    settled(): Promise<void>;
    isFinal(id: TransactionId): boolean;
    /** As `Chain.knownSinceMs`. */
    knownSinceMs(): Promise<number>;
  },
): Promise<readonly Submission[]> {
  const isDoubtful = (submission: Submission): submission is Refused =>
    submission.status === 'refused' && SAID_OF_APPLIED.has(submission.refusal.code);
  if (!submissions.some(isDoubtful)) return submissions;
  const settled = await withinLimit(modules.settled(), modules.timers);
  const knownSinceMs = await modules.knownSinceMs();
  return submissions.map((submission) => {
    const { id } = submission;
    if (!isDoubtful(submission) || id === undefined) return submission;
    if (modules.isFinal(id)) return { id, status: 'known' };
    if (!settled) return { id, status: 'refused', refusal: UNSETTLED };
    if (!Number.isFinite(knownSinceMs)) return submission;
    const { refusal } = submission;
    return { id, status: 'refused', refusal: { ...refusal, fields: { ...refusal.fields, knownSinceMs } } };
  });
}

const UNSETTLED = {
  code: 'BUSY',
  message: 'the disk has yet to take what was executed',
  fields: { what: 'disk' },
  retryable: true,
  retryAfterMs: SETTLE_LIMIT_MS,
} as const;

function withinLimit(settled: Promise<void>, timers: Timers): Promise<boolean> {
  const { promise, resolve } = Promise.withResolvers<boolean>();
  const timer = timers.after(SETTLE_LIMIT_MS, () => resolve(false));
  void settled.then(() => resolve(true));
  return promise.finally(() => timer.cancel());
}
