import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { MetricsError, PrometheusInstruments } from '../../../src/metrics/index.ts';
import { MAX_SERIES } from '../../../src/metrics/series-cache.ts';

async function lines(instruments: PrometheusInstruments, name: string): Promise<string[]> {
  const { text } = await instruments.expose();
  return text.split('\n').filter((line) => line.startsWith(name));
}

describe('PrometheusInstruments', () => {
  it('counts, sets and observes, with labels and without', async () => {
    const instruments = new PrometheusInstruments();
    const sent = instruments.counter<'channel'>({ name: 'av10_a_total', help: 'a', labels: ['channel'] });
    sent.add(2, { channel: 'sync' });
    sent.add(3, { channel: 'sync' });
    sent.add(1, { channel: 'consensus' });
    instruments.counter({ name: 'av10_b_total', help: 'b' }).add(4);
    instruments.gauge<'x'>({ name: 'av10_c', help: 'c', labels: ['x'] }).set(7, { x: '1' });
    instruments.gauge({ name: 'av10_d', help: 'd' }).set(-1);
    instruments.histogram({ name: 'av10_e_seconds', help: 'e', buckets: [0.1, 1] }).observe(0.5);
    instruments
      .histogram<'x'>({ name: 'av10_f_seconds', help: 'f', buckets: [1], labels: ['x'] })
      .observe(2, { x: 'y' });
    assert.deepEqual(await lines(instruments, 'av10_a_total'), [
      'av10_a_total{channel="sync"} 5',
      'av10_a_total{channel="consensus"} 1',
    ]);
    assert.deepEqual(await lines(instruments, 'av10_b_total'), ['av10_b_total 4']);
    assert.deepEqual(await lines(instruments, 'av10_c'), ['av10_c{x="1"} 7']);
    assert.deepEqual(await lines(instruments, 'av10_d'), ['av10_d -1']);
    assert.deepEqual(await lines(instruments, 'av10_e_seconds_bucket'), [
      'av10_e_seconds_bucket{le="0.1"} 0',
      'av10_e_seconds_bucket{le="1"} 1',
      'av10_e_seconds_bucket{le="+Inf"} 1',
    ]);
    assert.deepEqual(await lines(instruments, 'av10_f_seconds_sum'), ['av10_f_seconds_sum{x="y"} 2']);
  });

  it('includes the default metrics of the process, in a registry of its own', async () => {
    const one = new PrometheusInstruments();
    const other = new PrometheusInstruments();
    one.gauge({ name: 'av10_only_here', help: 'x' }).set(1);
    assert.equal((await lines(one, 'process_resident_memory_bytes')).length, 1);
    assert.equal((await lines(one, 'nodejs_eventloop_lag_p99_seconds')).length, 1);
    assert.deepEqual(await lines(other, 'av10_only_here'), []);
  });

  it('folds label values beyond the limit into one series and counts that', async () => {
    const instruments = new PrometheusInstruments();
    const counter = instruments.counter<'peer'>({ name: 'av10_a_total', help: 'a', labels: ['peer'] });
    for (let i = 0; i < MAX_SERIES + 5; i++) counter.add(1, { peer: String(i) });
    counter.add(1, { peer: '0' });
    const series = await lines(instruments, 'av10_a_total');
    assert.equal(series.length, MAX_SERIES + 1);
    assert.ok(series.includes('av10_a_total{peer="other"} 5'));
    assert.ok(series.includes('av10_a_total{peer="0"} 2'));
    assert.deepEqual(await lines(instruments, 'av10_metrics_folded_series_total'), [
      'av10_metrics_folded_series_total 5',
    ]);
  });

  it('refuses a name that is taken or not of the house', () => {
    const instruments = new PrometheusInstruments();
    instruments.counter({ name: 'av10_a_total', help: 'a' });
    for (const [name, code] of [
      ['av10_a_total', 'METRIC_NAME_TAKEN'],
      ['a_total', 'METRIC_NAME_INVALID'],
      ['av10_A', 'METRIC_NAME_INVALID'],
    ]) {
      assert.throws(
        () => instruments.gauge({ name: name as string, help: 'a' }),
        (error) => {
          assert.ok(error instanceof MetricsError);
          assert.deepEqual({ code: error.code, fields: error.fields }, { code, fields: { name } });
          return true;
        },
      );
    }
  });
});
