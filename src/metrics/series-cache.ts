import { assert } from '../util/assert.ts';
import type { Labels } from '../util/instruments.ts';

/** A series costs Prometheus some 3 kB and a histogram has a dozen: a committee of 100 fits, anything that strangers name does not. */
export const MAX_SERIES = 256;
const OTHER = 'other';

/**
 * The series of one instrument by its label values. Looking one up here saves prom-client's hashing of labels on every count; values beyond
 * the limit share the series `other`, so that no mistake fills the memory.
 */
export class SeriesCache<Label extends string, Child> {
  readonly #labels: readonly Label[];
  readonly #make: (labels: Labels<Label>) => Child;
  readonly #noteFolded: () => void;
  readonly #children = new Map<string, Child>();
  #other: Child | undefined;

  constructor(labels: readonly Label[], make: (labels: Labels<Label>) => Child, noteFolded: () => void) {
    this.#labels = labels;
    this.#make = make;
    this.#noteFolded = noteFolded;
  }

  of(values: Labels<Label> | undefined): Child {
    assert(values !== undefined, 'a labelled instrument needs its labels');
    let key = '';
    for (const label of this.#labels) key += `${values[label]}\0`;
    const known = this.#children.get(key);
    if (known !== undefined) return known;
    if (this.#children.size === MAX_SERIES) return this.#folded();
    const child = this.#make(values);
    this.#children.set(key, child);
    return child;
  }

  #folded(): Child {
    this.#noteFolded();
    this.#other ??= this.#make(Object.fromEntries(this.#labels.map((label) => [label, OTHER])) as Labels<Label>);
    return this.#other;
  }
}
