import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { resolve } from 'node:path';
import { describe, it } from 'node:test';
import type { TestRecord } from '../../../tools/test-reporter.ts';
import { formatReport, parseCargoLine, tallyRecords } from '../../../tools/test-tally.ts';

const root = resolve(import.meta.dirname, '../../..');
const fixture = (name: string): string => `test/fixtures/runner/${name}.test.ts`;

describe('test-reporter', () => {
  for (const isolation of ['none', 'process']) {
    it(`records every outcome once with isolation ${isolation}`, () => {
      const records = report(isolation, 'mixed').map(({ name, outcome, reason }) => ({ name, outcome, reason }));
      assert.deepEqual(sortByName(records), [
        { name: 'a skipped suite', outcome: 'skipped', reason: 'docker: not here' },
        { name: 'fails', outcome: 'failed', reason: undefined },
        { name: 'fails inside', outcome: 'failed', reason: undefined },
        { name: 'is skipped', outcome: 'skipped', reason: 'redis: not here' },
        { name: 'passes', outcome: 'passed', reason: undefined },
        { name: 'passes inside', outcome: 'passed', reason: undefined },
      ]);
    });

    it(`counts a file that does not load as failed with isolation ${isolation}`, () => {
      for (const name of ['load', 'throws']) {
        assert.deepEqual(report(isolation, name), [{ file: fixture(name), name: fixture(name), outcome: 'failed' }]);
      }
    });

    it(`records nothing for a file without a test with isolation ${isolation}`, () => {
      assert.deepEqual(report(isolation, 'empty'), []);
    });
  }
});

describe('formatReport', () => {
  const passed: TestRecord = { file: 'test/a.test.ts', name: 'a', outcome: 'passed' };
  const failed: TestRecord = { file: 'test/a.test.ts', name: 'b', outcome: 'failed' };
  const skipped: TestRecord = { file: 'test/a.test.ts', name: 'c', outcome: 'skipped', reason: 'redis: not here' };

  it('closes with the three counts', () => {
    const { text, ok } = formatReport([tallyRecords([passed, skipped], [])], '');
    assert.equal(ok, true);
    assert.equal(text.split('\n').at(-1), '1 passed, 0 failed, 1 skipped');
    assert.match(text, /skipped {2}test\/a\.test\.ts: c \(redis: not here\)/);
  });

  it('is not ok after a failure', () => {
    assert.equal(formatReport([tallyRecords([passed, failed], [])], '').ok, false);
    assert.equal(formatReport([tallyRecords([passed], ['x: ran no test'])], '').ok, false);
  });

  it('is not ok when nothing ran or everything was skipped', () => {
    assert.deepEqual(formatReport([], ''), {
      text: '\nFAILED   no test ran\n0 passed, 1 failed, 0 skipped',
      ok: false,
    });
    assert.equal(formatReport([tallyRecords([skipped], [])], '').ok, false);
  });

  it('turns a required skip into a failure, by name or all', () => {
    const tallies = [tallyRecords([passed, skipped], [])];
    for (const required of ['all', 'redis', 'docker, redis']) {
      const { text, ok } = formatReport(tallies, required);
      assert.equal(ok, false, required);
      assert.equal(text.split('\n').at(-1), '1 passed, 1 failed, 0 skipped');
    }
    assert.equal(formatReport(tallies, 'docker').ok, true);
  });
});

describe('parseCargoLine', () => {
  it('reads summaries, failures and ignored tests, and nothing else', () => {
    assert.deepEqual(
      parseCargoLine('test result: ok. 12 passed; 0 failed; 1 ignored; 0 measured; 0 filtered out; finished in 0.1s'),
      {
        passed: 12,
        failures: [],
        skips: [],
      },
    );
    assert.deepEqual(parseCargoLine('test mldsa::rejects ... FAILED')?.failures, ['native: mldsa::rejects']);
    assert.deepEqual(parseCargoLine('test slow ... ignored, root: needs it')?.skips, [
      { test: 'native: slow', reason: 'root: needs it' },
    ]);
    assert.equal(parseCargoLine('test mldsa::accepts ... ok'), undefined);
    assert.equal(parseCargoLine('running 3 tests'), undefined);
  });
});

function report(isolation: string, name: string): TestRecord[] {
  const { NODE_TEST_CONTEXT: _, ...env } = process.env; // else the inner runner takes itself for a child of this one
  const reporter = ['--test-reporter=./tools/test-reporter.ts', '--test-reporter-destination=stdout'];
  const args = ['--test', `--test-isolation=${isolation}`, '--test-force-exit', ...reporter, fixture(name)];
  const { stdout } = spawnSync(process.execPath, args, { cwd: root, encoding: 'utf8', env });
  return stdout
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line));
}

function sortByName<T extends { name: string }>(records: readonly T[]): T[] {
  return records.toSorted((a, b) => (a.name < b.name ? -1 : 1));
}
