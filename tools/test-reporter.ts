import { relative } from 'node:path';
import type { TestEvent } from 'node:test/reporters';

/** What tools/run-tests.ts counts: one line of JSON per finished test, suites only if they were skipped. */
export interface TestRecord {
  readonly file: string;
  readonly name: string;
  readonly outcome: 'passed' | 'failed' | 'skipped';
  /** Of a skip; empty if the test gave none. */
  readonly reason?: string;
}

/** A node:test reporter, loaded by name with --test-reporter. */
export default async function* report(events: AsyncIterable<TestEvent>): AsyncGenerator<string> {
  for await (const event of events) {
    const record = toRecord(event);
    if (record !== undefined) yield `${JSON.stringify(record)}\n`;
  }
}

function toRecord(event: TestEvent): TestRecord | undefined {
  if (event.type !== 'test:pass' && event.type !== 'test:fail') return undefined;
  const { name, skip, todo, details, file: path = '' } = event.data;
  const file = relative(process.cwd(), path);
  if (event.type === 'test:pass' && skip !== undefined) {
    return { file, name, outcome: 'skipped', reason: typeof skip === 'string' ? skip : '' };
  }
  if (event.type === 'test:fail') {
    // A failed suite repeats what its tests said, unless the suite itself broke; a failed todo is still a failure.
    const { failureType } = event.data.details.error as Error & { failureType?: string };
    return details.type === 'suite' && failureType === 'subtestsFailed' ? undefined : { file, name, outcome: 'failed' };
  }
  if (todo !== undefined) return { file, name, outcome: 'skipped', reason: `todo: ${String(todo)}` };
  // The runner reports a file that loaded but held no test as a passed test named like the file.
  return details.type === 'suite' || name === file || name === path ? undefined : { file, name, outcome: 'passed' };
}
