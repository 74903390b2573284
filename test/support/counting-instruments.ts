import type { InstrumentSpec, Instruments } from '../../src/util/instruments.ts';

type AnyLabels = Readonly<Record<string, string>>;

/** Keeps what the instruments were told, for tests to read by name and labels. */
export class CountingInstruments implements Instruments {
  readonly #values: { readonly name: string; readonly labels: AnyLabels; value: number }[] = [];

  counter<Label extends string = never>({ name }: InstrumentSpec<Label>) {
    return { add: (amount: number, labels: AnyLabels = {}) => this.#change(name, labels, (value) => value + amount) };
  }

  gauge<Label extends string = never>({ name }: InstrumentSpec<Label>) {
    return { set: (value: number, labels: AnyLabels = {}) => this.#change(name, labels, () => value) };
  }

  histogram<Label extends string = never>({ name }: InstrumentSpec<Label>) {
    return { observe: (_value: number, labels: AnyLabels = {}) => this.#change(name, labels, (count) => count + 1) };
  }

  /** Sum over all label sets that have the given labels. */
  total(name: string, labels: AnyLabels = {}): number {
    const matching = this.#values.filter(
      (entry) => entry.name === name && Object.entries(labels).every(([label, value]) => entry.labels[label] === value),
    );
    return matching.reduce((sum, entry) => sum + entry.value, 0);
  }

  #change(name: string, labels: AnyLabels, change: (value: number) => number): void {
    const key = JSON.stringify(labels);
    let entry = this.#values.find((other) => other.name === name && JSON.stringify(other.labels) === key);
    if (entry === undefined) {
      entry = { name, labels, value: 0 };
      this.#values.push(entry);
    }
    entry.value = change(entry.value);
  }
}
