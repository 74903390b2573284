import type { Refusal } from '../replica/service.ts';
import type { Problem } from '../types/rest.ts';
import { isRestErrorCode, REST_ERRORS, type RestErrorSpec } from '../types/rest-errors.ts';
import type { ErrorFields } from '../util/errors.ts';
import type { RestError } from './errors.ts';

export const PROBLEM_TYPE = 'application/problem+json; charset=utf-8';

/** A code of the node that the table does not list still reaches the client, as a refusal. */
const UNLISTED: RestErrorSpec = { status: 422, retryable: false, title: 'The node refused the request' };

export function problemOf(error: RestError): Problem {
  const { title, status, retryable } = REST_ERRORS[error.code];
  const { code, detail } = error;
  const fields = plain(error.fields);
  const problem = { type: problemType(code), title, status, detail, code, retryable, fields };
  const { retryAfterMs } = fields;
  return typeof retryAfterMs === 'number' ? { ...problem, retryAfterMs } : problem;
}

/** What admission refused; it knows better than the table whether another try may succeed. */
export function refusalProblem(refusal: Refusal): Problem {
  const { code, message, fields, retryable, retryAfterMs } = refusal;
  const { title, status } = isRestErrorCode(code) ? REST_ERRORS[code] : UNLISTED;
  const problem = { type: problemType(code), title, status, detail: message, code, retryable, fields: plain(fields) };
  return retryAfterMs === undefined ? problem : { ...problem, retryAfterMs: Math.ceil(retryAfterMs) };
}

function problemType(code: string): string {
  return `urn:av10:error:${code}`;
}

function plain(fields: ErrorFields): Problem['fields'] {
  const entries = Object.entries(fields).map(([name, value]) => [
    name,
    typeof value === 'bigint' ? String(value) : value,
  ]);
  return Object.fromEntries(entries);
}
