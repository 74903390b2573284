import { assert } from '../util/assert.ts';

declare const name: unique symbol;

/** Where a record starts: segment number and offset in one number below 2^53, ascending in append order. Local to one log. */
export type LogPosition = number & { readonly [name]: 'LogPosition' };

const OFFSET_RANGE = 2 ** 32;
export const MAX_SEGMENT_NUMBER = 2 ** 21 - 1;

/** Before every record. As a hint in a commit record it means "not known". */
export const LOG_START = 0 as LogPosition;

export function logPosition(segment: number, offset: number): LogPosition {
  assert(Number.isInteger(segment) && segment >= 0 && segment <= MAX_SEGMENT_NUMBER, 'segment number below 2^21');
  assert(Number.isInteger(offset) && offset >= 0 && offset < OFFSET_RANGE, 'offset below 2^32');
  return (segment * OFFSET_RANGE + offset) as LogPosition;
}

export function segmentOf(position: LogPosition): number {
  return Math.floor(position / OFFSET_RANGE);
}

export function offsetOf(position: LogPosition): number {
  return position % OFFSET_RANGE;
}
