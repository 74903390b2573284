import type { ModelDag } from './dag.ts';
import { blocksIn, type ModelSlot, QUORUM, sizeOf } from './layout.ts';

/** The constants of the rule, so that a fault can be planted. */
export interface Rule {
  readonly quorum: number;
  readonly countBlocks: boolean;
  readonly anchorDistance: number;
  readonly passUndecided: boolean;
  readonly blameByAuthor: boolean;
}

export const SOUND: Rule = {
  quorum: QUORUM,
  countBlocks: false,
  anchorDistance: 3,
  passUndecided: false,
  blameByAuthor: false,
};

export type Variant =
  | 'sound'
  | 'quorum-minus-one'
  | 'anchor-at-r+2'
  | 'count-blocks'
  | 'past-undecided'
  | 'blame-by-author';

export const VARIANTS: Readonly<Record<Variant, Rule>> = {
  sound: SOUND,
  'quorum-minus-one': { ...SOUND, quorum: QUORUM - 1 },
  'anchor-at-r+2': { ...SOUND, anchorDistance: 2 },
  'count-blocks': { ...SOUND, countBlocks: true },
  'past-undecided': { ...SOUND, passUndecided: true },
  'blame-by-author': { ...SOUND, blameByAuthor: true },
};

export type ModelDecision = 'direct-commit' | 'direct-skip' | 'indirect-commit' | 'indirect-skip' | 'undecided';

export interface ModelStatus {
  readonly slot: ModelSlot;
  readonly decision: ModelDecision;
  /** The committed block, -1 if there is none. */
  readonly leader: number;
}

/**
 * The commit rule over bit sets, from docs/spec/commit-rule.md and from nothing else: a pure function of a DAG and of a view, which is a set of its
 * blocks that is closed under ancestors. Statuses of all slots from `first` to the last of the model's rounds, in slot order.
 */
export function statusesOf(dag: ModelDag, view: number, rule: Rule, first: ModelSlot): readonly ModelStatus[] {
  const { layout } = dag;
  const statuses: ModelStatus[] = [];
  for (let round = layout.shape.rounds; round >= first.round; round--) {
    for (const slot of [...layout.slots(round)].reverse()) {
      if (round === first.round && slot.offset < first.offset) continue;
      statuses.unshift(direct(dag, view, rule, slot) ?? indirect(dag, view, rule, slot, statuses));
    }
  }
  return statuses;
}

/** Blocks of the slot's leader in the slot's round. */
export function candidates({ layout }: ModelDag, view: number, slot: ModelSlot): number {
  return view & layout.layer(slot.round) & layout.of(layout.leader(slot));
}

/** Blocks of the next round that reference `candidate`. */
export function votes(dag: ModelDag, view: number, candidate: number): number {
  const { layout } = dag;
  let voting = 0;
  for (const block of blocksIn(view & layout.layer(layout.round(candidate) + 1))) {
    if (((dag.parents[block] as number) & (1 << candidate)) !== 0) voting |= 1 << block;
  }
  return voting;
}

/** Blocks of the next round that reference no candidate of the slot; an older block of its leader is none. */
export function blames(dag: ModelDag, view: number, rule: Rule, slot: ModelSlot): number {
  const { layout } = dag;
  const leaders = layout.of(layout.leader(slot)) & (rule.blameByAuthor ? ~0 : layout.layer(slot.round));
  let blaming = 0;
  for (const block of blocksIn(view & layout.layer(slot.round + 1))) {
    if (((dag.parents[block] as number) & leaders) === 0) blaming |= 1 << block;
  }
  return blaming;
}

/** Blocks two rounds on whose parents hold a quorum of votes for `candidate`. */
export function certificates(dag: ModelDag, view: number, rule: Rule, candidate: number): number {
  const { layout } = dag;
  const voting = votes(dag, view, candidate);
  let certifying = 0;
  for (const block of blocksIn(view & layout.layer(layout.round(candidate) + 2))) {
    if (support(dag, rule, (dag.parents[block] as number) & voting) >= rule.quorum) certifying |= 1 << block;
  }
  return certifying;
}

/** Members behind the blocks. */
export function support({ layout }: ModelDag, rule: Rule, blocks: number): number {
  return rule.countBlocks ? sizeOf(blocks) : layout.authors(blocks);
}

function direct(dag: ModelDag, view: number, rule: Rule, slot: ModelSlot): ModelStatus | undefined {
  if (support(dag, rule, blames(dag, view, rule, slot)) >= rule.quorum)
    return { slot, decision: 'direct-skip', leader: -1 };
  for (const candidate of blocksIn(candidates(dag, view, slot))) {
    if (support(dag, rule, certificates(dag, view, rule, candidate)) >= rule.quorum)
      return { slot, decision: 'direct-commit', leader: candidate };
  }
  return undefined;
}

function indirect(
  dag: ModelDag,
  view: number,
  rule: Rule,
  slot: ModelSlot,
  above: readonly ModelStatus[],
): ModelStatus {
  for (const { slot: anchor, decision, leader } of above) {
    if (anchor.round < slot.round + rule.anchorDistance) continue;
    if (decision === 'direct-skip' || decision === 'indirect-skip') continue;
    if (decision !== 'undecided') return decidedBy(dag, view, rule, slot, leader);
    if (!rule.passUndecided) break;
  }
  return { slot, decision: 'undecided', leader: -1 };
}

function decidedBy(dag: ModelDag, view: number, rule: Rule, slot: ModelSlot, anchor: number): ModelStatus {
  const history = dag.history[anchor] as number;
  for (const candidate of blocksIn(candidates(dag, view, slot))) {
    if ((certificates(dag, view, rule, candidate) & history) !== 0)
      return { slot, decision: 'indirect-commit', leader: candidate };
  }
  return { slot, decision: 'indirect-skip', leader: -1 };
}
