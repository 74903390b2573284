import { RestError } from './errors.ts';

/** Of text that the schema says is digits. @throws RestError INVALID_QUERY */
export function queryNumber(text: string, parameter: string): number {
  const value = Number(text);
  if (Number.isSafeInteger(value)) return value;
  throw new RestError('INVALID_QUERY', 'numbers are below 2^53', { parameter });
}

/** @throws RestError INVALID_QUERY */
export function pageLimit(text: string | undefined, maximum: number): number {
  const limit = text === undefined ? maximum : queryNumber(text, 'limit');
  if (limit <= maximum) return limit;
  throw new RestError('INVALID_QUERY', `limit is at most ${maximum}`, { parameter: 'limit', limit: maximum });
}
