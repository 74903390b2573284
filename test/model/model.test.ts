import assert from 'node:assert/strict';
import { describe, it, mock } from 'node:test';
import { LeaderSchedule } from '../../src/consensus/index.ts';
import { Support } from '../../src/consensus/support.ts';
import { Prng } from '../../src/util/prng.ts';
import { type CampaignOptions, runCampaign } from './campaign.ts';
import { countDags } from './count.ts';
import { ModelDag } from './dag.ts';
import { explore } from './explorer.ts';
import { Fold } from './fold.ts';
import { Layout, MEMBERS, type ModelSlot, QUORUM, type Shape } from './layout.ts';
import { legalAncestors } from './legal.ts';
import { assertProductionAgrees } from './production.ts';
import { SOUND, statusesOf, VARIANTS, type Variant } from './rule.ts';
import { compareAllViews } from './views.ts';

const FIRST: ModelSlot = { round: 1, offset: 0 };
const RANDOM_DAGS = 2_000;

describe('all DAGs of four members, one of them Byzantine', () => {
  for (const [rounds, leaders] of [
    [4, 1],
    [4, 2],
    [4, 4],
    [5, 1],
  ] as const) {
    it(`of ${rounds} rounds with ${leaders} leaders a round: all views of each agree, and production decides the same`, () => {
      let slots = 0;
      const result = campaign({
        rounds,
        leaders,
        anchorsFrom: 2,
        onDag: (dag) => (slots += assertProductionAgrees(dag)),
      });
      assert.equal(result.counterexample, undefined);
      assert(result.decisions['direct-commit'] > 0 && result.decisions['direct-skip'] > 0);
      assert(result.pairs > 0 && slots > result.states);
    });
  }

  it('of six rounds, the fewest in which a slot is decided indirectly: the first slot, A Byzantine', () => {
    const shape = { rounds: 6, leaders: 1, byzantine: 0, copies: 2 };
    const result = explore({ shape, rule: SOUND, slot: FIRST, onDag: assertProductionAgrees });
    assert.equal(result.counterexample, undefined);
    assert((result.decisions.get('indirect-commit') ?? 0) > 0 && (result.decisions.get('indirect-skip') ?? 0) > 0);
  });
});

describe('a fault planted in production', () => {
  it('is noticed by the comparison: an anchor two rounds on', () => {
    const planted = mock.method(LeaderSchedule.prototype, 'firstAnchorRound', (slot: ModelSlot) => slot.round + 2);
    try {
      assert.throws(
        () => campaign({ rounds: 5, anchorsFrom: 2, onDag: assertProductionAgrees }),
        /production indirect-/,
      );
    } finally {
      planted.mock.restore();
    }
  });

  it('is noticed by the comparison: a quorum too small by one', () => {
    const planted = mock.getter(Support.prototype, 'hasQuorum', function (this: Support) {
      return this.power >= QUORUM - 1;
    });
    try {
      assert.throws(() => campaign({ rounds: 3, onDag: assertProductionAgrees }), /production direct-skip/);
    } finally {
      planted.mock.restore();
    }
  });
});

