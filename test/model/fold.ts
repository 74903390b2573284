import type { ModelDag } from './dag.ts';
import { blocksIn, type Layout, MEMBERS, type ModelSlot } from './layout.ts';
import { blames, certificates, type Rule, SOUND, support } from './rule.ts';

/** A DAG under construction: rounds below `round` are complete, of `round` the members below `nextMember` have had their turn. */
export interface Stage {
  readonly round: number;
  readonly nextMember: number;
  /** The block that only the larger of two views has; -1: there is one view. Nothing references it. */
  readonly removed: number;
}

/**
 * What can still matter for the status of one slot. Two DAGs with the same key have the same status of the slot and the same futures, so that one of
 * them stands for both; README.md argues why.
 */
export class Fold {
  readonly slot: ModelSlot;
  /** The slot, and those that a block can still be committed in which then decides it. */
  readonly relevant: readonly ModelSlot[];
  readonly #layout: Layout;
  readonly #rule: Rule;
  readonly #lastAnchorRound: number;
  /** A variant of the blame is folded so that DAGs in which it differs from the sound one stay apart. */
  readonly #blameRules: readonly Rule[];

  /** `anchorsFrom`: rounds from the slot to the first anchors told apart; fewer than the rule's is finer than its status needs. */
  constructor(layout: Layout, rule: Rule, slot: ModelSlot, anchorsFrom = rule.anchorDistance) {
    this.#layout = layout;
    this.#rule = rule;
    this.#blameRules = rule.blameByAuthor ? [rule, SOUND] : [rule];
    this.slot = slot;
    const anchors = [];
    for (let round = slot.round + anchorsFrom; round + 2 <= layout.shape.rounds; round++)
      anchors.push(...layout.slots(round));
    this.relevant = [slot, ...anchors];
    this.#lastAnchorRound = anchors.at(-1)?.round ?? 0;
  }

