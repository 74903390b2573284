import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { Core } from '../../../src/consensus/index.ts';
import { IdentityRecovery } from '../../../src/replica/identity-recovery.ts';
import type { BlockRef, VerifiedHeader } from '../../../src/types/block.ts';
import type { RecoveryReply } from '../../../src/types/message.ts';
import { refsOf } from '../../dag/refs.ts';
import { Universe } from '../../dag/universe.ts';

function recovering(powers: readonly number[], gcDepth = 1_000) {
  const universe = new Universe({ powers, leaders: 1, gcDepth });
  const core: Core = universe.core(0);
  const recovery = new IdentityRecovery({ committee: universe.committee, own: 0 });
  const layers: (readonly VerifiedHeader[])[] = [];
  const admit = (layer: readonly VerifiedHeader[]): void => {
    for (const block of layer) core.insert(block, 0);
    core.advance(0);
    layers.push(layer);
  };
  const grow = (count: number): void => {
    for (let i = 0; i < count; i++) {
      const below = layers.at(-1);
      admit(universe.layer(layers.length + 1, below === undefined ? universe.roots : refsOf(below)));
    }
  };
  const latest = (author: number, round: number): BlockRef => layers[round - 1]?.[author]?.ref ?? assert.fail();
  const answer = (peer: number, ownLatest: BlockRef | undefined, yoursHighestRound = 0): void => {
    const reply: RecoveryReply = {
      type: 'recovery-reply',
      requestId: 1,
      ownLatest,
      yours: undefined,
      yoursHighestRound,
    };
    recovery.reply(peer, reply);
  };
  const first = () => recovery.firstRound(core);
  return { universe, core, recovery, grow, latest, answer, first };
}

describe('identity recovery with fault tolerance', () => {
  it('waits for others with a quorum of the power, and goes on two rounds above the highest of them', () => {
    const { core, recovery, grow, latest, answer, first } = recovering([1, 1, 1, 1]);
    grow(5);
    answer(1, latest(1, 5));
    answer(2, latest(2, 3), 99);
    assert.deepEqual(recovery.progress(core), { power: 2, needed: 3 });
    assert.equal(first(), undefined);
    answer(3, latest(3, 4));
    assert.equal(first(), 7);
  });

  it('counts power, not answers', () => {
    const { grow, latest, answer, first } = recovering([1, 5, 1, 1]);
    grow(2);
    for (const peer of [2, 3]) answer(peer, latest(peer, 2));
    assert.equal(first(), undefined);
    answer(1, latest(1, 1));
    assert.equal(first(), 4);
  });

  it('counts an answer only when its block is admitted here: nobody counts with an invented round', () => {
    const { universe, grow, latest, answer, first } = recovering([1, 1, 1, 1]);
    grow(2);
    for (const peer of [1, 2]) answer(peer, latest(peer, 2));
    const invented = universe.block(3, 900, [latest(3, 2)]).ref;
    answer(3, invented);
    assert.equal(first(), undefined);
    answer(3, latest(3, 1));
    assert.equal(first(), 4);
  });

  it('counts an answer whose block is collected here already', () => {
    const { core, universe, grow, latest, answer, first } = recovering([1, 1, 1, 1], 3);
    grow(10);
    for (const peer of [1, 2]) answer(peer, latest(peer, 10));
    const old = universe.block(3, core.gcRound, universe.roots).ref;
    assert.ok(core.gcRound > 0);
    answer(3, { ...old, round: core.gcRound + 1 });
    assert.equal(first(), undefined);
    answer(3, old);
    assert.equal(first(), 12);
  });

  it('of a network without blocks begins with round 2', () => {
    const { answer, first } = recovering([1, 1, 1, 1]);
    for (const peer of [1, 2, 3]) answer(peer, undefined);
    assert.equal(first(), 2);
  });
});

describe('identity recovery without fault tolerance', () => {
  it('waits for all others, and goes on above what they hold of the own blocks', () => {
    const { core, recovery, grow, latest, answer, first } = recovering([1, 1, 1]);
    grow(5);
    answer(1, latest(1, 5), 4);
    assert.deepEqual(recovery.progress(core), { power: 1, needed: 2 });
    assert.equal(first(), undefined);
    answer(2, latest(2, 5), 6);
    assert.equal(first(), 7);
  });
});
