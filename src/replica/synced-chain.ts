import type { CommitPoint, Core } from '../consensus/index.ts';
import { type BlockRef, compareRefs, type VerifiedHeader } from '../types/block.ts';
import type { Commit } from '../types/commit.ts';
import type { BlockId, CommitIndex, Round } from '../types/ids.ts';
import { LinearisedWindow } from './linearised-window.ts';

/** Where a core goes on: behind `last`, with these blocks linearised, and these to be inserted, ancestors first. */
export interface ChainEnd {
  readonly last: Commit;
  readonly linearised: readonly BlockRef[];
  readonly headers: readonly VerifiedHeader[];
}

/**
 * Commits that were taken over from a certified sequence instead of being decided here, on top of what a core decided so far. Their slots are never
 * decided again: the core that goes on afterwards starts behind the last of them.
 */
export class SyncedChain {
  readonly #base: CommitPoint;
  readonly #window: LinearisedWindow;
  readonly #headers = new Map<BlockId, VerifiedHeader>();
  #last: Commit | undefined;

  constructor(core: Core, gcDepth: Round) {
    this.#base = core.lastCommit;
    this.#window = new LinearisedWindow(gcDepth, { gcRound: core.gcRound, refs: core.linearised() });
    for (const header of core.blocks()) this.#headers.set(header.ref.id, header);
  }

  get lastIndex(): CommitIndex {
    return this.#last?.index ?? this.#base.index;
  }

  get lastDigest(): Commit['digest'] {
    return this.#last?.digest ?? this.#base.digest;
  }

  get gcRound(): Round {
    return this.#window.gcRound;
  }

  /** An own block that was under way when the chain began. */
  keep(own: VerifiedHeader): void {
    if (own.round > this.gcRound) this.#headers.set(own.ref.id, own);
  }

  /** Adds the next commit; its chain was checked. @returns the garbage-collection round after it */
  add(commit: Commit, headers: readonly VerifiedHeader[]): Round {
    const before = this.#window.gcRound;
    this.#window.add(commit);
    for (const header of headers) this.#headers.set(header.ref.id, header);
    const { gcRound } = this.#window;
    if (gcRound > before) {
      for (const [blockId, { round }] of this.#headers) if (round <= gcRound) this.#headers.delete(blockId);
    }
    this.#last = commit;
    return gcRound;
  }

  end(): ChainEnd | undefined {
    if (this.#last === undefined) return undefined;
    const headers = [...this.#headers.values()].sort((a, b) => compareRefs(a.ref, b.ref));
    return { last: this.#last, linearised: this.#window.refs(), headers };
  }
}
