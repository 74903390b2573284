import type { Instruments } from '../util/instruments.ts';

export function nodeMetrics(instruments: Instruments) {
  return {
    targetTps: instruments.gauge({
      name: 'av10_target_tps',
      help: 'Target transfers a second, as configured; nothing is throttled by it.',
    }),
  };
}
