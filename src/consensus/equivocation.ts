import type { BlockRef, Evidence, VerifiedHeader } from '../types/block.ts';
import type { AuthorIndex, Round } from '../types/ids.ts';

/**
 * Which block of an author and round came first (its *primary*), which are *extras*, and which authors are exposed by them
 * (docs/spec/block.md, "Equivocation"). An author is exposed until its extras are collected; the evidence is reported once.
 */
export class Equivocation {
  readonly #primaries = new Map<Round, Map<AuthorIndex, VerifiedHeader>>();
  readonly #exposedUntil = new Map<AuthorIndex, Round>();
  readonly #reported = new Set<AuthorIndex>();
  #gcRound: Round;

  constructor(gcRound: Round) {
    this.#gcRound = gcRound;
  }

  /** Takes note of a block whose signature was checked; returns the evidence if it is the first that exposes its author. */
  note(block: VerifiedHeader): Evidence | undefined {
    const { author, round } = block;
    let primaries = this.#primaries.get(round);
    if (primaries === undefined) {
      primaries = new Map();
      this.#primaries.set(round, primaries);
    }
    const first = primaries.get(author);
    if (first === undefined) primaries.set(author, block);
    if (first === undefined || first.ref.id === block.ref.id) return undefined;
    this.#exposedUntil.set(author, Math.max(round, this.#exposedUntil.get(author) ?? 0));
    if (this.#reported.has(author)) return undefined;
    this.#reported.add(author);
    return { first, second: block };
  }

  /** Another block than the first one of its author and round. */
  isExtra(ref: BlockRef): boolean {
    const primary = this.#primaries.get(ref.round)?.get(ref.author);
    return primary !== undefined && primary.ref.id !== ref.id;
  }

  isExposed(author: AuthorIndex): boolean {
    return (this.#exposedUntil.get(author) ?? 0) > this.#gcRound;
  }

  /** Forgets rounds up to `gcRound`. */
  collect(gcRound: Round): void {
    for (; this.#gcRound < gcRound; this.#gcRound++) this.#primaries.delete(this.#gcRound + 1);
  }
}
