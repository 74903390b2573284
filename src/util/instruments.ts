/**
 * What a room declares in its `metrics.ts`; `src/metrics` makes it with prom-client. Names are full (`av10_...`), in base units, and follow the
 * Prometheus rules: counters end in `_total`, times in `_seconds`, sizes in `_bytes`. Labels are from a closed set, never hashes or peer ids.
 */
export interface Instruments {
  counter<Label extends string = never>(spec: InstrumentSpec<Label>): Counter<Label>;
  gauge<Label extends string = never>(spec: InstrumentSpec<Label>): Gauge<Label>;
  histogram<Label extends string = never>(
    spec: InstrumentSpec<Label> & { readonly buckets: readonly number[] },
  ): Histogram<Label>;
}

export interface InstrumentSpec<Label extends string> {
  readonly name: string;
  readonly help: string;
  readonly labels?: readonly Label[];
}

export type Labels<Label extends string> = Readonly<Record<Label, string>>;

export interface Counter<Label extends string = never> {
  add(amount: number, labels?: Labels<Label>): void;
}

export interface Gauge<Label extends string = never> {
  set(value: number, labels?: Labels<Label>): void;
}

export interface Histogram<Label extends string = never> {
  observe(value: number, labels?: Labels<Label>): void;
}

/** Counts nothing: for tests and tools. */
export const NO_INSTRUMENTS: Instruments = {
  counter: () => ({ add: ignore }),
  gauge: () => ({ set: ignore }),
  histogram: () => ({ observe: ignore }),
};

function ignore(): void {
  // nobody looks
}
