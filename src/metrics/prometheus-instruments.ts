import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from 'prom-client';
import type {
  Counter as CounterInstrument,
  Gauge as GaugeInstrument,
  Histogram as HistogramInstrument,
  InstrumentSpec,
  Instruments,
  Labels,
} from '../util/instruments.ts';
import { MetricsError } from './errors.ts';
import { registryMetrics } from './metrics.ts';
import { SeriesCache } from './series-cache.ts';

const NAME = /^av10_[a-z0-9_]+$/;

/** Makes what the rooms declare with prom-client, in a registry of its own, beside the default metrics of the process. */
export class PrometheusInstruments implements Instruments {
  readonly #registry = new Registry();
  readonly #foldedSeries: CounterInstrument;

  constructor() {
    collectDefaultMetrics({ register: this.#registry });
    this.#foldedSeries = registryMetrics(this).foldedSeries;
  }

  /** The text that a Prometheus server scrapes. */
  async expose(): Promise<{ readonly contentType: string; readonly text: string }> {
    return { contentType: this.#registry.contentType, text: await this.#registry.metrics() };
  }

  counter<Label extends string = never>(spec: InstrumentSpec<Label>): CounterInstrument<Label> {
    this.#checkName(spec.name);
    const counter = new Counter({ ...this.#config(spec), labelNames: [...(spec.labels ?? [])] });
    if (isPlain(spec)) return { add: (amount) => counter.inc(amount) };
    const series = this.#series(spec, (labels) => counter.labels(labels));
    return { add: (amount, labels) => series.of(labels).inc(amount) };
  }

  gauge<Label extends string = never>(spec: InstrumentSpec<Label>): GaugeInstrument<Label> {
    this.#checkName(spec.name);
    const gauge = new Gauge({ ...this.#config(spec), labelNames: [...(spec.labels ?? [])] });
    if (isPlain(spec)) return { set: (value) => gauge.set(value) };
    const series = this.#series(spec, (labels) => gauge.labels(labels));
    return { set: (value, labels) => series.of(labels).set(value) };
  }

  histogram<Label extends string = never>(
    spec: InstrumentSpec<Label> & { readonly buckets: readonly number[] },
  ): HistogramInstrument<Label> {
    this.#checkName(spec.name);
    const config = { ...this.#config(spec), labelNames: [...(spec.labels ?? [])], buckets: [...spec.buckets] };
    const histogram = new Histogram(config);
    if (isPlain(spec)) return { observe: (value) => histogram.observe(value) };
    const series = this.#series(spec, (labels) => histogram.labels(labels));
    return { observe: (value, labels) => series.of(labels).observe(value) };
  }

  #config({ name, help }: InstrumentSpec<string>) {
    return { name, help, registers: [this.#registry] };
  }

  #series<Label extends string, Child>(
    { labels = [] }: InstrumentSpec<Label>,
    make: (labels: Labels<Label>) => Child,
  ): SeriesCache<Label, Child> {
    return new SeriesCache(labels, make, () => this.#foldedSeries.add(1));
  }

  /** Two rooms with one name would count into each other. */
  #checkName(name: string): void {
    if (!NAME.test(name))
      throw new MetricsError('METRIC_NAME_INVALID', `${name}: av10_ and lower case expected`, { name });
    if (this.#registry.getSingleMetric(name) === undefined) return;
    throw new MetricsError('METRIC_NAME_TAKEN', `${name} is declared twice`, { name });
  }
}

function isPlain({ labels = [] }: InstrumentSpec<string>): boolean {
  return labels.length === 0;
}
