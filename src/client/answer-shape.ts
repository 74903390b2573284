import { matches, type Schema, type Shape } from '../types/rest.ts';

const OPENED = new WeakMap<Schema, Schema>();

/**
 * Whether an answer has all that its schema names. What a newer validator adds beside it is ignored; the server itself neither writes nor takes
 * what its schemas do not name.
 */
export function hasShape<S extends Schema>(schema: S, answer: unknown): answer is Shape<S> {
  const open = OPENED.get(schema) ?? (withoutLimits(schema) as Schema);
  OPENED.set(schema, open);
  return matches(open, answer);
}

/** The same schema, in which no object at any depth refuses fields of other names. */
function withoutLimits(part: unknown): unknown {
  if (Array.isArray(part)) return part.map(withoutLimits);
  if (typeof part !== 'object' || part === null) return part;
  const rest = Object.entries(part).filter(([name, value]) => name !== 'additionalProperties' || value !== false);
  return Object.fromEntries(rest.map(([name, value]) => [name, withoutLimits(value)]));
}
