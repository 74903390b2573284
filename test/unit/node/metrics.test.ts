import assert from 'node:assert/strict';
import { it } from 'node:test';
import { nodeMetrics, reportStatus } from '../../../src/node/metrics.ts';
import { READY } from '../../../src/replica/health.ts';
import type { NodeStatus } from '../../../src/replica/service.ts';
import { CountingInstruments } from '../../support/counting-instruments.ts';

it('reports linked validators, latency, readiness by condition and the lowest category of each class', () => {
  const instruments = new CountingInstruments();
  const peer = { name: 'v', highestRound: 0, lastSeenMs: undefined, queuedBytes: 0, trouble: undefined };
  const status: Pick<NodeStatus, 'posture' | 'readiness' | 'health' | 'peers'> = {
    posture: [
      { subject: 'v1', purpose: 'link', algorithm: 'x', category: 5 },
      { subject: 'v2', purpose: 'link', algorithm: 'x', category: 3 },
    ],
    readiness: {
      alive: READY,
      synced: READY,
      quorumProgressing: READY,
      ableToSign: { ok: false, code: 'DISK', reason: 'full' },
      acceptingTransactions: READY,
    },
    health: { status: 'healthy', tps: 0, latency: 142, quantum_level: 3, validators: 2, uptime: 1 },
    peers: [
      { ...peer, author: 1, linked: true },
      { ...peer, author: 2, linked: false },
    ],
  };
  reportStatus(status, nodeMetrics(instruments));
  assert.equal(instruments.total('av10_linked_validators'), 1);
  assert.equal(instruments.total('av10_consensus_latency_seconds'), 0.142);
  assert.equal(instruments.total('av10_ready'), 4);
  assert.equal(instruments.total('av10_ready', { condition: 'able_to_sign' }), 0);
  assert.equal(instruments.total('av10_quantum_security_level'), 3);
  assert.equal(instruments.total('av10_posture_category', { class: 'link' }), 3);
  assert(Number.isNaN(instruments.total('av10_posture_category', { class: 'api' })));
});