  /** No block of a later round than this changes the status. */
  get lastRound(): number {
    return Math.min(this.#layout.shape.rounds, Math.max(this.slot.round, this.#lastAnchorRound) + 2);
  }

  /** A block of this round can decide a relevant slot directly. */
  counts(round: number): boolean {
    return this.relevant.some((slot) => round === slot.round + 1 || round === slot.round + 2);
  }

  /** All that anything later, or the status, can tell about a block: blocks of one member with equal sights are interchangeable. */
  sight(dag: ModelDag, block: number): number {
    const round = this.#layout.round(block);
    let sight = this.#remembered(dag, block);
    for (const slot of this.relevant) {
      if (round === slot.round + 1) {
        for (const rule of this.#blameRules) sight = sight * 2 + (blames(dag, 1 << block, rule, slot) !== 0 ? 1 : 0);
      }
      if (round === slot.round + 2) sight = (sight << this.#layout.shape.copies) | this.#certifies(dag, block, slot);
    }
    return sight;
  }

  key(dag: ModelDag, { round, nextMember, removed }: Stage): string {
    const complete = nextMember === MEMBERS;
    const known = removed < 0 ? dag.present : dag.present & ~(1 << removed);
    const records = Array.from({ length: MEMBERS }, (_, member) => this.#record(dag, known, member, round, complete));
    if (complete) this.#sortInterchangeable(records, round);
    const parts = [round, nextMember, removed < 0 ? 0 : 1, ...records.flat()];
    for (const slot of this.relevant) {
      this.#pushDirect(parts, dag, dag.present, slot, round, complete);
      if (removed >= 0) this.#pushDirect(parts, dag, known, slot, round, complete);
      if (slot !== this.slot) parts.push(...this.#anchors(dag, slot, round));
    }
    return parts.join();
  }

  /** Whether the two views differ in what is decided directly. If not, they are the same view from here on. */
  differs(dag: ModelDag, { round, removed }: Stage): boolean {
    const of = (view: number) => {
      const parts: number[] = [];
      for (const slot of this.relevant) this.#pushDirect(parts, dag, view, slot, round, true);
      return parts.join();
    };
    return of(dag.present) !== of(dag.present & ~(1 << removed));
  }

  /** What blocks of the next round can tell about a block that they reference. */
  #remembered(dag: ModelDag, block: number): number {
    const round = this.#layout.round(block);
    let sight = round <= this.#lastAnchorRound ? this.#certified(dag, block) : 0;
    for (const slot of this.relevant) {
      if (round !== slot.round + 1 || slot.round + 2 > this.#layout.shape.rounds) continue;
      const columns = this.#layout.columns(this.#layout.leader(slot));
      const voted = columns.findIndex(
        (column) => ((dag.parents[block] as number) & (1 << this.#layout.block(slot.round, column))) !== 0,
      );
      sight = sight * 4 + voted + 1;
    }
    return sight;
  }

  /** Candidates of the slot that have a certificate in the block's history, as bits. */
  #certified(dag: ModelDag, block: number): number {
    const history = dag.history[block] as number;
    return this.#copies(dag, this.slot, (candidate) => certificates(dag, history, this.#rule, candidate) !== 0);
  }

  /** Candidates of the slot that this block certifies, as bits. */
  #certifies(dag: ModelDag, block: number, slot: ModelSlot): number {
    const history = dag.history[block] as number;
    return this.#copies(
      dag,
      slot,
      (candidate) => (certificates(dag, history, this.#rule, candidate) & (1 << block)) !== 0,
    );
  }

  #copies(dag: ModelDag, slot: ModelSlot, holds: (candidate: number) => boolean): number {
    let bits = 0;
    for (const [copy, column] of this.#layout.columns(this.#layout.leader(slot)).entries()) {
      const candidate = this.#layout.block(slot.round, column);
      if ((dag.present & (1 << candidate)) !== 0 && holds(candidate)) bits |= 1 << copy;
    }
    return bits;
  }

  /** A member's blocks that can still be referenced: those of the topmost rounds one by one, the older ones as what they would bring along. */
  #record(dag: ModelDag, known: number, member: number, round: number, complete: boolean): readonly number[] {
    const { shape } = this.#layout;
    const record: number[] = [];
    if (complete && round >= this.lastRound) return record;
    for (let top = round; top >= (complete ? round : round - 1) && top >= 1; top--) {
      if (top >= this.lastRound) continue;
      for (const column of this.#layout.columns(member)) {
        const block = this.#layout.block(top, column);
        record.push((known & (1 << block)) === 0 ? 0 : 1 + this.#remembered(dag, block));
      }
    }
    record.push(this.#older(dag, known, member, complete ? round + 1 : round));
    if (this.#rule.blameByAuthor && round <= shape.rounds) {
      const older = known & this.#layout.of(member) & this.#layout.below(complete ? round : Math.max(1, round - 1));
      record.push(older === 0 ? 0 : 1);
    }
    return record;
  }

  /** Which certificates references to a member's blocks from before `building - 1` can bring into a history: a set of sets of candidates. */
  #older(dag: ModelDag, known: number, member: number, building: number): number {
    if (building > this.#lastAnchorRound || building - 2 < this.slot.round + 2) return 0;
    let brought = 0;
    for (const block of blocksIn(known & this.#layout.of(member) & this.#layout.below(building - 1)))
      brought |= 1 << this.#certified(dag, block);
    return brought & ~1;
  }

  /** Correct members that lead no relevant slot from `round` on can change places. */
  #sortInterchangeable(records: (readonly number[])[], round: number): void {
    const fixed = new Set(
      this.relevant.filter((slot) => slot.round >= round).map((slot) => this.#layout.leader(slot)),
    ).add(this.#layout.shape.byzantine);
    const free = [...records.keys()].filter((member) => !fixed.has(member));
    const sorted = free.map((member) => records[member] as readonly number[]).sort(lexicographic);
    for (const [i, member] of free.entries()) records[member] = sorted[i] as readonly number[];
  }

  /** Support of what decides the slot directly; once a round is complete, only whether it is a quorum. */
  #pushDirect(parts: number[], dag: ModelDag, view: number, slot: ModelSlot, round: number, complete: boolean): void {
    const counted = (blocks: number, at: number) => {
      const power = support(dag, this.#rule, blocks);
      if (round > at || complete) return power >= this.#rule.quorum ? 1 : 0;
      return Math.min(power, this.#rule.quorum);
    };
    if (round > slot.round)
      for (const rule of this.#blameRules) parts.push(counted(blames(dag, view, rule, slot), slot.round + 1));
    if (round <= slot.round + 1) return;
    for (const column of this.#layout.columns(this.#layout.leader(slot))) {
      const candidate = this.#layout.block(slot.round, column);
      const exists = (view & (1 << candidate)) !== 0;
      parts.push(exists ? counted(certificates(dag, view, this.#rule, candidate), slot.round + 2) : 0);
    }
  }

  /** How each candidate of an anchor slot would decide the slot. */
  #anchors(dag: ModelDag, anchor: ModelSlot, round: number): readonly number[] {
    if (round < anchor.round) return [];
    return this.#layout.columns(this.#layout.leader(anchor)).map((column) => {
      const block = this.#layout.block(anchor.round, column);
      return (dag.present & (1 << block)) === 0 ? 0 : 1 + this.#certified(dag, block);
    });
  }
}

function lexicographic(a: readonly number[], b: readonly number[]): number {
  const at = a.findIndex((value, i) => value !== b[i]);
  return at < 0 ? 0 : (a[at] as number) - (b[at] as number);
}
