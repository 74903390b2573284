import type { Refusal } from '../replica/service.ts';
import type { RestErrorCode } from '../types/rest-errors.ts';
import { CodedError } from '../util/errors.ts';

/** A request that gets a problem for an answer; the table of `src/types/rest-errors.ts` says with which status. */
export class RestError extends CodedError<RestErrorCode> {}

/** The node looked at the one transaction of a request and refused it. */
export class RefusedError extends CodedError {
  readonly refusal: Refusal;

  constructor(refusal: Refusal) {
    super(refusal.code, refusal.message, refusal.fields);
    this.refusal = refusal;
  }
}
