import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { describe, it } from 'node:test';
import { PrometheusInstruments } from '../../../src/metrics/index.ts';
import { declaredMetrics, METRICS_PATH, renderMetrics } from '../../../tools/write-metrics.ts';

describe('the metrics that the rooms declare', () => {
  it('stand in docs/metrics.md', async () => {
    assert.equal(
      readFileSync(METRICS_PATH, 'utf8'),
      await renderMetrics(),
      'run node_modules/.bin/node tools/write-metrics.ts',
    );
  });

  it('follow the rules for names, and no two rooms share one', async () => {
    const metrics = await declaredMetrics();
    assert.ok(metrics.length > 10);
    const instruments = new PrometheusInstruments();
    for (const { name, type, help, room } of metrics.filter((metric) => metric.room !== 'metrics')) {
      instruments.gauge({ name, help });
      assert.equal(name.endsWith('_total'), type === 'counter', `${room}: ${name} is a ${type}`);
      if (type === 'histogram') assert.match(name, /_(seconds|bytes|rounds|transactions)$/);
      assert.match(help, /^[A-Z0-9].*\.$/, `${name}: a sentence expected`);
    }
  });
});
