import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { Frontier } from '../../../src/consensus/frontier.ts';
import type { VerifiedHeader } from '../../../src/types/block.ts';
import { refsOf } from '../../dag/refs.ts';
import { Universe } from '../../dag/universe.ts';

describe('frontier', () => {
  const universe = new Universe({ powers: [1, 1, 1, 1], leaders: 1 });
  const one = universe.layer(1, universe.roots);
  const two = universe.layer(2, refsOf(one));
  const filled = (...more: readonly VerifiedHeader[]) => {
    const frontier = new Frontier(universe.committee);
    for (const block of [...one, ...two, ...more]) frontier.add(block);
    return frontier;
  };

  it('offers the newest block below a round', () => {
    const frontier = filled();
    assert.equal(frontier.newest(1, 3), two[1]?.ref);
    assert.equal(frontier.newest(1, 2), one[1]?.ref);
    assert.equal(frontier.newest(1, 1), undefined);
  });

  it('offers the first admitted of two', () => {
    const twin = universe.block(1, 2, refsOf(one));
    assert.equal(filled(twin).newest(1, 3), two[1]?.ref);
  });

  it('no longer offers what the own block has in its history', () => {
    const frontier = filled();
    const own = universe.block(0, 2, refsOf(one.slice(0, 3)));
    frontier.add(own);
    frontier.reference(own);
    assert.deepEqual(
      [0, 1, 2, 3].map((author) => frontier.newest(author, 2)),
      [undefined, undefined, undefined, one[3]?.ref],
    );
    assert.equal(frontier.newest(1, 3), two[1]?.ref);
  });

  it('forgets collected blocks', () => {
    const frontier = filled();
    frontier.collect(one);
    assert.equal(frontier.newest(1, 2), undefined);
  });
});
