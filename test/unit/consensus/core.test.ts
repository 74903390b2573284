import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { Core, type Precheck, type ProposeInput } from '../../../src/consensus/index.ts';
import type { BlockRef, VerifiedHeader } from '../../../src/types/block.ts';
import { AssertionFailure, assertDefined } from '../../../src/util/assert.ts';
import { refsOf } from '../../dag/refs.ts';
import { Universe } from '../../dag/universe.ts';
import { shaHasher } from '../../support/sha-hasher.ts';

const BUSY: ProposeInput = { maySign: true, eligible: true, unexecutedInView: false, payloadBarred: false, load: 0 };

function insertAll(core: Core, blocks: readonly VerifiedHeader[]): void {
  for (const block of blocks) assert.equal(core.insert(block, 0).outcome, 'admitted');
}

function four(gcDepth = 1_000): { universe: Universe; core: Core; one: readonly VerifiedHeader[] } {
  const universe = new Universe({ powers: [1, 1, 1, 1], leaders: 1, gcDepth });
  return { universe, core: universe.core(0), one: universe.layer(1, universe.roots) };
}

/** Complete rounds `from` to `to` above these references, inserted and decided. Returns the blocks of the last one. */
function fill(
  universe: Universe,
  core: Core,
  from: number,
  to: number,
  start: readonly BlockRef[],
  authors?: readonly number[],
) {
  let below = start;
  let layer: readonly VerifiedHeader[] = [];
  for (let round = from; round <= to; round++) {
    layer = universe.layer(round, below, authors);
    insertAll(core, layer);
    core.advance(0);
    below = refsOf(layer);
  }
  return layer;
}

function codeOf(check: Precheck): string {
  return 'error' in check ? `${check.kind} ${check.error.code}` : check.kind;
}

describe('precheck', () => {
  it('lets a good block be verified, and knows what it holds', () => {
    const { universe, core, one } = four();
    const block = one[1] as VerifiedHeader;
    assert.deepEqual(core.precheck(block), { kind: 'verify' });
    core.insert(block, 0);
    assert.deepEqual(core.precheck(block), { kind: 'known' });
    const suspended = universe.block(2, 2, refsOf(one));
    assert.equal(core.insert(suspended, 0).outcome, 'suspended');
    assert.deepEqual(core.precheck(suspended), { kind: 'known' });
  });

  it('names the rule and the action', () => {
    const { universe, core, one } = four();
    const good = refsOf(one);
    assert.equal(codeOf(core.precheck(universe.signed(0, 2, good, { epoch: 2 }))), 'ignore EPOCH_AHEAD');
    assert.equal(codeOf(core.precheck(universe.signed(4, 2, good))), 'penalise AUTHOR_UNKNOWN');
    assert.equal(codeOf(core.precheck(universe.signed(1, 2, good))), 'penalise ANCESTOR_OWN_FIRST');
  });

  it('stores nothing of what is too far ahead', () => {
    const { universe, core, one } = four();
    const { maxRoundsAhead } = universe.options.bounds;
    const far = (round: number) =>
      universe.signed(
        0,
        round,
        refsOf(one).map((ref) => ({ ...ref, round: round - 1 })),
      );
    assert.deepEqual(core.precheck(far(maxRoundsAhead + 1)), { kind: 'too-far', round: maxRoundsAhead + 1 });
    assert.deepEqual(core.precheck(far(maxRoundsAhead)), { kind: 'verify' });
    insertAll(core, one);
    assert.deepEqual(core.precheck(far(maxRoundsAhead + 1)), { kind: 'verify' });
  });

  it('ignores collected rounds', () => {
    const { universe, core, one } = four(3);
    insertAll(core, one);
    fill(universe, core, 2, 8, refsOf(one));
    assert.equal(core.gcRound, 3);
    assert.equal(
      codeOf(core.precheck(universe.block(1, 3, refsOf(universe.layer(2, refsOf(one)))))),
      'ignore ROUND_COLLECTED',
    );
  });

  it('has the first extra of an author verified, and no further one unless something needs it', () => {
    const { universe, core, one } = four();
    insertAll(core, one);
    const twin = universe.block(1, 1, universe.roots);
    const triplet = universe.block(1, 1, universe.roots);
    assert.deepEqual(core.precheck(twin), { kind: 'extra' });
    const { outcome, evidence } = core.insert(twin, 0);
    assert.deepEqual([outcome, evidence], ['dropped', [{ first: one[1], second: twin }]]);
    assert.equal(codeOf(core.precheck(triplet)), 'ignore EXTRA_UNWANTED');
    const needing = universe.block(2, 2, [...refsOf(one).filter((ref) => ref.author !== 1), triplet.ref]);
    assert.deepEqual(core.insert(needing, 0).missing, [triplet.ref]);
    assert.deepEqual(core.precheck(triplet), { kind: 'verify' });
    const released = core.insert(triplet, 0);
    assert.deepEqual([released.outcome, released.admitted, released.evidence], ['admitted', [triplet, needing], []]);
  });
});

