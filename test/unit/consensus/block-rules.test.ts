import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { checkAncestors, checkCollected, checkIdentity } from '../../../src/consensus/block-rules.ts';
import type { BlockError, BlockErrorCode } from '../../../src/consensus/errors.ts';
import type { BlockRef, Header } from '../../../src/types/block.ts';
import { refsOf } from '../../dag/refs.ts';
import { Universe } from '../../dag/universe.ts';

const universe = new Universe({ powers: [1, 1, 1, 1, 1], leaders: 2 });
const { committee, roots } = universe;
const first = refsOf(universe.layer(1, roots));
const second = refsOf(universe.layer(2, first));
const AUTHOR = 2;
/** Author 2 of five at round 3, own block first, then the others ascending: valid. */
const valid = [AUTHOR, 0, 1, 3, 4].map((author) => second[author] as BlockRef);

function ancestorsFault(ancestors: readonly BlockRef[], round = 3): BlockError | undefined {
  return checkAncestors(universe.signed(AUTHOR, round, ancestors), { committee, genesis: roots });
}

function assertFault(error: BlockError | undefined, code: BlockErrorCode, action: string, fields: object): void {
  assert.deepEqual([error?.code, error?.action, error?.fields], [code, action, fields]);
}

describe('block identity', () => {
  const check = (changes: Partial<Header>) =>
    checkIdentity(universe.signed(changes.author ?? AUTHOR, changes.round ?? 3, valid, changes), {
      epoch: 1,
      committee,
    });

  it('accepts a header of this epoch and committee', () => assert.equal(check({}), undefined));
  it('ignores an earlier epoch', () =>
    assertFault(check({ epoch: 0 }), 'EPOCH_PAST', 'ignore', { epoch: 0, current: 1 }));
  it('ignores a later epoch', () =>
    assertFault(check({ epoch: 2 }), 'EPOCH_AHEAD', 'ignore', { epoch: 2, current: 1 }));
  it('penalises an author outside the committee', () => {
    assertFault(check({ author: 5 }), 'AUTHOR_UNKNOWN', 'penalise', { author: 5 });
  });
  it('penalises round 0', () => assertFault(check({ round: 0 }), 'ROUND_ZERO', 'penalise', { author: AUTHOR }));
});

describe('the window of rounds', () => {
  it('ignores what is collected, and nothing above', () => {
    const header = universe.signed(AUTHOR, 3, valid);
    assert.equal(checkCollected(header, 2), undefined);
    assertFault(checkCollected(header, 3), 'ROUND_COLLECTED', 'ignore', { round: 3, gcRound: 3 });
    assertFault(checkCollected(header, 4), 'ROUND_COLLECTED', 'ignore', { round: 3, gcRound: 4 });
  });
});

describe('block ancestors', () => {
  const at = (position: number) => ({ author: AUTHOR, round: 3, position });
  const replaced = (position: number, ref: BlockRef) => valid.map((old, i) => (i === position ? ref : old));

  it('accepts a quorum of the round below and older blocks of others', () => {
    assert.equal(ancestorsFault(valid), undefined);
    assert.equal(ancestorsFault(replaced(4, first[4] as BlockRef)), undefined);
    assert.equal(ancestorsFault(replaced(4, roots[4] as BlockRef)), undefined);
    assert.equal(ancestorsFault(replaced(0, roots[AUTHOR] as BlockRef)), undefined);
    assert.equal(ancestorsFault(valid.slice(0, 4)), undefined);
  });

  it('wants the own previous block first', () => {
    assertFault(ancestorsFault([]), 'ANCESTOR_OWN_FIRST', 'penalise', at(0));
    assertFault(ancestorsFault(valid.slice(1)), 'ANCESTOR_OWN_FIRST', 'penalise', at(0));
  });

  it('wants the others in ascending order, each once, the own author not again', () => {
    const [own, a, b, c, d] = valid as [BlockRef, BlockRef, BlockRef, BlockRef, BlockRef];
    assertFault(ancestorsFault([own, b, a, c, d]), 'ANCESTORS_UNSORTED', 'penalise', at(2));
    assertFault(ancestorsFault([own, a, b, b, c]), 'ANCESTORS_UNSORTED', 'penalise', at(3));
    assertFault(ancestorsFault([own, a, b, own, c]), 'ANCESTORS_UNSORTED', 'penalise', at(3));
  });

  it('wants members', () => {
    const stranger = { ...(valid[4] as BlockRef), author: 5 };
    assertFault(ancestorsFault(replaced(4, stranger)), 'ANCESTOR_AUTHOR_UNKNOWN', 'penalise', at(4));
  });

  it('wants lower rounds, of the own block too', () => {
    assertFault(
      ancestorsFault(replaced(3, { ...(valid[3] as BlockRef), round: 3 })),
      'ANCESTOR_ROUND',
      'penalise',
      at(3),
    );
    assertFault(
      ancestorsFault(replaced(0, { ...(valid[0] as BlockRef), round: 4 })),
      'ANCESTOR_ROUND',
      'penalise',
      at(0),
    );
  });

  it('knows the genesis blocks', () => {
    const forged = { ...(valid[4] as BlockRef), round: 0 };
    assertFault(ancestorsFault(replaced(4, forged)), 'ANCESTOR_GENESIS', 'penalise', at(4));
  });

  it('wants a quorum of power in the round below', () => {
    const short = [...valid.slice(0, 3), first[3] as BlockRef, first[4] as BlockRef];
    assertFault(ancestorsFault(short), 'ANCESTORS_NO_QUORUM', 'penalise', {
      author: AUTHOR,
      round: 3,
      power: 3,
      quorum: 4,
    });
  });
});
