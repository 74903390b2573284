import { ModelDag } from './dag.ts';
import { type Counterexample, explore } from './explorer.ts';
import { MEMBERS, type ModelSlot, type Shape } from './layout.ts';
import { type ModelDecision, type Rule, SOUND, statusesOf } from './rule.ts';

export interface CampaignOptions {
  readonly rounds: number;
  readonly leaders: number;
  readonly copies: number;
  readonly rule: Rule;
  /** As of the constructor of `Fold`. */
  readonly anchorsFrom?: number | undefined;
  readonly onDag?: (dag: ModelDag) => void;
  /** Called after each of `parts` parts. */
  readonly onProgress?: (done: number, parts: number, states: number) => void;
}

export interface CampaignResult {
  readonly states: number;
  readonly pairs: number;
  readonly transitions: number;
  readonly decisions: Readonly<Record<ModelDecision, number>>;
  readonly counterexample: Counterexample | undefined;
  /** First DAG on which the rule does not decide as the sound one does. */
  readonly deviation: Counterexample | undefined;
}

/** All slots of the model's rounds, each with each member being the Byzantine one; ends at the first counterexample. */
export function runCampaign({
  rounds,
  leaders,
  copies,
  rule,
  anchorsFrom,
  onDag,
  onProgress,
}: CampaignOptions): CampaignResult {
  const parts = partsOf(rounds, leaders, copies);
  const decisions = {
    'direct-commit': 0,
    'direct-skip': 0,
    'indirect-commit': 0,
    'indirect-skip': 0,
    undecided: 0,
  };
  let [states, pairs, transitions] = [0, 0, 0];
  let deviation: Counterexample | undefined;
  for (const [done, { shape, slot }] of parts.entries()) {
    const explored = explore({
      shape,
      rule,
      slot,
      ...(anchorsFrom === undefined ? {} : { anchorsFrom }),
      onDag: (dag, _, decision) => {
        if (rule !== SOUND) deviation ??= deviationOf(dag, decision, shape, slot);
        onDag?.(dag);
      },
    });
    states += explored.states;
    pairs += explored.pairs;
    transitions += explored.transitions;
    for (const [decision, count] of explored.decisions) decisions[decision] += count;
    const { counterexample } = explored;
    if (counterexample !== undefined) return { states, pairs, transitions, decisions, counterexample, deviation };
    onProgress?.(done + 1, parts.length, states);
  }
  return { states, pairs, transitions, decisions, counterexample: undefined, deviation };
}

function partsOf(
  rounds: number,
  leaders: number,
  copies: number,
): readonly { readonly shape: Shape; readonly slot: ModelSlot }[] {
  const members = Array.from({ length: MEMBERS }, (_, member) => member);
  return members.flatMap((byzantine) =>
    Array.from({ length: rounds * leaders }, (_, position) => ({
      shape: { rounds, leaders, byzantine, copies },
      slot: { round: 1 + Math.floor(position / leaders), offset: position % leaders },
    })),
  );
}

function deviationOf(
  dag: ModelDag,
  decision: ModelDecision,
  shape: Shape,
  slot: ModelSlot,
): Counterexample | undefined {
  const [sound] = statusesOf(dag, dag.present, SOUND, slot);
  if (sound === undefined || sound.decision === decision) return undefined;
  const what = `the sound rule says ${sound.decision}, this one ${decision}`;
  return { what, shape, slot, dag: new ModelDag(dag.layout, dag), view: dag.present };
}
