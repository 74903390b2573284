import type { CommitIndex, Round } from '../types/ids.ts';

/** Collected rounds whose blocks stay within reach at most: a minute of full speed, the longest time between two checkpoints. */
const MAX_SERVED_ROUNDS = 8_192;

/**
 * How far back blocks are found by id. A member that fell behind takes commits over up to the newest certified one and needs blocks from there
 * on; had all others forgotten what they collected since, it could never return, and they might need it for the next certificate.
 */
export class ServedRounds {
  /** Executed and not certified, oldest first. */
  #uncertified: { readonly commit: CommitIndex; readonly gcRound: Round }[] = [];
  #certified: CommitIndex = 0;
  #certifiedGcRound: Round = 0;
  #gcRound: Round = 0;

  /** A commit was executed, after which blocks up to `gcRound` are collected. */
  executed(commit: CommitIndex, gcRound: Round): void {
    if (gcRound === this.#gcRound) return;
    this.#gcRound = gcRound;
    this.#uncertified.push({ commit, gcRound });
    this.#advance();
  }

  /** A quorum certified the state after this commit. */
  certified(commit: CommitIndex): void {
    this.#certified = Math.max(this.#certified, commit);
    this.#advance();
  }

  /** Blocks up to this round are nobody's way back any more. */
  get forgottenRound(): Round {
    return Math.max(this.#certifiedGcRound, this.#gcRound - MAX_SERVED_ROUNDS);
  }

  #advance(): void {
    const open = this.#uncertified.findIndex(
      ({ commit, gcRound }) => commit > this.#certified && gcRound > this.#gcRound - MAX_SERVED_ROUNDS,
    );
    const done = open < 0 ? this.#uncertified.length : open;
    this.#certifiedGcRound = this.#uncertified[done - 1]?.gcRound ?? this.#certifiedGcRound;
    this.#uncertified = this.#uncertified.slice(done);
  }
}
