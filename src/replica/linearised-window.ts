import type { BlockRef } from '../types/block.ts';
import type { Commit } from '../types/commit.ts';
import type { Round } from '../types/ids.ts';

/** The references of a sequence of commits that lie above its garbage-collection round: with the last commit, all that a core restarts from. */
export class LinearisedWindow {
  readonly #gcDepth: Round;
  readonly #rounds = new Map<Round, BlockRef[]>();
  #gcRound: Round;

  constructor(gcDepth: Round, start: { readonly gcRound: Round; readonly refs: readonly BlockRef[] }) {
    this.#gcDepth = gcDepth;
    this.#gcRound = start.gcRound;
    for (const ref of start.refs) this.#add(ref);
  }

  get gcRound(): Round {
    return this.#gcRound;
  }

  add(commit: Commit): void {
    for (const ref of commit.refs) this.#add(ref);
    const gcRound = Math.max(this.#gcRound, commit.leader.round - this.#gcDepth);
    for (let round = this.#gcRound; round <= gcRound; round++) this.#rounds.delete(round);
    this.#gcRound = gcRound;
  }

  refs(): BlockRef[] {
    return [...this.#rounds.values()].flat();
  }

  #add(ref: BlockRef): void {
    if (ref.round <= this.#gcRound) return;
    const refs = this.#rounds.get(ref.round);
    if (refs === undefined) this.#rounds.set(ref.round, [ref]);
    else refs.push(ref);
  }
}
