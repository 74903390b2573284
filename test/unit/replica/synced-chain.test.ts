import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { Core } from '../../../src/consensus/index.ts';
import { LinearisedWindow } from '../../../src/replica/linearised-window.ts';
import { SyncedChain } from '../../../src/replica/synced-chain.ts';
import { compareRefs, type VerifiedHeader } from '../../../src/types/block.ts';
import { refsOf } from '../../dag/refs.ts';
import { Universe } from '../../dag/universe.ts';
import { commitOf } from './stored.ts';

const DEPTH = 3;

/** Complete rounds of four, all inserted; `decided` also tells the core to commit. */
function rounds(count: number, core?: Core): { universe: Universe; layers: (readonly VerifiedHeader[])[] } {
  const universe = new Universe({ powers: [1, 1, 1, 1], leaders: 1, gcDepth: DEPTH });
  const layers: (readonly VerifiedHeader[])[] = [];
  let below = universe.roots;
  for (let round = 1; round <= count; round++) {
    const layer = universe.layer(round, below);
    layers.push(layer);
    below = refsOf(layer);
    if (core !== undefined) for (const block of layer) core.insert(block, 0);
  }
  return { universe, layers };
}

describe('linearised window', () => {
  const { layers } = rounds(8);
  const commit = (index: number) => commitOf(index, layers[index - 1] ?? []);

  it('holds the references above the garbage-collection round of the last commit', () => {
    const window = new LinearisedWindow(DEPTH, { gcRound: 0, refs: [] });
    for (const index of [1, 2, 3]) window.add(commit(index));
    assert.deepEqual([window.gcRound, window.refs().length], [0, 12]);
    window.add(commit(5));
    assert.equal(window.gcRound, 2);
    assert.deepEqual(
      window.refs(),
      [3, 5].flatMap((round) => refsOf(layers[round - 1] ?? [])),
    );
  });

  it('starts from what is given, above the round that is given', () => {
    const refs = [1, 2, 3].flatMap((round) => refsOf(layers[round - 1] ?? []));
    const window = new LinearisedWindow(DEPTH, { gcRound: 2, refs });
    assert.deepEqual(window.refs(), refsOf(layers[2] ?? []));
    window.add(commit(4));
    assert.deepEqual([window.gcRound, window.refs().length], [2, 8]);
  });

  it('never goes back', () => {
    const window = new LinearisedWindow(DEPTH, { gcRound: 0, refs: [] });
    window.add(commit(8));
    window.add(commit(6));
    assert.deepEqual([window.gcRound, window.refs().map(({ round }) => round)], [5, [8, 8, 8, 8, 6, 6, 6, 6]]);
  });
});

describe('synced chain', () => {
  it('has no end while nothing was taken over', () => {
    const { universe } = rounds(0);
    const core = universe.core();
    const chain = new SyncedChain(core, DEPTH);
    assert.deepEqual([chain.lastIndex, chain.lastDigest, chain.end()], [0, core.lastCommit.digest, undefined]);
  });

  it('ends behind its last commit, with what stays in the DAG, ancestors first', () => {
    const { universe, layers } = rounds(6);
    const core = universe.core();
    for (const block of layers.slice(0, 2).flat()) core.insert(block, 0);
    const chain = new SyncedChain(core, DEPTH);
    const collected = [1, 2, 3, 4, 5].map((index) =>
      chain.add(commitOf(index, layers[index - 1] ?? []), layers[index - 1] ?? []),
    );
    assert.deepEqual(collected, [0, 0, 0, 1, 2]);
    const own = layers[5]?.[0] as VerifiedHeader;
    chain.keep(own);
    chain.keep(layers[1]?.[0] as VerifiedHeader);
    const end = chain.end() ?? assert.fail();
    assert.deepEqual([end.last.index, chain.lastIndex, chain.lastDigest], [5, 5, end.last.digest]);
    assert.deepEqual(
      end.linearised,
      [3, 4, 5].flatMap((round) => refsOf(layers[round - 1] ?? [])),
    );
    const expected = [...layers.slice(2, 5).flat(), own].sort((a, b) => compareRefs(a.ref, b.ref));
    assert.deepEqual(refsOf(end.headers), refsOf(expected));
  });
});
