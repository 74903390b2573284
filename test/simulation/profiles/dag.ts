import type { CommittedSubDag } from '../../../src/consensus/index.ts';
import { type BlockRef, compareRefs, type VerifiedHeader } from '../../../src/types/block.ts';
import { assert, assertDefined } from '../../../src/util/assert.ts';
import { Prng } from '../../../src/util/prng.ts';
import { modelStatuses } from '../../dag/model.ts';
import { assertPrefixes, Observer } from '../../dag/observer.ts';
import { type RandomDag, randomDag } from '../../dag/random-dag.ts';
import type { Outcome, Profile } from '../profile.ts';

const VIEWS = 3;
/** Of a hundred random DAGs a few commit nothing. */
const MAX_DRAWS = 20;
const MUTED_FROM = 3;
const MUTED_ROUNDS = 9;
/** Small enough that the limit is met: a block of a random DAG has about 400 bytes. */
const TIGHT_BYTES = 2_000;
const STEP_MS = 10_000;

/** What is drawn from the seed besides the DAG itself. */
interface Setting {
  readonly gcDepth: number | undefined;
  /** Rounds in which the blocks of member 0 are seen by nobody else, until the last of them. */
  readonly muted: { readonly from: number; readonly to: number } | undefined;
  /** Nothing can be fetched, and there is room for a few suspended blocks only. */
  readonly tight: boolean;
}

/** One random DAG with up to f of equivocators, handed to production cores in several orders and to an independent model. */
export const DAG: Profile = {
  name: 'dag',
  about: 'random DAGs with twins in several orders: equal commits, the independent model agrees; edges of collection',
  run: async (seed) => {
    const prng = new Prng(seed);
    for (let draw = 0; draw < MAX_DRAWS; draw++) {
      const setting = drawSetting(prng);
      const outcome = observe(setting, drawDag(prng, setting), prng);
      if (outcome.commits > 0) return outcome;
    }
    throw new Error(`${MAX_DRAWS} DAGs without a commit`);
  },
};

function drawSetting(prng: Prng): Setting {
  const gcDepth = prng.chance(0.4) ? prng.pick([3, 5, 10]) : undefined;
  const mutedTo = MUTED_FROM + (gcDepth === undefined ? MUTED_ROUNDS : gcDepth + 3);
  const muted = prng.chance(0.5) ? { from: MUTED_FROM, to: mutedTo } : undefined;
  return { gcDepth, muted, tight: prng.chance(0.2) };
}

function drawDag(prng: Prng, { gcDepth, muted, tight }: Setting): RandomDag {
  const seed = prng.below(2 ** 31);
  const bounds = tight ? { suspendedBytesPerAuthor: TIGHT_BYTES } : {};
  const options = { bounds, ...(muted === undefined ? {} : { muted }) };
  if (gcDepth === undefined) return randomDag(seed, { rounds: 14, ...options });
  return randomDag(seed, { rounds: 4 * gcDepth + 8, gcDepth, stragglers: 0.06, silence: 0.02, ...options });
}

function observe(setting: Setting, dag: RandomDag, prng: Prng): Outcome {
  const views = Array.from({ length: VIEWS }, (_, view) => deliver(dag, view, setting, prng));
  assertPrefixes(
    views.map((view) => view.digests),
    'another order gave other commits',
  );
  const twins = equivocators(dag);
  const decisions: Record<string, number> = {};
  for (const view of views) {
    assertOrder(dag, view.commits);
    assertHonestUnexposed(view, twins);
    if (!setting.tight) assertComplete(dag, view, twins);
    if (view.core.gcRound === 0) assertModel(dag, view, decisions);
  }
  const digests = views.flatMap((view) => view.digests.at(-1) ?? []);
  return {
    setting: JSON.stringify(setting),
    commits: Math.max(...views.map((view) => view.commits.length)),
    transactions: 0,
    virtualMs: 0,
    faults: { equivocator: twins.size },
    decisions,
    fingerprint: digests.join().slice(0, 16),
  };
}

/** The first view sees blocks in the order in which they were made, the others in any order, or each late by some rounds. */
function deliver(dag: RandomDag, view: number, setting: Setting, prng: Prng): Observer {
  const { gcDepth, tight } = setting;
  // At the edge of collection some answers come too late.
  const answered = tight ? 0 : gcDepth === undefined ? 1 : prng.pick([0.05, 0.3, 1]);
  const onOffer = (): boolean => prng.chance(answered);
  const observer = new Observer(dag.universe, { onOffer });
  for (const block of view === 0 ? dag.blocks : disordered(dag, setting, prng)) {
    hand(observer, dag, block);
    if (view === 0 || prng.chance(0.4)) observer.advance();
  }
  observer.advance();
  if (!tight) settle(observer, dag);
  return observer;
}

function hand(observer: Observer, { universe }: RandomDag, block: VerifiedHeader): void {
  observer.deliver(block);
  const limit = universe.committee.size * universe.options.bounds.suspendedBytesPerAuthor;
  assert(observer.core.suspended.bytes <= limit, `${observer.core.suspended.bytes} bytes are suspended, not ${limit}`);
}

