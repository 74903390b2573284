import assert from 'node:assert/strict';

/** Equal members of the modelled network: n = 4, f = 1, a quorum is 3. */
export const MEMBERS = 4;
export const QUORUM = 3;
/** Sets of blocks are the bits of one non-negative 32-bit integer, tested with operators that yield a signed one. */
const MAX_BLOCKS = 30;

export interface Shape {
  readonly rounds: number;
  readonly leaders: number;
  /** The member that may make up to `copies` blocks a round. */
  readonly byzantine: number;
  readonly copies: number;
}

export interface ModelSlot {
  readonly round: number;
  readonly offset: number;
}

/** Which bit is which block: `3 + copies` columns a round, column a < 4 being member a, further ones the Byzantine member's other blocks. */
export class Layout {
  readonly shape: Shape;
  readonly width: number;
  readonly size: number;
  readonly #byAuthor: readonly number[];

  constructor(shape: Shape) {
    this.shape = shape;
    this.width = MEMBERS - 1 + shape.copies;
    this.size = this.width * shape.rounds;
    assert(shape.copies >= 1 && this.size <= MAX_BLOCKS, `${this.size} blocks do not fit into ${MAX_BLOCKS} bits`);
    this.#byAuthor = Array.from({ length: MEMBERS }, (_, author) =>
      Array.from({ length: this.size }, (_, block) => (this.author(block) === author ? 1 << block : 0)).reduce(
        union,
        0,
      ),
    );
  }

  block(round: number, column: number): number {
    return (round - 1) * this.width + column;
  }

  round(block: number): number {
    return Math.floor(block / this.width) + 1;
  }

  author(block: number): number {
    const column = block % this.width;
    return column < MEMBERS ? column : this.shape.byzantine;
  }

  /** Columns of a member's blocks in each round. */
  columns(author: number): readonly number[] {
    if (author !== this.shape.byzantine) return [author];
    return [author, ...Array.from({ length: this.shape.copies - 1 }, (_, i) => MEMBERS + i)];
  }

  /** All blocks of one round; none for rounds outside the model. */
  layer(round: number): number {
    if (round < 1 || round > this.shape.rounds) return 0;
    return ((1 << this.width) - 1) << this.block(round, 0);
  }

  below(round: number): number {
    return (1 << this.block(round, 0)) - 1;
  }

  of(author: number): number {
    return this.#byAuthor[author] as number;
  }

  /** How many members made the blocks: whoever made several counts once. */
  authors(blocks: number): number {
    let count = 0;
    for (const own of this.#byAuthor) if ((own & blocks) !== 0) count += 1;
    return count;
  }

  leader({ round, offset }: ModelSlot): number {
    return (round + offset) % MEMBERS;
  }

  slots(round: number): readonly ModelSlot[] {
    return Array.from({ length: this.shape.leaders }, (_, offset) => ({ round, offset }));
  }
}

function union(a: number, b: number): number {
  return a | b;
}

/** Indices of the set bits, ascending. */
export function* blocksIn(set: number): Generator<number> {
  for (let rest = set; rest !== 0; rest &= rest - 1) yield 31 - Math.clz32(rest & -rest);
}

export function sizeOf(set: number): number {
  let count = 0;
  for (let rest = set; rest !== 0; rest &= rest - 1) count += 1;
  return count;
}
