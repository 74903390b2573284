/**
 * Assertions stay on in production: they guard what the protocol proves, never what a peer or a user sends.
 * A failing assertion stops the node with a coded halt (`docs/architecture.md`, "Stopping").
 */
export class AssertionFailure extends Error {
  override readonly name = 'AssertionFailure';
}

export function assert(condition: boolean, message: string): asserts condition {
  if (!condition) throw new AssertionFailure(message);
}

export function assertDefined<T>(value: T | undefined | null, message: string): T {
  if (value === undefined || value === null) throw new AssertionFailure(message);
  return value;
}

/** Marks the branch that the type checker proves unreachable. */
export function unreachable(value: never): never {
  throw new AssertionFailure(`unreachable value: ${String(value)}`);
}
