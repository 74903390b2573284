import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { SlotTally } from '../../../src/consensus/slot-tally.ts';
import { Support } from '../../../src/consensus/support.ts';
import { type BlockId, id } from '../../../src/types/ids.ts';
import { committeeOf } from '../../support/committees.ts';

const X = id<BlockId>('11'.repeat(32));
const Y = id<BlockId>('22'.repeat(32));
const blockId = (n: number) => id<BlockId>(n.toString(16).padStart(64, '0'));
const committee = committeeOf([3, 1, 1, 1, 1]);

describe('support', () => {
  it('sums power and counts an author once', () => {
    const support = new Support(committee);
    for (const author of [0, 0, 2, 2]) support.add(author);
    assert.equal(support.power, 4);
    assert.equal(support.hasQuorum, false);
    support.add(1);
    assert.equal(support.power, committee.quorum);
    assert.equal(support.hasQuorum, true);
    assert.deepEqual(support.authors(), [0, 1, 2]);
    assert.deepEqual(support.absent(), [3, 4]);
  });
});

describe('slot tally', () => {
  it('skips at a quorum of blames, not of blocks', () => {
    const tally = new SlotTally({ round: 1, offset: 0 }, committee);
    for (const author of [0, 0, 1, 1]) tally.vote(author, undefined);
    assert.equal(tally.skipsDirectly, false);
    tally.vote(2, undefined);
    assert.equal(tally.skipsDirectly, true);
  });

  it('lets an equivocating voter vote for both', () => {
    const tally = new SlotTally({ round: 1, offset: 0 }, committee);
    tally.vote(0, X);
    tally.vote(0, Y);
    tally.vote(0, undefined);
    assert.deepEqual([tally.votePower(X), tally.votePower(Y), tally.blames.power], [3, 3, 3]);
  });

  it('commits at a quorum of certifying authors', () => {
    const tally = new SlotTally({ round: 1, offset: 0 }, committee);
    tally.certify(blockId(1), 0, X);
    tally.certify(blockId(2), 0, X);
    tally.certify(blockId(3), 1, X);
    assert.equal(tally.commitsDirectly, undefined);
    tally.certify(blockId(4), 2, X);
    assert.equal(tally.commitsDirectly, X);
    assert.equal(tally.certifiedBy(blockId(3)), X);
    assert.equal(tally.certifiedBy(blockId(9)), undefined);
    assert.deepEqual(tally.certified, [X]);
  });
});
