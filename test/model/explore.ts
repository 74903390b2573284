/**
 * The full form of the model: `node test/model/explore.ts --help`. Exit status: 0 if all DAGs agree (with a planted fault: if it was noticed), 1 if
 * not, 2 for a wrong option.
 */
import { parseArgs } from 'node:util';
import { type CampaignResult, runCampaign } from './campaign.ts';
import { countDags } from './count.ts';
import type { Counterexample } from './explorer.ts';
import { MEMBERS } from './layout.ts';
import { assertProductionAgrees } from './production.ts';
import { VARIANTS, type Variant } from './rule.ts';
import { compareAllViews } from './views.ts';

const HELP = `node test/model/explore.ts [options]

Explores every DAG of four members, one of them Byzantine, and checks that no two views of one disagree.

  --rounds N      rounds of the DAGs, 1 to 6 (default 4)
  --leaders L     leader slots a round, 1 to 4 (default 1)
  --copies C      most blocks a round of the Byzantine member, 1 to 3 (default 2); (3 + C) x N is at most 30
  --variant V     a planted fault: ${Object.keys(VARIANTS).join(', ')}
  --views N       on every Nth canonical DAG compare all views literally (default 50; 0: never)
  --fine          tell DAGs apart by anchors two rounds on as well, which the rule does not look at but a faulty production might
  --no-production do not compare with the committer of src/consensus
  --json          one JSON object on stdout
  --help          this text
`;
const FINE_ANCHORS_FROM = 2;
const PROGRESS_EVERY_MS = 5_000;

interface Settings {
  readonly rounds: number;
  readonly leaders: number;
  readonly copies: number;
  readonly variant: Variant;
  readonly viewsEvery: number;
  readonly fine: boolean;
  readonly production: boolean;
  readonly json: boolean;
}

const settings = readSettings();
if (settings !== undefined) run(settings);

function run({ rounds, leaders, copies, variant, viewsEvery, fine, production, json }: Settings): void {
  const start = performance.now();
  let reportedAt = start;
  const compared = { dags: 0, slots: 0 };
  const literal = { dags: 0, views: 0 };
  const result = runCampaign({
    rounds,
    leaders,
    copies,
    rule: VARIANTS[variant],
    anchorsFrom: fine ? FINE_ANCHORS_FROM : undefined,
    onDag: (dag) => {
      if (variant !== 'sound') return;
      compared.dags += 1;
      if (production) compared.slots += assertProductionAgrees(dag);
      if (viewsEvery === 0 || compared.dags % viewsEvery > 0) return;
      const { views, disagreement } = compareAllViews(dag, VARIANTS[variant]);
      if (disagreement !== undefined) throw new Error(`views disagree on slot ${disagreement}\n${dag.describe()}`);
      literal.dags += 1;
      literal.views += views;
    },
    onProgress: (done, parts, states) => {
      if (performance.now() - reportedAt < PROGRESS_EVERY_MS) return;
      reportedAt = performance.now();
      process.stderr.write(`${done} of ${parts} parts, ${states} states, ${seconds(start)} s\n`);
    },
  });
  const dags = Array.from({ length: MEMBERS }, (_, byzantine) =>
    countDags({ rounds, leaders, byzantine, copies }),
  ).reduce((a, b) => a + b);
  const noticed = result.counterexample !== undefined || result.deviation !== undefined;
  process.exitCode = noticed === (variant !== 'sound') ? 0 : 1;
  const shown = {
    options: { rounds, leaders, copies, variant, fine },
    dags: `${dags}`,
    states: result.states,
    pairs: result.pairs,
    transitions: result.transitions,
    decisions: result.decisions,
    production: production && variant === 'sound' ? compared : undefined,
    literal: variant === 'sound' ? literal : undefined,
    counterexample: asText(result.counterexample),
    deviation: asText(result.deviation),
    seconds: Number(seconds(start)),
  };
  process.stdout.write(json ? `${JSON.stringify(shown)}\n` : asLines(shown, dags, result));
}

function asLines(
  shown: { readonly production: unknown; readonly literal: unknown; readonly seconds: number },
  dags: bigint,
  { states, pairs, transitions, decisions, counterexample, deviation }: CampaignResult,
): string {
  const found = [
    ...(counterexample === undefined
      ? ['no counterexample: in every DAG all views agree']
      : ['COUNTEREXAMPLE', asText(counterexample)]),
    ...(deviation === undefined ? [] : ['first deviation from the sound rule', asText(deviation)]),
  ];
  return `${[
    `${dags} DAGs (all four choices of the Byzantine member)`,
    `${states} canonical states, ${pairs} with a second view, ${transitions} transitions, ${shown.seconds} s`,
    `status of the slot looked at, by states: ${JSON.stringify(decisions)}`,
    `compared with production: ${JSON.stringify(shown.production ?? 'no')}; all views literally: ${JSON.stringify(shown.literal ?? 'no')}`,
    ...found,
  ].join('\n')}\n`;
}

function asText(found: Counterexample | undefined): string | undefined {
  if (found === undefined) return undefined;
  const { what, slot, shape, dag, view } = found;
  const byzantine = String.fromCharCode('A'.charCodeAt(0) + shape.byzantine);
  return `slot ${slot.round}.${slot.offset}, ${byzantine} is Byzantine: ${what}\n${dag.describe(view)}`;
}

function readSettings(): Settings | undefined {
  try {
    const { values } = parseArgs({
      options: {
        rounds: { type: 'string', default: '4' },
        leaders: { type: 'string', default: '1' },
        copies: { type: 'string', default: '2' },
        variant: { type: 'string', default: 'sound' },
        views: { type: 'string', default: '50' },
        fine: { type: 'boolean', default: false },
        production: { type: 'boolean', default: true },
        json: { type: 'boolean', default: false },
        help: { type: 'boolean', default: false },
      },
      allowNegative: true,
    });
    if (values.help) {
      process.stdout.write(HELP);
      return undefined;
    }
    return {
      rounds: whole('rounds', values.rounds, 1, 6),
      leaders: whole('leaders', values.leaders, 1, MEMBERS),
      copies: whole('copies', values.copies, 1, 3),
      variant: variantOf(values.variant),
      viewsEvery: whole('views', values.views, 0, 1_000_000),
      fine: values.fine,
      production: values.production,
      json: values.json,
    };
  } catch (error) {
    process.stderr.write(`${error instanceof Error ? error.message : error}\n\n${HELP}`);
    process.exitCode = 2;
    return undefined;
  }
}

function whole(name: string, text: string, least: number, most: number): number {
  const value = Number(text);
  if (Number.isInteger(value) && value >= least && value <= most) return value;
  throw new RangeError(`--${name} is ${text}, not a whole number from ${least} to ${most}`);
}

function variantOf(name: string): Variant {
  if (Object.hasOwn(VARIANTS, name)) return name as Variant;
  throw new RangeError(`--variant ${name} is none of ${Object.keys(VARIANTS).join(', ')}`);
}

function seconds(start: number): string {
  return ((performance.now() - start) / 1_000).toFixed(1);
}
