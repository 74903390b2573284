import type { Committee } from '../params/committee.ts';
import type { AuthorIndex } from '../types/ids.ts';

/** A set of authors and their summed power. An author counts once, however many of its blocks say the same. */
export class Support {
  readonly #committee: Committee;
  readonly #present: Uint8Array;
  #power = 0;

  constructor(committee: Committee) {
    this.#committee = committee;
    this.#present = new Uint8Array(committee.size);
  }

  get power(): number {
    return this.#power;
  }

  get hasQuorum(): boolean {
    return this.#power >= this.#committee.quorum;
  }

  has(author: AuthorIndex): boolean {
    return this.#present[author] === 1;
  }

  add(author: AuthorIndex): void {
    if (this.has(author)) return;
    this.#present[author] = 1;
    this.#power += this.#committee.power(author);
  }

  /** Ascending. */
  authors(): readonly AuthorIndex[] {
    return this.#committee.members.map((_, author) => author).filter((author) => this.has(author));
  }

  /** Authors outside the set, ascending. */
  absent(): readonly AuthorIndex[] {
    return this.#committee.members.map((_, author) => author).filter((author) => !this.has(author));
  }
}
