import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { logChart } from '../../../bench/cluster/log-chart.ts';
import {
  ASSUMPTIONS,
  modelChart,
  modelRows,
  modelTable,
  reach,
  type StageCosts,
  stageCosts,
} from '../../../bench/cluster/model.ts';
import { CURVE, parseOptions } from '../../../bench/cluster/options.ts';
import type { BenchReport } from '../../../bench/cluster/report.ts';
import { isCoded } from '../../../src/util/errors.ts';

/** 100 ns on the main thread and 300 ns beside it, 10 bytes, 50 rounds a second whose headers take 100 us. */
const COSTS: StageCosts = {
  ...{ transfersPerSignature: 8_192, validators: 4, mainNs: 100, otherNs: 300 },
  ...{ wireBytes: 10, roundsPerSecond: 50, headerSeconds: 100e-6 },
};

describe('the scaling model', () => {
  it('ends at the cores, then at the main thread, then at the network', () => {
    const at = (cores: number, gigabits: number) => reach(COSTS, { validators: 4, cores, gigabits });
    assert.deepEqual(at(1, 40), { perSecond: 2_500_000, wall: 'cores' });
    assert.deepEqual(at(2, 40), { perSecond: 5_000_000, wall: 'cores' });
    assert.deepEqual(at(64, 40), { perSecond: 10_000_000, wall: 'main thread' });
    assert.deepEqual(at(64, 0.4), { perSecond: 5_000_000, wall: 'network' });
  });

  it('takes the headers of more validators from the cores', () => {
    const { perSecond } = reach(COSTS, { validators: 104, cores: 1, gigabits: 40 });
    assert.equal(perSecond, (1 - 100 * 50 * 100e-6) * 2_500_000);
    assert.equal(reach(COSTS, { validators: 1_004, cores: 1, gigabits: 40 }).perSecond, 0);
    assert.equal(reach(COSTS, { validators: 3, cores: 1, gigabits: 40 }).perSecond, 2_500_000);
  });

  it('reads its costs from a run with a profile', () => {
    const report = {
      ...{ workload: { transfersPerSignature: 8_192 }, validators: 4, cores: 2, roundsPerSecond: 50 },
      ...{ wireBytesPerTransfer: 10, calibration: { verifyPerSecondAllCores: 20_000 } },
      profile: { nanosecondsPerTransfer: { main: 100, pool: 200, verify: 60, v8: 40 } },
    } as unknown as BenchReport;
    assert.deepEqual(stageCosts(report), COSTS);
    const { profile: _, ...plain } = report;
    assert.throws(() => stageCosts(plain), /profile/);
  });

  it('is printed with every network and everything that it assumes', () => {
    const text = modelTable([COSTS]);
    for (const assumption of ASSUMPTIONS) assert.ok(text.includes(assumption));
    for (const { validators, cores, perSecond, wall } of modelRows([COSTS])) {
      const line = new RegExp(`^8192 +${validators} +${cores} .*${perSecond} \\(${wall}\\)`, 'm');
      assert.match(text, line);
    }
    assert.equal(modelChart([COSTS]).match(/<polyline/g)?.length, 2);
  });

  it('takes a run for each batch size, at saturation, of several validators', () => {
    const options = parseOptions(['--model']);
    assert.ok(options !== 'help' && options.model && options.profile);
    assert.deepEqual(CURVE, [1, 10, 100, 1_000, 8_192]);
    for (const more of [
      ['--rate', '5'],
      ['--validators', '1'],
    ])
      assert.throws(
        () => parseOptions(['--model', ...more]),
        (error) => isCoded(error, 'BENCH_USAGE') && error.fields.option === 'model',
      );
  });
});

describe('a chart over logarithmic axes', () => {
  it('puts equal ratios at equal distances', () => {
    const points = [1, 10, 100].map((x) => ({ x, y: x * 10 }));
    const svg = logChart('<a & b>', 'x', [
      { name: 'one', points },
      { name: 'two', points: [], dashed: true },
    ]);
    const [line = ''] = /(?<=points=")[^"]+/.exec(svg) ?? [];
    const [a, b, c] = line.split(' ').map((point) => point.split(',').map(Number)) as [number[], number[], number[]];
    for (const axis of [0, 1]) {
      const [first, second, third] = [a, b, c].map((point) => point[axis] as number) as [number, number, number];
      assert.ok(Math.abs(third - second - (second - first)) < 0.2);
    }
    assert.match(svg, /&lt;a &amp; b>/);
  });
});
