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
  };
}
