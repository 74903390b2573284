import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { Core } from '../../src/consensus/index.ts';
import type { BlockRef, VerifiedHeader } from '../../src/types/block.ts';
import { Prng } from '../../src/util/prng.ts';
import { shaHasher } from '../support/sha-hasher.ts';
import { type ModelRules, modelStatuses, soundRules } from './model.ts';
import { assertPrefixes, Observer } from './observer.ts';
import { type RandomDag, randomDag } from './random-dag.ts';

const MODEL_SEEDS = 2_000;
const VIEW_SEEDS = 800;
const GC_SEEDS = 60;
const RESTORE_SEEDS = 60;
const VIEWS = 5;
const MUTED = { from: 3, to: 12 };

describe('random DAGs', () => {
  it(`decide as the model does (${MODEL_SEEDS} seeds), and the model with a fault planted does not`, () => {
    const planted: Record<string, (sound: ModelRules) => ModelRules> = {
      'quorum - 1': (sound) => ({ ...sound, quorum: sound.quorum - 1 }),
      'blocks counted, not authors': (sound) => ({ ...sound, countBlocks: true }),
      'anchor at r+2': (sound) => ({ ...sound, anchorDistance: 2 }),
      'continue past an undecided anchor': (sound) => ({ ...sound, passUndecided: true }),
    };
    const noticed = new Map<string, number>();
    const decisions = new Map<string, number>();
    for (let seed = 1; seed <= MODEL_SEEDS; seed++) {
      const dag = randomDag(seed, { rounds: 12 });
      const observer = deliverAll(dag);
      const sound = soundRules(dag.universe.committee);
      assert.deepEqual(differences(observer, dag, sound), [], `seed ${seed}`);
      for (const [key] of modelStatuses(observer.admitted, dag.universe.committee, leadersOf(dag))) {
        const { decision } = statusOf(observer, key);
        decisions.set(decision, (decisions.get(decision) ?? 0) + 1);
      }
      if (seed % 5 > 0) continue;
      for (const [name, plant] of Object.entries(planted)) {
        if (differences(observer, dag, plant(sound)).length > 0) noticed.set(name, (noticed.get(name) ?? 0) + 1);
      }
    }
    for (const decision of ['direct-commit', 'indirect-commit', 'direct-skip', 'indirect-skip']) {
      assert((decisions.get(decision) ?? 0) > MODEL_SEEDS / 10, `too few ${decision}: the seeds prove nothing`);
    }
    assert.deepEqual([...noticed.keys()].sort(), Object.keys(planted).sort());
  });

  it(`commit the same in every order and with every interleaving (${VIEW_SEEDS} seeds)`, () => {
    let commits = 0;
    let directInOneIndirectInOther = 0;
    for (let seed = 1; seed <= VIEW_SEEDS; seed++) {
      const dag = randomDag(seed + 100_000, { rounds: 14, muted: MUTED });
      const statuses = new Map<string, Set<string>>();
      const ways = new Map<string, Set<string>>();
      const views = Array.from({ length: VIEWS }, (_, view) => randomView(dag, seed * VIEWS + view, statuses, ways));
      assertPrefixes(
        views.map((view) => view.digests),
        `seed ${seed}`,
      );
      for (const [key, outcomes] of statuses)
        assert.equal(outcomes.size, 1, `seed ${seed}: slot ${key} became ${[...outcomes]}`);
      for (const decisions of ways.values()) if (decisions.size > 1) directInOneIndirectInOther += 1;
      commits += Math.max(...views.map((view) => view.commits.length));
    }
    assert(commits > VIEW_SEEDS * 3, `only ${commits} commits`);
    assert(
      directInOneIndirectInOther > 10,
      `direct and indirect decisions met only ${directInOneIndirectInOther} times`,
    );
  });

  for (const gcDepth of [3, 5, 10]) {
    it(`commit the same when blocks arrive at the edge of collection, depth ${gcDepth} (${GC_SEEDS} seeds)`, () => {
      let commits = 0;
      let absentInOne = 0;
      for (let seed = 1; seed <= GC_SEEDS; seed++) {
        const dag = randomDag(seed + 200_000, { rounds: 4 * gcDepth + 20, gcDepth, stragglers: 0.06, silence: 0.02 });
        const views = Array.from({ length: VIEWS }, (_, view) => windowedView(dag, seed * VIEWS + view));
        assertPrefixes(
          views.map((view) => view.digests),
          `seed ${seed}`,
        );
        commits += Math.max(...views.map((view) => view.commits.length));
        const admitted = views.map((view) => new Set(view.admitted.map((block) => block.ref.id)));
        for (const { ref } of dag.blocks)
          if (new Set(admitted.map((ids) => ids.has(ref.id))).size > 1) absentInOne += 1;
      }
      assert(commits > GC_SEEDS * 10, `only ${commits} commits`);
      assert(absentInOne > 0, 'no block was admitted in one view and collected in another: the edge was not reached');
    });
  }

  it(`go on from a restored state to the same commits (${RESTORE_SEEDS} seeds)`, () => {
    let continued = 0;
    for (let seed = 1; seed <= RESTORE_SEEDS; seed++) {
      const dag = randomDag(seed + 300_000, { rounds: 30, gcDepth: 5, stragglers: 0.05, silence: 0.02 });
      const whole = deliverAll(dag);
      const cut = new Prng(seed).below(whole.commits.length);
      const restored = restoreAfter(dag, whole, cut);
      const blocks = whole.admitted.filter((block) => block.round > restored.gcRound);
      const digests = blocks.flatMap((block) => {
        restored.readmit(block, 0);
        return restored.advance(0).map(({ commit }) => commit.digest as string);
      });
      assert.deepEqual(digests, whole.digests.slice(cut), `seed ${seed}`);
      continued += digests.length;
    }
    assert(continued > RESTORE_SEEDS, `only ${continued} commits after restoring`);
  });
});

