import type { Committee } from '../params/committee.ts';
import type { BlockRef, VerifiedHeader } from '../types/block.ts';
import type { AuthorIndex, BlockId, Round } from '../types/ids.ts';
import { assert, assertDefined } from '../util/assert.ts';
import { Support } from './support.ts';

/** The admitted blocks above the garbage-collection round, to read. */
export interface DagView {
  readonly highestRound: Round;
  readonly gcRound: Round;
  get(id: BlockId): VerifiedHeader | undefined;
  has(id: BlockId): boolean;
  /** In order of admission. */
  blocksAt(round: Round): readonly VerifiedHeader[];
  /** In order of admission; more than one if the author equivocated. */
  blocksOf(author: AuthorIndex, round: Round): readonly VerifiedHeader[];
  /** Highest round of an admitted block of the author, ever; 0 if there was none. */
  highestOf(author: AuthorIndex): Round;
}

interface Layer {
  readonly blocks: VerifiedHeader[];
  readonly authors: Support;
}

/** The admitted blocks. A block enters after all its ancestors above the garbage-collection round, and leaves when that round passes it. */
export class Dag implements DagView {
  readonly #committee: Committee;
  readonly #blocks = new Map<BlockId, VerifiedHeader>();
  readonly #layers = new Map<Round, Layer>();
  readonly #highest: Round[];
  #highestRound: Round = 0;
  #gcRound: Round;

  constructor(committee: Committee, gcRound: Round) {
    this.#committee = committee;
    this.#gcRound = gcRound;
    this.#highest = committee.members.map(() => 0);
  }

  get highestRound(): Round {
    return this.#highestRound;
  }

  get gcRound(): Round {
    return this.#gcRound;
  }

  get highestRounds(): readonly Round[] {
    return this.#highest;
  }

  get size(): number {
    return this.#blocks.size;
  }

  get(id: BlockId): VerifiedHeader | undefined {
    return this.#blocks.get(id);
  }

  has(id: BlockId): boolean {
    return this.#blocks.has(id);
  }

  /** In order of admission. */
  blocks(): readonly VerifiedHeader[] {
    return [...this.#blocks.values()];
  }

  blocksAt(round: Round): readonly VerifiedHeader[] {
    return this.#layers.get(round)?.blocks ?? [];
  }

  blocksOf(author: AuthorIndex, round: Round): readonly VerifiedHeader[] {
    return this.blocksAt(round).filter((block) => block.author === author);
  }

  highestOf(author: AuthorIndex): Round {
    return assertDefined(this.#highest[author], 'author of the committee');
  }

  hasBlockOf(author: AuthorIndex, round: Round): boolean {
    return this.#layers.get(round)?.authors.has(author) ?? false;
  }

  /** Power of the authors with an admitted block reaches the quorum. The virtual genesis blocks of round 0 always do. */
  quorumAt(round: Round): boolean {
    return round === 0 || (this.#layers.get(round)?.authors.hasQuorum ?? false);
  }

  /** Authors without an admitted block of the round, ascending. */
  absentAt(round: Round): readonly AuthorIndex[] {
    return (this.#layers.get(round)?.authors ?? new Support(this.#committee)).absent();
  }

  insert(block: VerifiedHeader): void {
    const { ref, author, round } = block;
    assert(
      round > this.#gcRound && !this.#blocks.has(ref.id),
      'a block enters once, above the garbage-collection round',
    );
    this.#blocks.set(ref.id, block);
    let layer = this.#layers.get(round);
    if (layer === undefined) {
      layer = { blocks: [], authors: new Support(this.#committee) };
      this.#layers.set(round, layer);
    }
    layer.blocks.push(block);
    layer.authors.add(author);
    if (round > this.highestOf(author)) this.#highest[author] = round;
    if (round > this.#highestRound) this.#highestRound = round;
  }

  /** The block and its history above `floor`, each block once, in no particular order. Does not pass through blocks for which `stop` holds. */
  *history(
    from: VerifiedHeader,
    floor: Round,
    stop: (ref: BlockRef) => boolean = () => false,
  ): Generator<VerifiedHeader> {
    assert(floor >= this.#gcRound, 'history below the garbage-collection round is gone');
    const seen = new Set<BlockId>([from.ref.id]);
    const open = [from];
    for (let block = open.pop(); block !== undefined; block = open.pop()) {
      yield block;
      for (const ref of block.ancestors) {
        if (ref.round <= floor || seen.has(ref.id) || stop(ref)) continue;
        seen.add(ref.id);
        open.push(assertDefined(this.#blocks.get(ref.id), 'ancestors are admitted first'));
      }
    }
  }

  /** Forgets rounds up to `gcRound` and returns their blocks, ascending by round. */
  collect(gcRound: Round): VerifiedHeader[] {
    const collected: VerifiedHeader[] = [];
    for (; this.#gcRound < gcRound; this.#gcRound++) {
      const layer = this.#layers.get(this.#gcRound + 1);
      if (layer === undefined) continue;
      for (const block of layer.blocks) this.#blocks.delete(block.ref.id);
      collected.push(...layer.blocks);
      this.#layers.delete(this.#gcRound + 1);
    }
    return collected;
  }
}
