import { ModelDag } from './dag.ts';
import { Fold, type Stage } from './fold.ts';
import { blocksIn, Layout, MEMBERS, type ModelSlot, QUORUM, type Shape } from './layout.ts';
import { legalAncestors } from './legal.ts';
import { blames, candidates, certificates, type ModelDecision, type Rule, statusesOf, support } from './rule.ts';

export interface Counterexample {
  readonly what: string;
  readonly shape: Shape;
  readonly slot: ModelSlot;
  readonly dag: ModelDag;
  /** The smaller of the two views that disagree. */
  readonly view: number;
}

export interface Exploration {
  /** Canonical DAGs: those that differ, once folded, in what a slot's status can depend on. */
  readonly states: number;
  /** States with a second view, which lacks one block and therefore a direct decision. */
  readonly pairs: number;
  /** Turns of a member that were tried. */
  readonly transitions: number;
  readonly decisions: ReadonlyMap<ModelDecision, number>;
  readonly counterexample: Counterexample | undefined;
}

export interface ExploreOptions {
  readonly shape: Shape;
  readonly rule: Rule;
  readonly slot: ModelSlot;
  /** Called with each canonical DAG whose rounds are complete; it is changed afterwards. */
  readonly onDag?: (dag: ModelDag, key: string, decision: ModelDecision) => void;
  /** As of the constructor of `Fold`. */
  readonly anchorsFrom?: number;
  /** False: nothing is folded, every DAG is a state. Only for very small shapes. */
  readonly fold?: boolean;
}

interface State {
  readonly dag: ModelDag;
  readonly removed: number;
}

/** Every DAG of the shape, member by member and round by round, as far as it can matter for one slot; stops at the first counterexample. */
export function explore({ shape, rule, slot, onDag, anchorsFrom, fold: folded = true }: ExploreOptions): Exploration {
  const layout = new Layout(shape);
  const fold = new Fold(layout, rule, slot, anchorsFrom);
  const decisions = new Map<ModelDecision, number>();
  let [states, pairs, transitions] = [0, 0, 0];
  let frontier: State[] = [{ dag: new ModelDag(layout), removed: -1 }];
  const finish = (counterexample?: Counterexample): Exploration => ({
    states,
    pairs,
    transitions,
    decisions,
    counterexample,
  });
  for (let round = 1; round <= fold.lastRound; round++) {
    for (let member = 0; member < MEMBERS; member++) {
      const reached = new Map<string, State>();
      for (const state of frontier) {
        transitions += successors(fold, state, round, member, (dag, removed) => {
          const stage = { round, nextMember: member + 1, removed };
          if (!isOfUse(fold, dag, stage)) return;
          const key = folded ? fold.key(dag, stage) : `${[...dag.parents]}/${dag.present}/${removed}`;
          if (!reached.has(key)) reached.set(key, { dag: new ModelDag(layout, dag), removed });
        });
      }
      frontier = [...reached.values()];
      if (member < MEMBERS - 1) continue;
      for (const [key, { dag, removed }] of reached) {
        const { decision, wrong } = check(dag, rule, slot, removed);
        if (removed < 0) {
          states += 1;
          decisions.set(decision, (decisions.get(decision) ?? 0) + 1);
          onDag?.(dag, key, decision);
        } else pairs += 1;
        if (wrong !== undefined) return finish({ what: wrong, shape, slot, dag, view: without(dag, removed) });
      }
    }
    frontier = frontier.filter((state) => goesOn(state, rule, slot, round));
  }
  return finish();
}