function deliverAll({ universe, blocks }: RandomDag): Observer {
  const observer = new Observer(universe);
  for (const block of blocks) {
    observer.deliver(block);
    observer.advance();
  }
  return observer;
}

/** All blocks in any order, half of the views at first without those of the muted member; notes every decision seen on the way. */
function randomView(
  dag: RandomDag,
  seed: number,
  statuses: Map<string, Set<string>>,
  ways: Map<string, Set<string>>,
): Observer {
  const prng = new Prng(seed);
  const observer = new Observer(dag.universe);
  const mutedLast = prng.chance(0.5);
  const isLate = ({ author, round }: VerifiedHeader) =>
    mutedLast && (author === 0 ? round >= MUTED.from : round >= MUTED.to);
  const shuffled = prng.shuffle(dag.blocks);
  for (const block of [...shuffled.filter((block) => !isLate(block)), ...shuffled.filter(isLate)]) {
    observer.deliver(block);
    if (prng.chance(0.3)) observer.advance();
    if (prng.chance(0.1)) noteDecisions(observer, dag, statuses, ways);
  }
  observer.advance();
  noteDecisions(observer, dag, statuses, ways);
  return observer;
}

function noteDecisions(
  observer: Observer,
  dag: RandomDag,
  statuses: Map<string, Set<string>>,
  ways: Map<string, Set<string>>,
): void {
  const leaders = leadersOf(dag);
  for (let position = leaders; position <= observer.core.highestRound * leaders; position++) {
    const key = `${Math.floor(position / leaders)}.${position % leaders}`;
    const { decision, leader } = statusOf(observer, key);
    if (decision === 'undecided') continue;
    upsert(statuses, key).add(leader ?? 'skip');
    upsert(ways, key).add(decision);
  }
}

function upsert(map: Map<string, Set<string>>, key: string): Set<string> {
  const set = map.get(key) ?? new Set<string>();
  map.set(key, set);
  return set;
}

/** Blocks roughly in order of their rounds, each delayed by some, a few by as many as the garbage-collection depth. */
function windowedView(dag: RandomDag, seed: number): Observer {
  const prng = new Prng(seed);
  const depth = dag.universe.options.parameters.gcDepth;
  const due = dag.blocks.map((block) => ({
    block,
    at: block.round + prng.below(3) + (prng.chance(0.2) ? prng.below(depth + 3) : 0),
  }));
  due.sort((a, b) => a.at - b.at);
  const observer = new Observer(dag.universe);
  for (const { block } of due) {
    observer.deliver(block);
    if (prng.chance(0.5)) observer.advance();
  }
  observer.advance();
  return observer;
}

function restoreAfter(dag: RandomDag, whole: Observer, cut: number): Core {
  const options = { ...dag.universe.options, own: undefined };
  const modules = { hasher: shaHasher };
  if (cut === 0) return new Core(options, modules);
  const { commit, gcRound } = whole.commits[cut - 1] as (typeof whole.commits)[number];
  const linearised: BlockRef[] = whole.commits
    .slice(0, cut)
    .flatMap((done) => done.commit.refs.filter((ref) => ref.round > gcRound));
  const members = dag.universe.committee.size;
  const offset = (commit.leader.author + members - (commit.leader.round % members)) % members;
  const slot = { round: commit.leader.round, offset };
  const lastCommit = {
    index: commit.index,
    digest: commit.digest,
    timeMs: commit.timeMs,
    leaderRound: slot.round,
    slot,
  };
  return Core.restore(options, modules, { lastCommit, linearised, lastProposedRound: 0 });
}

function differences(observer: Observer, dag: RandomDag, rules: ModelRules): string[] {
  const model = modelStatuses(observer.admitted, dag.universe.committee, leadersOf(dag), rules);
  return [...model]
    .filter(([key, expected]) => {
      const { decision, leader } = statusOf(observer, key);
      return decision !== expected.decision || leader !== expected.leader;
    })
    .map(([key]) => key);
}

function statusOf(observer: Observer, key: string): { readonly decision: string; readonly leader: string | undefined } {
  const [round, offset] = key.split('.').map(Number) as [number, number];
  const { decision, leader } = observer.core.statusOf({ round, offset });
  return { decision, leader: leader?.ref.id };
}

function leadersOf(dag: RandomDag): number {
  return dag.universe.options.parameters.leadersPerRound;
}
