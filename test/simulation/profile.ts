import type { Cluster } from '../support/cluster.ts';

/** A kind of world to run seeds in: who takes part, what goes wrong, what must hold. */
export interface Profile {
  readonly name: string;
  /** One line for `--list`. */
  readonly about: string;
  /** Runs one seed to its end. Throws at the first broken promise; the same seed gives the same run. */
  run(seed: number, witness: Witness): Promise<Outcome>;
}

/** What a run that kept every promise showed. */
export interface Outcome {
  /** What was drawn from the seed, in words. */
  readonly setting: string;
  readonly commits: number;
  readonly transactions: number;
  readonly virtualMs: number;
  /** Faults that were injected, by kind. */
  readonly faults: Readonly<Record<string, number>>;
  /** Slots by the way they were decided. */
  readonly decisions: Readonly<Record<string, number>>;
  /** Digest of everything that happened: equal for two runs of one seed. */
  readonly fingerprint: string;
}

/** Sees a run from outside, for whoever has to read its failure. */
export interface Witness {
  /** A line with the virtual time in front; undefined when nobody reads it. */
  readonly trace: ((line: string) => void) | undefined;
  /** The cluster to draw when the run fails. */
  watch(cluster: Cluster): void;
}

export const NO_WITNESS: Witness = { trace: undefined, watch: () => undefined };
