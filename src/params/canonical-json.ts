import { assert } from '../util/assert.ts';

/** JSON restricted to what RFC 8785 leaves unambiguous without floating point: no fractions, no exponents, integers below 2^53. */
export type CanonicalValue =
  | string
  | number
  | boolean
  | null
  | readonly CanonicalValue[]
  | { readonly [key: string]: CanonicalValue };

/**
 * The one text of a value: RFC 8785 (JSON Canonicalization Scheme), sections 3.2.2 and 3.2.3. Strings and integers are written by
 * `JSON.stringify`, which that RFC builds on; keys are ordered by UTF-16 code units.
 */
export function canonicalJson(value: CanonicalValue): string {
  if (typeof value === 'number') assert(Number.isSafeInteger(value), 'canonical JSON holds safe integers only');
  if (value === null || typeof value !== 'object') return JSON.stringify(value);
  if (isList(value)) return `[${value.map(canonicalJson).join(',')}]`;
  const keys = Object.keys(value).sort();
  return `{${keys.map((key) => `${JSON.stringify(key)}:${canonicalJson(value[key] as CanonicalValue)}`).join(',')}}`;
}

function isList(value: object): value is readonly CanonicalValue[] {
  return Array.isArray(value);
}
