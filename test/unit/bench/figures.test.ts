import assert from 'node:assert/strict';
import { test } from 'node:test';
import { chart } from '../../../bench/cluster/chart.ts';
import { parseExposition } from '../../../bench/cluster/exposition.ts';
import { summarise } from '../../../bench/cluster/latency.ts';
import { accountOf } from '../../../bench/cluster/load.ts';
import { parseOptions } from '../../../bench/cluster/options.ts';
import { parseStat, threadGroup } from '../../../bench/cluster/processes.ts';
import { isCoded } from '../../../src/util/errors.ts';

test('percentiles are nearest ranks of unsorted values', () => {
  const values = Array.from({ length: 100 }, (_, i) => 100 - i);
  assert.deepEqual(summarise(values), { p50: 50, p90: 90, p99: 99, max: 100 });
  assert.deepEqual(summarise([1.23456]), { p50: 1.23, p90: 1.23, p99: 1.23, max: 1.23 });
  assert.equal(summarise([]), undefined);
});

test('series of one metric are added up and kept by their labels, comments and other lines are not values', () => {
  const text = '# HELP a b\na_total 3\nb_total{x="1"} 4\nb_total{x="{}"} 5.5\n\nbroken\n';
  assert.deepEqual(
    [...parseExposition(text)],
    [
      ['a_total', 3],
      ['b_total', 9.5],
      ['b_total{x="1"}', 4],
      ['b_total{x="{}"}', 5.5],
    ],
  );
});

test('the CPU of a process is read past a name with spaces and parentheses', () => {
  const text = '7 (a) b) R 1 1 1 0 -1 4194560 9 0 0 0 150 50 0 0 20 0 11 0';
  assert.deepEqual(parseStat(text), { name: 'a) b', cpuSeconds: 2 });
});

test('threads are grouped by the names that the kernel shows', () => {
  const groups = ['libuv-worker', 'node-V8Worker', 'DelayedTaskSche', 'WorkerThread', 'SignalInspector'].map(
    threadGroup,
  );
  assert.deepEqual(groups, ['pool', 'v8', 'v8', 'verify', 'other']);
});

test('every sender is on one lane', () => {
  const options = parseOptions(['--validators', '3', '--senders', '7', '--accounts', '7']);
  assert.ok(options !== 'help');
  const handles = [0, 1, 2].flatMap((lane) => [0, 1, 2].map((sender) => accountOf(options, lane, sender)));
  assert.deepEqual(
    handles.toSorted((a, b) => a - b),
    [0, 1, 2, 3, 4, 5, 6, 7, 8],
  );
});

test('the defaults are those of the method', () => {
  const options = parseOptions([]);
  assert.ok(options !== 'help');
  const { batch, validators, durationSeconds, senders, accounts, rate } = options;
  assert.deepEqual(
    { batch, validators, durationSeconds, senders, accounts, rate },
    { batch: 8_192, validators: 3, durationSeconds: 60, senders: 1_000, accounts: 100_000, rate: undefined },
  );
});

for (const [option, value] of [
  ['batch', '8193'],
  ['batch', '0'],
  ['validators', 'three'],
  ['senders', '2'],
  ['accounts', '999'],
  ['workload', 'votes'],
]) {
  test(`--${option} ${value} is refused by name`, () => {
    assert.throws(
      () => parseOptions([`--${option}`, value as string]),
      (error) => isCoded(error, 'BENCH_USAGE') && error.fields.option === option,
    );
  });
}

test('the chart scales to its highest point and escapes its title', () => {
  const svg = chart(
    'a < b',
    [
      { seconds: 0, perSecond: 0 },
      { seconds: 10, perSecond: 2_000_000 },
    ],
    [],
  );
  assert.match(svg, /a &lt; b/);
  assert.match(svg, /2\.00 M/);
  assert.match(svg, /points="80\.0,284\.0 850\.0,40\.0"/);
});