describe('a fault planted in the rule', () => {
  const planted: readonly [Variant, Partial<CampaignOptions>, RegExp][] = [
    ['quorum-minus-one', { rounds: 3 }, /skipped and certified/],
    ['anchor-at-r+2', { rounds: 5 }, /one more block turns/],
    ['count-blocks', { rounds: 3, copies: 3 }, /skipped and certified/],
  ];
  for (const [variant, options, expected] of planted) {
    it(`${variant} leads to a counterexample`, () => {
      const { counterexample } = campaign({ ...options, rule: VARIANTS[variant] });
      assert.match(counterexample?.what ?? '', expected);
      const sound = compareAllViews(counterexample?.dag as ModelDag, SOUND);
      assert.equal(sound.disagreement, undefined, 'the sound rule copes with the same DAG');
    });
  }

  it('count-blocks leads to none while the Byzantine member makes two blocks a round', () => {
    assert.equal(campaign({ rounds: 4, rule: VARIANTS['count-blocks'] }).counterexample, undefined);
  });

  it('blame-by-author stays safe, but leaves a slot undecided that the rule skips', () => {
    const { counterexample, deviation } = campaign({ rounds: 3, rule: VARIANTS['blame-by-author'] });
    assert.equal(counterexample, undefined);
    assert.equal(deviation?.what, 'the sound rule says direct-skip, this one undecided');
  });

  it('past-undecided makes two views disagree on the DAG that the full form finds', () => {
    const dag = dagOf({ rounds: 6, leaders: 2, byzantine: 0, copies: 2 }, PAST_UNDECIDED);
    const rule = VARIANTS['past-undecided'];
    const smaller = dag.present & ~(1 << dag.layout.block(6, 0));
    const [larger, before] = [dag.present, smaller].map((view) => statusesOf(dag, view, rule, FIRST)[0]?.decision);
    assert.deepEqual([before, larger], ['indirect-skip', 'indirect-commit']);
    assert.equal(statusesOf(dag, smaller, SOUND, FIRST)[0]?.decision, 'undecided');
  });
});

describe('the folding', () => {
  it('loses no status: without it the same pairs of views are found', () => {
    const shape = { rounds: 2, leaders: 4, byzantine: 2, copies: 2 };
    for (const offset of [0, 1, 2, 3]) {
      const slot = { round: 1, offset };
      const folded = explore({ shape, rule: SOUND, slot });
      const whole = explore({ shape, rule: SOUND, slot, fold: false });
      assert.deepEqual([...folded.decisions.keys()].sort(), [...whole.decisions.keys()].sort());
      assert(whole.states > folded.states * 2, `${whole.states} and ${folded.states}`);
    }
  });

  it(`has a state for each of ${RANDOM_DAGS} random DAGs of six rounds, with its status`, () => {
    const shape = { rounds: 6, leaders: 1, byzantine: 0, copies: 2 };
    const known = new Map<string, string>();
    explore({ shape, rule: SOUND, slot: FIRST, onDag: (_, key, decision) => known.set(key, decision) });
    const met = new Set<string>();
    for (let seed = 1; seed <= RANDOM_DAGS; seed++) {
      const { dag, round } = randomDag(shape, new Prng(seed));
      const fold = new Fold(dag.layout, SOUND, FIRST);
      const key = fold.key(dag, { round, nextMember: MEMBERS, removed: -1 });
      const decision = statusesOf(dag, dag.present, SOUND, FIRST)[0]?.decision as string;
      assert.equal(known.get(key), decision, `seed ${seed}\n${dag.describe()}`);
      met.add(key);
      assertProductionAgrees(dag);
    }
    assert(met.size > 50, `only ${met.size} different states`);
  });

  it('leaves no views out: on random DAGs all pairs of views agree', () => {
    let views = 0;
    for (let seed = 1; seed <= 40; seed++) {
      const { dag } = randomDag({ rounds: 5, leaders: 2, byzantine: seed % MEMBERS, copies: 2 }, new Prng(seed));
      const compared = compareAllViews(dag, SOUND);
      assert.equal(compared.disagreement, undefined, `seed ${seed}\n${dag.describe()}`);
      views += compared.views;
    }
    assert(views > 1_000, `only ${views} views`);
  });
});

describe('the count of DAGs', () => {
  for (const shape of [
    { rounds: 1, leaders: 1, byzantine: 3, copies: 2 },
    { rounds: 2, leaders: 1, byzantine: 1, copies: 2 },
    { rounds: 2, leaders: 1, byzantine: 0, copies: 3 },
  ]) {
    it(`is that of making them one by one: ${shape.rounds} rounds, ${shape.copies} copies`, () => {
      assert.equal(countDags(shape), madeOneByOne(new ModelDag(new Layout(shape)), 1, 0));
    });
  }
});