/** Calls `visit` with the DAG extended by each kind of turn of the member: no block, one, or several; with `removed` one that only one view has. */
function successors(
  fold: Fold,
  { dag, removed }: State,
  round: number,
  member: number,
  visit: (dag: ModelDag, removed: number) => void,
): number {
  const { layout } = dag;
  const columns = layout.columns(member).map((column) => layout.block(round, column));
  const kinds = kindsOfBlocks(fold, dag, without(dag, removed), round, member, columns[0] as number);
  let count = 0;
  const turn = (made: number, from: number): void => {
    count += 1;
    visit(dag, removed);
    if (removed < 0 && fold.counts(round)) for (const block of columns.slice(0, made)) visit(dag, block);
    const next = columns[made];
    if (next === undefined) return;
    for (let kind = from; kind < kinds.length; kind++) {
      dag.add(next, kinds[kind] as number);
      turn(made + 1, kind);
      dag.remove(1 << next);
    }
  };
  turn(0, 0);
  return count;
}

/** Sets of ancestors, one of each kind that can be told apart later, by sight: so two blocks of one round have one order only. */
function kindsOfBlocks(
  fold: Fold,
  dag: ModelDag,
  known: number,
  round: number,
  member: number,
  block: number,
): readonly number[] {
  const kinds = new Map<number, number>();
  for (const ancestors of legalAncestors(dag, known & dag.layout.below(round), member, round)) {
    dag.add(block, ancestors);
    const sight = fold.sight(dag, block);
    if (!kinds.has(sight)) kinds.set(sight, ancestors);
    dag.remove(1 << block);
  }
  return [...kinds].sort(([a], [b]) => a - b).map(([, ancestors]) => ancestors);
}

/** A second view is worth following only while it decides something differently. */
function isOfUse(fold: Fold, dag: ModelDag, stage: Stage): boolean {
  if (stage.removed < 0 || stage.nextMember < MEMBERS) return true;
  return dag.layout.round(stage.removed) < stage.round || fold.differs(dag, stage);
}

/** The next round needs a quorum of this one; and nothing changes any more once both views decided the slot directly. */
function goesOn({ dag, removed }: State, rule: Rule, slot: ModelSlot, round: number): boolean {
  const { layout } = dag;
  const smaller = without(dag, removed);
  if (layout.authors(smaller & layout.layer(round)) < QUORUM) return false;
  if (round < slot.round + 2) return true;
  return [dag.present, smaller].some((view) => !isDirect(dag, view, rule, slot));
}

function isDirect(dag: ModelDag, view: number, rule: Rule, slot: ModelSlot): boolean {
  return statusOf(dag, view, rule, slot).decision.startsWith('direct');
}

/** What must hold in each DAG, and between it and the view that lacks one block. */
function check(
  dag: ModelDag,
  rule: Rule,
  slot: ModelSlot,
  removed: number,
): { readonly decision: ModelDecision; readonly wrong?: string } {
  const status = statusOf(dag, dag.present, rule, slot);
  const { decision } = status;
  if (removed >= 0) {
    const before = statusOf(dag, without(dag, removed), rule, slot);
    const stands = before.decision === 'undecided' || (decision !== 'undecided' && before.leader === status.leader);
    return stands
      ? { decision }
      : { decision, wrong: `one more block turns ${before.decision} into ${decision} ${nameOf(dag, status.leader)}` };
  }
  const certified = [...blocksIn(candidates(dag, dag.present, slot))].filter(
    (candidate) => certificates(dag, dag.present, rule, candidate) !== 0,
  );
  if (certified.length > 1) return { decision, wrong: 'two candidates of one slot are certified' };
  const skipped = support(dag, rule, blames(dag, dag.present, rule, slot)) >= rule.quorum;
  if (skipped && certified.length > 0) return { decision, wrong: 'a slot is skipped and certified' };
  return { decision };
}

function statusOf(dag: ModelDag, view: number, rule: Rule, slot: ModelSlot) {
  const [status] = statusesOf(dag, view, rule, slot);
  if (status === undefined) throw new Error('the slot is one of the model');
  return status;
}

function without(dag: ModelDag, removed: number): number {
  return removed < 0 ? dag.present : dag.present & ~(1 << removed);
}

function nameOf(dag: ModelDag, block: number): string {
  return block < 0 ? '' : `of ${dag.name(block)}`;
}
