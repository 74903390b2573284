import { writeFileSync } from 'node:fs';
import type { Cluster } from '../support/cluster.ts';
import { drawDag } from './dag-svg.ts';
import type { Outcome, Profile } from './profile.ts';

export interface SeedResult {
  readonly profile: string;
  readonly seed: number;
  readonly outcome: Outcome | undefined;
  /** The first broken promise. */
  readonly failure: string | undefined;
  readonly wallMs: number;
}

export interface SeedOptions {
  readonly trace?: (line: string) => void;
  /** Where to draw the DAG of the watched cluster at the end. */
  readonly svg?: string | undefined;
}

/** Runs one seed; a broken promise is a result, not an exception. */
export async function runSeed(profile: Profile, seed: number, options: SeedOptions = {}): Promise<SeedResult> {
  let watched: Cluster | undefined;
  const witness = {
    trace: options.trace,
    watch: (cluster: Cluster) => {
      watched = cluster;
    },
  };
  const startedMs = performance.now();
  let outcome: Outcome | undefined;
  let failure: string | undefined;
  try {
    outcome = await profile.run(seed, witness);
    if (outcome.commits === 0) failure = 'a run without commits proves nothing';
  } catch (error) {
    failure = error instanceof Error ? `${error.message}\n${error.stack}` : String(error);
  }
  if (options.svg !== undefined && watched !== undefined) writeFileSync(options.svg, drawDag(watched));
  return { profile: profile.name, seed, outcome, failure, wallMs: Math.round(performance.now() - startedMs) };
}