describe('insert', () => {
  it('admits what a block released, ancestors first', () => {
    const { universe, core, one } = four();
    const two = universe.layer(2, refsOf(one));
    const three = universe.block(0, 3, refsOf(two));
    const all = [three, ...two, ...one.slice(1)];
    const missing = all.flatMap((block) => core.insert(block, 0).missing);
    assert.deepEqual(new Set(missing), new Set([...three.ancestors, ...refsOf(one)]));
    assert.deepEqual(core.missing(), [{ ref: (one[0] as VerifiedHeader).ref, namers: [0, 1, 2, 3] }]);
    const { admitted } = core.insert(one[0] as VerifiedHeader, 0);
    assert.deepEqual(admitted, [one[0], ...two, three]);
    assert.deepEqual([core.missing(), core.suspended], [[], { count: 0, bytes: 0 }]);
    assert.deepEqual(core.highestRounds, [3, 2, 2, 2]);
  });

  it('admits with the move of the collection bound what waited for collected blocks, and says so with the commit', () => {
    const { universe, core } = four(3);
    const lost = universe.block(3, 1, universe.roots);
    const one = universe.layer(1, universe.roots, [0, 1, 2]);
    insertAll(core, one);
    const waiting = universe.block(3, 5, [lost.ref, ...refsOf(fill(universe, core, 2, 4, refsOf(one), [0, 1, 2]))]);
    assert.equal(core.insert(waiting, 0).outcome, 'suspended');
    let below = refsOf(core.dag.blocksAt(4));
    const commits = [5, 6].flatMap((round) => {
      const layer = universe.layer(round, below, [0, 1, 2]);
      insertAll(core, layer);
      below = refsOf(layer);
      return core.advance(0);
    });
    const [commit] = commits.filter(({ admitted }) => admitted.length > 0);
    assert.deepEqual([commit?.admitted, commit?.gcRound], [[waiting], 1]);
  });

  it('remembers the newest header of each author, admitted or not', () => {
    const { universe, core, one } = four();
    const suspended = universe.block(2, 2, refsOf(one));
    core.insert(suspended, 0);
    core.insert(one[2] as VerifiedHeader, 0);
    assert.equal(core.newestSeenOf(2), suspended);
    assert.equal(core.newestSeenOf(1), undefined);
  });
});

describe('the own block', () => {
  it('does not name an exposed member, unless the quorum needs it', () => {
    const { universe, core, one } = four();
    insertAll(core, one);
    core.insert(universe.block(3, 1, universe.roots), 0);
    assert.equal(core.isExposed(3), true);
    const authors = () => {
      const proposal = core.propose(0, BUSY);
      assert(proposal.kind === 'propose');
      return proposal.ancestors.map((ref) => ref.author);
    };
    assert.deepEqual(authors(), [0, 1, 2]);
    core.proposed(universe.block(0, 2, refsOf(one.slice(0, 3))), 0);
    insertAll(core, universe.layer(2, refsOf(one), [2, 3]));
    assert.deepEqual(authors(), [0, 2, 3]);
  });

  it('needs all its ancestors', () => {
    const { universe, core, one } = four();
    assert.throws(() => core.proposed(universe.block(0, 2, refsOf(one)), 0), AssertionFailure);
    assert.throws(() => core.proposed(one[1] as VerifiedHeader, 0), AssertionFailure);
  });

  it('is reported when it is collected without having been linearised', () => {
    const { universe, core } = four(3);
    const own = universe.block(0, 1, universe.roots);
    core.proposed(own, 0);
    const others = universe.layer(1, universe.roots, [1, 2, 3]);
    insertAll(core, others);
    let below = refsOf(others);
    const collected: VerifiedHeader[] = [];
    for (let round = 2; round <= 8; round++) {
      const layer = universe.layer(round, below, [1, 2, 3]);
      insertAll(core, layer);
      for (const commit of core.advance(0)) collected.push(...commit.collected);
      below = refsOf(layer);
    }
    assert.deepEqual(collected, [own]);
  });
});

describe('exchange', () => {
  it('says what is held', () => {
    const { universe, core, one } = four();
    core.proposed(one[0] as VerifiedHeader, 0);
    insertAll(core, one.slice(1));
    fill(universe, core, 2, 4, refsOf(one), [1, 2, 3]);
    assert.deepEqual(core.exchange(), { lastOwnRound: 1, highestRounds: [1, 4, 4, 4], gcRound: 0, commitIndex: 2 });
  });
});

