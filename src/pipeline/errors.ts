import type { DecodeErrorCode } from '../util/byte-reader.ts';
import { CodedError, type ErrorFields } from '../util/errors.ts';

/** Why a transaction was not accepted: docs/spec/mempool.md has the table. */
export type AdmissionErrorCode =
  | DecodeErrorCode
  | 'TOO_LARGE'
  | 'UNKNOWN_SENDER'
  | 'UNKNOWN_KEY'
  | 'KEY_ROTATED'
  | 'NONCE_USED'
  | 'NONCE_TOO_FAR'
  | 'EXPIRED'
  | 'EXPIRY_TOO_FAR'
  | 'FEE_TOO_LOW'
  | 'BALANCE_TOO_LOW'
  | 'BUSY'
  | 'BAD_SIGNATURE'
  | 'SLOT_TAKEN'
  | 'SENDER_LIMIT'
  | 'MEMPOOL_FULL';

/** Whether the same bytes may be accepted later. */
const RETRYABLE: Readonly<Record<AdmissionErrorCode, boolean>> = {
  TRUNCATED: false,
  TRAILING_BYTES: false,
  NON_CANONICAL: false,
  LIMIT: false,
  TOO_LARGE: false,
  UNKNOWN_SENDER: true,
  UNKNOWN_KEY: true,
  KEY_ROTATED: false,
  NONCE_USED: false,
  NONCE_TOO_FAR: true,
  EXPIRED: false,
  EXPIRY_TOO_FAR: true,
  FEE_TOO_LOW: false,
  BALANCE_TOO_LOW: true,
  BUSY: true,
  BAD_SIGNATURE: false,
  SLOT_TAKEN: true,
  SENDER_LIMIT: true,
  MEMPOOL_FULL: true,
};

/** A refusal, answered to the client as it stands. Nothing was charged to the sender that the transaction claims. */
export class AdmissionError extends CodedError<AdmissionErrorCode> {
  /** `BUSY` only: when to come back. */
  readonly retryAfterMs: number | undefined;

  constructor(code: AdmissionErrorCode, message: string, fields: ErrorFields = {}, retryAfterMs?: number) {
    super(code, message, fields);
    this.retryAfterMs = retryAfterMs;
  }

  get retryable(): boolean {
    return RETRYABLE[this.code];
  }
}

/** `VERIFY_WORKERS_FAILED`: the worker threads did not start; the message carries what they said. */
export type PipelineErrorCode = 'VERIFY_WORKERS_FAILED';

export class PipelineError extends CodedError<PipelineErrorCode> {}
