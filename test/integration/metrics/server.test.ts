import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { MetricsError, PrometheusInstruments, startMetricsServer } from '../../../src/metrics/index.ts';

describe('startMetricsServer', () => {
  it('serves /metrics and nothing else, until it is stopped', async () => {
    const instruments = new PrometheusInstruments();
    instruments.counter({ name: 'av10_a_total', help: 'a' }).add(3);
    const server = await startMetricsServer(instruments, { host: '127.0.0.1', port: 0 });
    const answer = await fetch(server.url);
    assert.equal(answer.status, 200);
    assert.equal(answer.headers.get('content-type'), 'text/plain; version=0.0.4; charset=utf-8');
    assert.match(await answer.text(), /^av10_a_total 3$/m);
    assert.equal((await fetch(new URL('/', server.url))).status, 404);
    assert.equal((await fetch(server.url, { method: 'POST', body: 'x' })).status, 405);
    await server.stop();
    await assert.rejects(fetch(server.url));
  });

  it('says which port is taken', async () => {
    const instruments = new PrometheusInstruments();
    const server = await startMetricsServer(instruments, { host: '127.0.0.1', port: 0 });
    const port = Number(new URL(server.url).port);
    await assert.rejects(startMetricsServer(instruments, { host: '127.0.0.1', port }), (error) => {
      assert.ok(error instanceof MetricsError);
      assert.equal(error.code, 'METRICS_LISTEN_FAILED');
      assert.deepEqual(error.fields, { host: '127.0.0.1', port });
      return true;
    });
    await server.stop();
  });
});