describe('restoring', () => {
  it('starts after the last commit and never proposes at or below the guard', () => {
    const { universe, core, one } = four();
    insertAll(core, one);
    const commits: ReturnType<Core['advance']>[number][] = [];
    let below = refsOf(one);
    for (let round = 2; round <= 6; round++) {
      const layer = universe.layer(round, below);
      insertAll(core, layer);
      commits.push(...core.advance(0));
      below = refsOf(layer);
    }
    const linearised = commits.flatMap(({ commit }) => commit.refs);
    const state = { lastCommit: core.lastCommit, linearised, lastProposedRound: 9 };
    const restored = Core.restore({ ...universe.options, own: 0 }, { hasher: shaHasher }, state);
    assert.deepEqual([restored.lastCommit, restored.gcRound, restored.lastProposedRound], [core.lastCommit, 0, 9]);
    for (let round = 1; round <= 6; round++) for (const block of core.dag.blocksAt(round)) restored.readmit(block, 0);
    assert.deepEqual(restored.advance(0), []);
    const seven = universe.layer(7, below);
    for (const each of [core, restored]) insertAll(each, seven);
    assert.deepEqual(restored.advance(0), core.advance(0));
    fill(universe, restored, 8, 9, refsOf(seven), [1, 2, 3]);
    const proposal = restored.propose(0, BUSY);
    assert.deepEqual([proposal.kind, 'round' in proposal && proposal.round], ['propose', 10]);
  });

  it('takes back extras that were admitted before, whatever needs them', () => {
    const { universe, core, one } = four();
    insertAll(core, one);
    const twin = universe.block(1, 1, universe.roots);
    assert.equal(core.readmit(twin, 0).outcome, 'admitted');
    assert.deepEqual(core.dag.blocksOf(1, 1), [one[1], twin]);
  });
});

describe('an equivocation tree', () => {
  const DEPTH = 8;
  const BUDGET = 16;
  const LIARS = [5, 6] as const;
  const HONEST = [0, 1, 2, 3, 4];

  /** A tree of 2^depth - 1 blocks of two liars: each names two others of the round below, one of each liar. Returns its root. */
  function tree(
    universe: Universe,
    below: (round: number) => readonly BlockRef[],
    round: number,
    liar: number,
  ): BlockRef {
    if (round === 0) return universe.genesis(liar);
    const children = LIARS.map((author) => tree(universe, below, round - 1, author));
    return universe.block(liar, round, [...below(round - 1), ...children]).ref;
  }

  it('is fetched within the budget, then parked, and at a limited rate once the quorum needs it', () => {
    const universe = new Universe({
      powers: new Array<number>(7).fill(1),
      leaders: 2,
      bounds: { extraBudget: BUDGET },
    });
    const core = universe.core(0);
    const layers: (readonly BlockRef[])[] = [universe.roots.slice(0, 5)];
    for (let round = 1; round <= DEPTH; round++) {
      const below = layers[round - 1] as readonly BlockRef[];
      const honest = universe.layer(round, round === 1 ? universe.roots : below, HONEST);
      const firstOfLiars = LIARS.map((liar) => universe.block(liar, round, [...below, universe.genesis(liar)]));
      insertAll(core, [...honest, ...firstOfLiars]);
      layers.push(refsOf(honest));
    }
    const below = layers[DEPTH] as readonly BlockRef[];
    const root = tree(universe, (round) => layers[round] as readonly BlockRef[], DEPTH, LIARS[0]);
    insertAll(core, universe.layer(DEPTH + 1, below, [0, 2, 3, 4]));

    let fetched = 0;
    const fetchAll = (wanted: readonly BlockRef[], nowMs: number) => {
      const queue = [...wanted];
      for (let ref = queue.pop(); ref !== undefined; ref = queue.pop()) {
        fetched += 1;
        queue.push(...core.insert(universe.find(ref.id) as VerifiedHeader, nowMs).missing);
      }
    };
    const victim = universe.block(1, DEPTH + 1, [...below, root]);
    fetchAll(core.insert(victim, 0).missing, 0);
    assert.equal(fetched, BUDGET);
    assert.equal(core.propose(0, BUSY).kind, 'wait');

    let nowMs = assertDefined(core.nextDeadlineMs(), 'a parked block has a deadline');
    assert.equal(nowMs, universe.options.pacing.leaderTimeoutMs);
    fetchAll(core.onTimer(nowMs - 1).missing, nowMs - 1);
    assert.equal(fetched, BUDGET);
    while (!core.dag.has(victim.ref.id)) {
      fetchAll(core.onTimer(nowMs).missing, nowMs);
      assert(fetched <= BUDGET + 200 + (nowMs - 400) / 5, `${fetched} at ${nowMs} ms`);
      nowMs += 5;
    }
    assert.equal(fetched, 2 ** DEPTH - 1);
    assert(nowMs < 700);
    assert.equal(core.propose(nowMs, BUSY).kind, 'propose');
  });
});
