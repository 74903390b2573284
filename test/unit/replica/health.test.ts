import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { HealthMonitor, notReady, READY } from '../../../src/replica/health.ts';
import type { Readiness } from '../../../src/replica/service.ts';

const ready: Readiness = {
  alive: READY,
  synced: READY,
  quorumProgressing: READY,
  ableToSign: READY,
  acceptingTransactions: READY,
};
const facts = (readiness: Readiness = ready) => ({ readiness, quantumLevel: 5, validators: 4 });

describe('health', () => {
  it('starts with nothing', () => {
    assert.deepEqual(new HealthMonitor(500).health(500, facts()), {
      status: 'healthy',
      tps: 0,
      latency: 0,
      quantum_level: 5,
      validators: 4,
      uptime: 0,
    });
  });

  it('counts transfers a second over the last ten', () => {
    const monitor = new HealthMonitor(0);
    for (let second = 0; second < 20; second++) monitor.committed(50, second * 1_000 + 500);
    assert.equal(monitor.health(19_999, facts()).tps, 50);
    assert.equal(monitor.health(24_999, facts()).tps, 25);
    assert.equal(monitor.health(60_000, facts()).tps, 0);
  });

  it('shows the median of the last hundred latencies', () => {
    const monitor = new HealthMonitor(0);
    for (let i = 0; i < 100; i++) monitor.latency(9_000);
    for (let i = 0; i < 100; i++) monitor.latency(i === 0 ? 1_000_000 : 40);
    assert.equal(monitor.health(0, facts()).latency, 40);
  });

  it('counts whole seconds since the start, and milliseconds since the last commit', () => {
    const monitor = new HealthMonitor(1_000);
    assert.equal(monitor.sinceCommitMs(1_250), 250);
    monitor.committed(0, 2_000);
    assert.equal(monitor.sinceCommitMs(2_250), 250);
    assert.equal(monitor.health(3_999, facts()).uptime, 2);
  });

  for (const flag of ['alive', 'synced', 'quorumProgressing', 'ableToSign'] as const) {
    it(`is unhealthy when the node is not ${flag}`, () => {
      const readiness = { ...ready, [flag]: notReady('X', 'why') };
      assert.equal(new HealthMonitor(0).health(0, facts(readiness)).status, 'unhealthy');
      assert.deepEqual(readiness[flag], { ok: false, code: 'X', reason: 'why' });
    });
  }
});
