import { securityLevel } from '../replica/security-level.ts';
import type { NodeStatus, PostureEntry, Readiness } from '../replica/service.ts';
import type { Instruments } from '../util/instruments.ts';

export function nodeMetrics(instruments: Instruments) {
  return {
    targetTps: instruments.gauge({
      name: 'av10_target_tps',
      help: 'Target transfers a second, as configured; nothing is throttled by it.',
    }),
    quantumLevel: instruments.gauge({
      name: 'av10_quantum_security_level',
      help: 'Lowest NIST category over signing keys and open validator links; 0 is classical.',
    }),
    category: instruments.gauge<'class'>({
      name: 'av10_posture_category',
      help: 'Lowest NIST category in use of each class of keys and connections; 0 is classical, NaN where there is none.',
      labels: ['class'],
    }),
    latency: instruments.gauge({
      name: 'av10_consensus_latency_seconds',
      help: 'Median time to finality of the last 100 transactions submitted to this node.',
    }),
    linked: instruments.gauge({ name: 'av10_linked_validators', help: 'Other validators with an established link.' }),
    ready: instruments.gauge<'condition'>({
      name: 'av10_ready',
      help: 'Readiness by condition: 1 met, 0 not.',
      labels: ['condition'],
    }),
  };
}

const CLASSES: readonly PostureEntry['purpose'][] = ['identity', 'consensus', 'link-key', 'link', 'api', 'hash'];

const CONDITIONS: Readonly<Record<keyof Readiness, string>> = {
  alive: 'alive',
  synced: 'synced',
  quorumProgressing: 'quorum_progressing',
  ableToSign: 'able_to_sign',
  acceptingTransactions: 'accepting_transactions',
};

/** Brings what changes without an event of its own up to date; a class of keys or connections without an entry is NaN. */
export function reportStatus(
  { posture, readiness, health, peers }: Pick<NodeStatus, 'posture' | 'readiness' | 'health' | 'peers'>,
  metrics: ReturnType<typeof nodeMetrics>,
): void {
  metrics.quantumLevel.set(securityLevel(posture));
  for (const purpose of CLASSES) {
    const categories = posture.filter((entry) => entry.purpose === purpose).map(({ category }) => category);
    metrics.category.set(categories.length === 0 ? Number.NaN : Math.min(...categories), { class: purpose });
  }
  metrics.latency.set(health.latency / 1_000);
  metrics.linked.set(peers.filter(({ linked }) => linked).length);
  for (const [flag, condition] of Object.entries(CONDITIONS))
    metrics.ready.set(readiness[flag as keyof Readiness].ok ? 1 : 0, { condition });
}
