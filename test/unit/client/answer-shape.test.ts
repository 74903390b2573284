import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { hasShape } from '../../../src/client/answer-shape.ts';
import { Account, matches, Network, Problem } from '../../../src/types/rest.ts';

const ACCOUNT = {
  commit: 8,
  address: 'ab'.repeat(32),
  handle: 1,
  keyVersion: 0,
  nextNonce: '3',
  frozen: false,
  balances: [{ asset: 0, amount: '5' }],
  proof: { checkpoint: 1, certificate: '00', page: '00' },
};

suite('the shape of an answer', () => {
  test('is that of the schema', () => assert.ok(hasShape(Account, ACCOUNT)));

  for (const [where, answer] of [
    ['at the top', { ...ACCOUNT, openedAt: 7 }],
    ['in a list', { ...ACCOUNT, balances: [{ asset: 0, amount: '5', held: '0' }] }],
    ['in one of alternatives', { ...ACCOUNT, proof: { ...ACCOUNT.proof, kind: 'page' } }],
  ] as const) {
    test(`may have a field that is not known yet, ${where}`, () => {
      assert.ok(hasShape(Account, answer));
      assert.ok(!matches(Account, answer), 'the server would refuse to write it');
    });
  }

  for (const name of Object.keys(ACCOUNT).filter((each) => each !== 'proof')) {
    test(`must have ${name}`, () => {
      const { [name as keyof typeof ACCOUNT]: _, ...rest } = ACCOUNT;
      assert.ok(!hasShape(Account, rest));
    });
  }

  for (const [what, answer] of [
    ['a number for text', { ...ACCOUNT, nextNonce: 3 }],
    ['a missing field in a list', { ...ACCOUNT, balances: [{ asset: 0 }] }],
    ['a missing field in one of alternatives', { ...ACCOUNT, proof: { checkpoint: 1 } }],
    ['no object', []],
  ] as const) {
    test(`is refused: ${what}`, () => assert.ok(!hasShape(Account, answer)));
  }

  test('keeps what a schema says of the fields that it does not name', () => {
    const problem = { type: '', title: '', status: 400, detail: '', code: 'X', retryable: false };
    assert.ok(hasShape(Problem, { ...problem, fields: { any: 1 } }));
    assert.ok(!hasShape(Problem, { ...problem, fields: { any: [] } }));
    assert.ok(hasShape(Network, { networkId: 'ab'.repeat(32), genesis: { any: [] } }));
  });
});
