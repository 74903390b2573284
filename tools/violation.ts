/** One broken house rule, at the place to look at, with what to do instead. */
export interface Violation {
  /** Relative to the repository root. */
  readonly path: string;
  /** 1-based. */
  readonly line: number;
  readonly rule: string;
  readonly message: string;
}

/** Prints one line per violation in the form editors make clickable. Returns the exit code. */
export function printViolations(title: string, violations: readonly Violation[]): 0 | 1 {
  for (const { path, line, rule, message } of violations) console.error(`${path}:${line} [${rule}] ${message}`);
  console.log(`${title}: ${violations.length === 0 ? 'clean' : `${violations.length} violations`}`);
  return violations.length === 0 ? 0 : 1;
}
