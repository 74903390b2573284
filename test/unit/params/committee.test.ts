import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { Committee, committeeWarnings, type Member, validatorId } from '../../../src/params/committee.ts';
import { id, type ValidatorId } from '../../../src/types/ids.ts';
import { MAX_TOTAL_POWER } from '../../../src/types/limits.ts';
import { AssertionFailure } from '../../../src/util/assert.ts';
import { committeeOf } from '../../support/committees.ts';
import { shaHasher } from '../../support/sha-hasher.ts';
import { refusal } from './refusal.ts';

const equal = (members: number): number[] => Array.from({ length: members }, () => 1);

describe('committee thresholds', () => {
  for (const [n, f, quorum, validity] of [
    [1, 0, 1, 1],
    [2, 0, 2, 1],
    [3, 0, 3, 1],
    [4, 1, 3, 2],
    [5, 1, 4, 2],
    [6, 1, 5, 2],
    [7, 2, 5, 3],
    [10, 3, 7, 4],
    [20, 6, 14, 7],
  ] as const) {
    it(`${n} equal validators: f ${f}, quorum ${quorum}, validity ${validity}`, () => {
      const committee = committeeOf(equal(n));
      assert.deepEqual([committee.f, committee.quorum, committee.validity], [f, quorum, validity]);
    });
  }

  it('count power, not heads', () => {
    const committee = committeeOf([5, 3, 1, 1]);
    assert.deepEqual([committee.totalPower, committee.f, committee.quorum, committee.validity], [10, 3, 7, 4]);
    assert.deepEqual([committee.power(0), committee.power(3)], [5, 1]);
  });

  it('let two quorums share an honest member, whatever the powers', () => {
    const powers = fc.array(fc.integer({ min: 1, max: Math.floor(MAX_TOTAL_POWER / 100) }), {
      minLength: 1,
      maxLength: 100,
    });
    fc.assert(
      fc.property(powers, (list) => {
        const { totalPower, f, quorum, validity } = committeeOf(list);
        assert.ok(3 * f < totalPower && 3 * (f + 1) >= totalPower);
        assert.ok(2 * quorum - totalPower >= validity);
        assert.equal(totalPower - f, quorum);
      }),
      { numRuns: 50 },
    );
  });
});

describe('committee members', () => {
  it('are sorted by validator id, and found by it', () => {
    const { members } = committeeOf(equal(4));
    const committee = new Committee([2, 0, 3, 1].map((i) => members[i] as Member));
    assert.deepEqual(committee.members, members);
    assert.equal(committee.indexOf((members[2] as Member).validatorId), 2);
    assert.equal(committee.indexOf(id<ValidatorId>('ff'.repeat(32))), undefined);
    assert.equal(committee.size, 4);
    assert.throws(() => committee.member(4), AssertionFailure);
  });

  it('are named by the hash of their identity key', () => {
    const one = validatorId(shaHasher, new Uint8Array(2_592));
    assert.equal(one, shaHasher.hash('vid', new Uint8Array(2_592)).toHex());
    assert.notEqual(one, validatorId(shaHasher, new Uint8Array(2_592).fill(1)));
  });

  const valid = committeeOf(equal(3)).members;
  const changed = (changes: Partial<Member>): Member[] => [{ ...(valid[0] as Member), ...changes }, ...valid.slice(1)];
  for (const [name, members, problem] of [
    ['none', [], '1 to 100 members needed, 0 given'],
    ['power 0', changed({ power: 0 }), 'A: power must be an integer from 1, is 0'],
    ['a fraction of power', changed({ power: 1.5 }), 'A: power must be an integer from 1, is 1.5'],
    ['too much power', changed({ power: MAX_TOTAL_POWER - 1 }), 'total power 2147483649 is above 2147483648'],
    ['a short key', changed({ linkKey: new Uint8Array(2_591) }), 'A: linkKey must have 2592 bytes, has 2591'],
    ['one name twice', changed({ name: 'B' }), 'two members share a name'],
    ['one peer id twice', changed({ peerId: 'peer-1' }), 'two members share a peerId'],
    [
      'one validator twice',
      changed({ validatorId: valid[1]?.validatorId as ValidatorId }),
      'two members share a validatorId',
    ],
  ] as const) {
    it(`are refused: ${name}`, () => {
      assert.throws(() => new Committee(members), refusal('COMMITTEE_INVALID', [problem]));
    });
  }

  it('are refused with every problem at once', () => {
    const members = changed({ power: -1, name: 'B', identityKey: new Uint8Array(1), consensusKey: new Uint8Array(2) });
    assert.throws(
      () => new Committee(members),
      refusal('COMMITTEE_INVALID', [
        'B: power must be an integer from 1, is -1',
        'B: identityKey must have 2592 bytes, has 1',
        'B: consensusKey must have 2592 bytes, has 2',
        'two members share a name',
      ]),
    );
  });

  it('may be 100 and not 101', () => {
    assert.equal(committeeOf(equal(100)).size, 100);
    assert.throws(() => committeeOf(equal(101)), refusal('COMMITTEE_INVALID', ['1 to 100 members needed, 101 given']));
  });
});

describe('committee warnings', () => {
  it('say what one fault does', () => {
    assert.deepEqual(committeeWarnings(committeeOf([1])), []);
    assert.deepEqual(committeeWarnings(committeeOf(equal(4))), []);
    const [three, ...none] = committeeWarnings(committeeOf(equal(3)));
    assert.match(three ?? '', /^3 validators tolerate no fault/);
    assert.deepEqual(none, []);
  });

  it('name who is too strong', () => {
    const warnings = committeeWarnings(committeeOf([5, 4, 1, 1]));
    assert.deepEqual(warnings, ['the loss of A or B alone halts the network: power above f = 3']);
    assert.deepEqual(committeeWarnings(committeeOf([3, 3, 3, 1])), []);
  });
});
