import type { Instruments } from '../util/instruments.ts';

/** What the metrics room counts about itself. */
export function registryMetrics(instruments: Instruments) {
  return {
    foldedSeries: instruments.counter({
      name: 'av10_metrics_folded_series_total',
      help: 'Counts that went to the series "other" because an instrument had too many label values.',
    }),
  };
}
