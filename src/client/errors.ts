import type { Problem } from '../types/rest.ts';
import type { RestErrorCode } from '../types/rest-errors.ts';
import { CodedError, type ErrorFields } from '../util/errors.ts';

/** What the client itself finds, beside the codes of the API. */
export type ClientErrorCode =
  /** No validator answered; whether one took the request is not known. The message says what each did. */
  | 'UNREACHABLE'
  /** The transaction did not reach the level in time. Fields: id, level (the newest one seen). */
  | 'TIMEOUT'
  /** An answer that no honest validator gives. Fields: path. */
  | 'MALFORMED_ANSWER'
  /** Another network than the one asked for. Fields: expected, got. */
  | 'NETWORK_MISMATCH'
  /** No certified checkpoint covers the account yet. Fields: account. */
  | 'PROOF_UNAVAILABLE'
  /** More waits in the accumulator than it holds. Fields: limit. */
  | 'BACKLOG_FULL'
  /** The transaction had no effect and never will. Fields: id, reason. */
  | 'DEAD'
  /** A proof that does not hold, or that shows something else than the answer says. Fields: account. */
  | 'PROOF_INVALID';

interface Nature {
  readonly status?: number;
  readonly retryable?: boolean;
  readonly retryAfterMs?: number;
}

/**
 * Every failure of the SDK. `code` is one of the API (`docs/api.md`), one of the client, or one that a newer node added.
 *
 * @example
 * try { await wallet.transfer([{ to: address, amount: 5n }]); }
 * catch (error) { if (error instanceof Av10ApiError && error.retryable) await later(error.retryAfterMs ?? 1_000); else throw error; }
 */
export class Av10ApiError extends CodedError<RestErrorCode | ClientErrorCode | (string & {})> {
  /** HTTP status; 0 if it is not an answer of the API. */
  readonly status: number;
  /** Whether the same request may succeed later. */
  readonly retryable: boolean;
  readonly retryAfterMs: number | undefined;

  constructor(code: string, message: string, fields: ErrorFields = {}, nature: Nature = {}, options?: ErrorOptions) {
    super(code, message, fields, options);
    this.status = nature.status ?? 0;
    this.retryable = nature.retryable ?? false;
    this.retryAfterMs = nature.retryAfterMs;
  }

  /** The same failure with more known about it. */
  with(fields: ErrorFields): Av10ApiError {
    const { status, retryable, retryAfterMs } = this;
    const nature = { status, retryable, ...(retryAfterMs === undefined ? {} : { retryAfterMs }) };
    return new Av10ApiError(this.code, this.detail, { ...this.fields, ...fields }, nature);
  }

  static fromProblem(problem: Problem): Av10ApiError {
    const { code, detail, fields, status, retryable, retryAfterMs } = problem;
    return new Av10ApiError(code, detail, fields, {
      status,
      retryable,
      ...(retryAfterMs === undefined ? {} : { retryAfterMs }),
    });
  }
}

export function isApiError(error: unknown, ...codes: readonly string[]): error is Av10ApiError {
  return error instanceof Av10ApiError && codes.includes(error.code);
}