/** Found by `explore.ts --rounds 6 --leaders 2 --variant past-undecided`, A being Byzantine. */
const PAST_UNDECIDED = `
A2 <- B1 C1 D1 | B2 <- B1 C1 D1 | C2 <- B1 C1 D1 | D2 <- A1 C1 D1
A3 <- B2 C2 D2 | B3 <- B2 C2 D2 | C3 <- B2 C2 D2 | D3 <- A2 B2 C2 D2
A4 <- B3 C3 D3 | B4 <- A3 B3 C3 | C4 <- B3 C3 D3 | D4 <- B3 C3 D3
A5 <- B4 C4 D4 | B5 <- A4 B4 D4 | C5 <- A4 C4 D4 | D5 <- A4 B4 D4
A6 <- B5 C5 D5 | B6 <- A5 B5 D5 | C6 <- A5 B5 C5 D5 | D6 <- A5 B5 C5 D5`;

function campaign(options: Partial<CampaignOptions>) {
  return runCampaign({ rounds: 4, leaders: 1, copies: 2, rule: SOUND, ...options });
}

/** Blocks of round 1 are all there; the others as written. */
function dagOf(shape: Shape, text: string): ModelDag {
  const dag = new ModelDag(new Layout(shape));
  const blockOf = (name: string) => dag.layout.block(Number(name.slice(1)), 'ABCD'.indexOf(name.charAt(0)));
  for (let member = 0; member < MEMBERS; member++) dag.add(dag.layout.block(1, member), 0);
  for (const line of text.trim().split(/\s*[|\n]\s*/)) {
    const [name, ancestors] = line.split(' <- ') as [string, string];
    dag.add(
      blockOf(name),
      ancestors.split(' ').reduce((set, parent) => set | (1 << blockOf(parent)), 0),
    );
  }
  return dag;
}

/** Until its last round, or until one without a quorum, or until the first slot is decided directly: as far as the explorer goes. */
function randomDag(shape: Shape, prng: Prng): { readonly dag: ModelDag; readonly round: number } {
  const dag = new ModelDag(new Layout(shape));
  const { layout } = dag;
  for (let round = 1; ; round++) {
    const known = dag.present;
    for (let member = 0; member < MEMBERS; member++) {
      const choices = legalAncestors(dag, known, member, round);
      const blocks = layout.columns(member).map((column) => layout.block(round, column));
      const made = blocks.filter(() => choices.length > 0 && !prng.chance(0.1)).map(() => prng.pick(choices));
      for (const [i, ancestors] of sortBySight(dag, blocks[0] as number, made).entries())
        dag.add(blocks[i] as number, ancestors);
    }
    const decided = round >= 3 && statusesOf(dag, dag.present, SOUND, FIRST)[0]?.decision.startsWith('direct');
    const over = layout.authors(dag.present & layout.layer(round)) < QUORUM || decided;
    if (over || round === shape.rounds) return { dag, round };
  }
}

/** The order in which the explorer makes two blocks of one round. */
function sortBySight(dag: ModelDag, block: number, made: readonly number[]): readonly number[] {
  const fold = new Fold(dag.layout, SOUND, FIRST);
  const sightOf = (ancestors: number) => {
    dag.add(block, ancestors);
    const sight = fold.sight(dag, block);
    dag.remove(1 << block);
    return sight;
  };
  return [...made].sort((a, b) => sightOf(a) - sightOf(b));
}

/** Counts all DAGs that extend this one, by making each. */
function madeOneByOne(dag: ModelDag, round: number, member: number): bigint {
  const { layout } = dag;
  if (round > layout.shape.rounds) return 0n;
  if (member === MEMBERS) {
    const layer = dag.present & layout.layer(round);
    if (layer === 0) return 0n;
    return 1n + (layout.authors(layer) >= QUORUM ? madeOneByOne(dag, round + 1, 0) : 0n);
  }
  const choices = legalAncestors(dag, dag.present & layout.below(round), member, round);
  const columns = layout.columns(member).map((column) => layout.block(round, column));
  const turn = (made: number, from: number): bigint => {
    let count = madeOneByOne(dag, round, member + 1);
    const next = columns[made];
    if (next === undefined) return count;
    for (let choice = from; choice < choices.length; choice++) {
      dag.add(next, choices[choice] as number);
      count += turn(made + 1, choice);
      dag.remove(1 << next);
    }
    return count;
  };
  return turn(0, 0);
}
