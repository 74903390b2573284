import type { TestRecord } from './test-reporter.ts';

export interface Skip {
  readonly test: string;
  /** By convention `<name>: <why>`, where the name is what AV10_TEST_REQUIRE lists, e.g. `redis: not installed`. */
  readonly reason: string;
}

/** What one group of tests came to. */
export interface Tally {
  readonly passed: number;
  /** One line each: which test, or what broke around it. */
  readonly failures: readonly string[];
  readonly skips: readonly Skip[];
}

export function tallyRecords(records: readonly TestRecord[], failures: readonly string[]): Tally {
  const title = ({ file, name }: TestRecord): string => (file === name ? file : `${file}: ${name}`);
  return {
    passed: records.filter(({ outcome }) => outcome === 'passed').length,
    failures: [...failures, ...records.filter(({ outcome }) => outcome === 'failed').map(title)],
    skips: records
      .filter(({ outcome }) => outcome === 'skipped')
      .map((record) => ({ test: title(record), reason: record.reason || 'no reason given' })),
  };
}

/** Reads the closing line of one test binary, and the lines of single tests that failed or were ignored. */
export function parseCargoLine(line: string): Tally | undefined {
  const summary = /^test result: \w+\. (\d+) passed; \d+ failed; \d+ ignored;/.exec(line);
  if (summary !== null) return { passed: Number(summary[1]), failures: [], skips: [] };
  const single = /^test (.+) \.\.\. (FAILED|ignored(?:, (.*))?)$/.exec(line);
  if (single === null) return undefined;
  const [, name = '', outcome, reason = 'no reason given'] = single;
  return outcome === 'FAILED'
    ? { passed: 0, failures: [`native: ${name}`], skips: [] }
    : { passed: 0, failures: [], skips: [{ test: `native: ${name}`, reason }] };
}

/**
 * The closing text, ending in `N passed, N failed, N skipped`. `required` is `all` or a comma-separated list of names:
 * a skip whose reason starts with one of them counts as failed. A run of no test at all is not ok.
 */
export function formatReport(
  tallies: readonly Tally[],
  required: string,
): { readonly text: string; readonly ok: boolean } {
  const skips = tallies.flatMap((tally) => tally.skips);
  const names = required.split(',').map((name) => name.trim());
  const isRequired = ({ reason }: Skip): boolean => names.includes('all') || names.includes(reason.split(':')[0] ?? '');
  const passed = tallies.reduce((sum, tally) => sum + tally.passed, 0);
  const failures = [
    ...tallies.flatMap((tally) => tally.failures),
    ...skips.filter(isRequired).map(({ test, reason }) => `${test}: skipped, but required (${reason})`),
  ];
  const tolerated = skips.filter((skip) => !isRequired(skip));
  if (passed + failures.length + tolerated.length === 0) failures.push('no test ran');
  const lines = [
    '',
    ...tolerated.map(({ test, reason }) => `skipped  ${test} (${reason})`),
    ...failures.map((failure) => `FAILED   ${failure}`),
    `${passed} passed, ${failures.length} failed, ${tolerated.length} skipped`,
  ];
  return { text: lines.join('\n'), ok: failures.length === 0 && passed > 0 };
}