function disordered(dag: RandomDag, { gcDepth, muted }: Setting, prng: Prng): readonly VerifiedHeader[] {
  if (gcDepth === undefined) return prng.shuffle(dag.blocks);
  const isMuted = ({ author, round }: VerifiedHeader): boolean =>
    author === 0 && muted !== undefined && round >= muted.from && round < muted.to;
  const due = dag.blocks.map((block) => ({
    block,
    at: isMuted(block)
      ? (muted?.to ?? 0) + prng.below(gcDepth)
      : block.round + prng.below(3) + (prng.chance(0.2) ? prng.below(2 * gcDepth + 6) : 0),
  }));
  return due.sort((a, b) => a.at - b.at).map(({ block }) => block);
}

/** Timeouts fire, what is missing is fetched, and what was ignored as too far ahead is pushed again, until nothing changes. */
function settle(observer: Observer, dag: RandomDag): void {
  const { core } = observer;
  for (let admitted = -1; admitted < observer.admitted.length || core.missing().length > 0; ) {
    admitted = observer.admitted.length;
    observer.nowMs += STEP_MS;
    core.onTimer(observer.nowMs);
    for (const { ref } of core.missing())
      hand(observer, dag, assertDefined(dag.universe.find(ref.id), 'only blocks of the DAG are named'));
    for (const block of dag.blocks) hand(observer, dag, block);
    observer.advance();
    assert(observer.nowMs < 1_000 * STEP_MS, 'blocks are missing for ever');
  }
}

/** Authors with two blocks in one round. */
function equivocators({ blocks }: RandomDag): ReadonlySet<number> {
  const bySlot = Map.groupBy(blocks, ({ author, round }) => `${author}@${round}`);
  return new Set([...bySlot.values()].flatMap((blocks) => blocks.slice(1).map(({ author }) => author)));
}

function assertHonestUnexposed({ evidence }: Observer, twins: ReadonlySet<number>): void {
  const exposed = evidence.map(({ first }) => first.author);
  for (const author of exposed) assert(twins.has(author), `honest ${author} is exposed`);
  assert(new Set(exposed).size === exposed.length, 'an author is exposed once');
}

/** Every block of an honest author is admitted in the end, or collected; every equivocator is exposed, unless its blocks were collected. */
function assertComplete({ blocks }: RandomDag, { core, evidence }: Observer, twins: ReadonlySet<number>): void {
  for (const { ref, author, round } of blocks)
    assert(twins.has(author) || round <= core.gcRound || core.dag.has(ref.id), `${author}@${round} is never admitted`);
  assert(core.gcRound > 0 || evidence.length === twins.size, `${evidence.length} of ${twins.size} are exposed`);
}

/** A slot that was settled by its anchor may get its own quorum later: the same outcome another way. */
function assertModel(dag: RandomDag, view: Observer, decisions: Record<string, number>): void {
  const { committee, options } = dag.universe;
  for (const [key, expected] of modelStatuses(view.admitted, committee, options.parameters.leadersPerRound)) {
    const [round, offset] = key.split('.').map(Number) as [number, number];
    const { decision, leader } = view.core.statusOf({ round, offset });
    const sameWay = decision === expected.decision || decision === expected.decision.replace(/^direct/, 'indirect');
    const same = sameWay && leader?.ref.id === expected.leader;
    assert(
      same,
      `slot ${key} is ${decision} ${leader?.ref.id}, the model says ${expected.decision} ${expected.leader}`,
    );
    decisions[decision] = (decisions[decision] ?? 0) + 1;
  }
}

/** Order and time of every commit, computed once more from docs/spec/commit-rule.md, "Order, time, collection". */
function assertOrder({ universe }: RandomDag, commits: readonly CommittedSubDag[]): void {
  const { parameters, genesis } = universe.options;
  const done = new Set<string>();
  let previous = { round: 0, timeMs: genesis.timeMs };
  for (const { commit } of commits) {
    const floor = previous.round - parameters.gcDepth;
    const leader = blockOf(universe, commit.leader);
    const history = new Set([leader]);
    for (const block of history)
      for (const ref of block.ancestors)
        if (ref.round > Math.max(0, floor) && !done.has(ref.id)) history.add(blockOf(universe, ref));
    const refs = [...history].map(({ ref }) => ref).sort(compareRefs);
    assert(refs.map(({ id }) => id).join() === commit.refs.map(({ id }) => id).join(), `commit ${commit.index}: order`);
    const timeMs = Math.max(previous.timeMs, medianTimeMs(universe, leader));
    assert(timeMs === commit.timeMs, `commit ${commit.index}: time ${commit.timeMs}, not ${timeMs}`);
    for (const { id } of refs) done.add(id);
    previous = { round: leader.round, timeMs };
  }
}

/** One timestamp for each unit of power behind the leader in the round below; the middle one, of two the upper. */
function medianTimeMs(universe: RandomDag['universe'], leader: VerifiedHeader): number {
  const times = leader.ancestors
    .filter((ref) => ref.round === leader.round - 1)
    .flatMap((ref) => {
      const timeMs = ref.round === 0 ? universe.options.genesis.timeMs : blockOf(universe, ref).timestampMs;
      return new Array<number>(universe.committee.power(ref.author)).fill(timeMs);
    })
    .sort((a, b) => a - b);
  return assertDefined(times[Math.floor(times.length / 2)], 'a leader references a quorum');
}

function blockOf(universe: RandomDag['universe'], ref: BlockRef): VerifiedHeader {
  return assertDefined(universe.find(ref.id), 'a commit holds blocks of the DAG');
}
