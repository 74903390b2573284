import assert from 'node:assert/strict';
import type { CommittedSubDag, Core } from '../../src/consensus/index.ts';
import type { Evidence, VerifiedHeader } from '../../src/types/block.ts';
import type { Universe } from './universe.ts';

/** A core that is handed blocks, fetches what it misses from those on offer, and records what came out. */
export class Observer {
  readonly core: Core;
  readonly admitted: VerifiedHeader[] = [];
  readonly commits: CommittedSubDag[] = [];
  readonly evidence: Evidence[] = [];
  readonly #universe: Universe;
  readonly #onOffer: (block: VerifiedHeader) => boolean;
  nowMs = 0;

  constructor(universe: Universe, options: { own?: number; onOffer?: (block: VerifiedHeader) => boolean } = {}) {
    this.#universe = universe;
    this.core = universe.core(options.own);
    this.#onOffer = options.onOffer ?? (() => true);
  }

  /** Delivers a block as a node would: prechecked, inserted, then what is missing fetched until nothing more comes. */
  deliver(block: VerifiedHeader): void {
    const queue = [block];
    for (let next = queue.shift(); next !== undefined; next = queue.shift()) {
      const check = this.core.precheck(next);
      assert.notEqual(check.kind, 'penalise', `${JSON.stringify(check)}`);
      if (check.kind !== 'verify' && check.kind !== 'extra') continue;
      const { admitted, missing, evidence } = this.core.insert(next, this.nowMs);
      this.admitted.push(...admitted);
      this.evidence.push(...evidence);
      for (const ref of missing) {
        const found = this.#universe.find(ref.id);
        if (found !== undefined && this.#onOffer(found)) queue.push(found);
      }
    }
  }

  advance(): void {
    for (const commit of this.core.advance(this.nowMs)) {
      this.commits.push(commit);
      this.admitted.push(...commit.admitted);
    }
  }

  get digests(): readonly string[] {
    return this.commits.map(({ commit }) => commit.digest);
  }
}

/** Each list of commit digests is a prefix of the longest. */
export function assertPrefixes(lists: readonly (readonly string[])[], message: string): void {
  const longest = lists.reduce((a, b) => (b.length > a.length ? b : a));
  for (const list of lists) assert.deepEqual(list, longest.slice(0, list.length), message);
}
