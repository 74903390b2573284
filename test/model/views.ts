import type { ModelDag } from './dag.ts';
import { blocksIn } from './layout.ts';
import { type Rule, statusesOf } from './rule.ts';

/**
 * The definition itself, without any reduction: all views of a DAG, that is all sets of its blocks closed under ancestors, none of which may decide a
 * slot otherwise than another. Returns how many views there are, or the slot that two of them decide differently.
 */
export function compareAllViews(dag: ModelDag, rule: Rule): { readonly views: number; readonly disagreement?: string } {
  const decided = new Map<string, number>();
  const views = viewsOf(dag);
  for (const view of views) {
    for (const { slot, decision, leader } of statusesOf(dag, view, rule, { round: 1, offset: 0 })) {
      if (decision === 'undecided') continue;
      const name = `${slot.round}.${slot.offset}`;
      if ((decided.get(name) ?? leader) !== leader) return { views: views.length, disagreement: name };
      decided.set(name, leader);
    }
  }
  return { views: views.length };
}

function viewsOf(dag: ModelDag): readonly number[] {
  let views = [0];
  for (const block of blocksIn(dag.present)) {
    const needed = (dag.history[block] as number) & ~(1 << block);
    views = views.flatMap((view) => ((view & needed) === needed ? [view, view | (1 << block)] : [view]));
  }
  return views;
}
