import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { touchedAccounts } from '../../../src/replica/touched-accounts.ts';
import { ANY_ACCOUNT, MAX_LISTED_ACCOUNTS } from '../../../src/storage/index.ts';
import type { SignedBody } from '../../../src/types/payload.ts';
import { commitOf, hasher, key, openModel, pay, signed } from '../execution/fixture.ts';

/** Of one commit with these transactions, the first of a ledger. */
function touchedBy(items: readonly SignedBody[]): number[] {
  const commit = commitOf(1, items);
  const result = openModel().execute(commit);
  return [...touchedAccounts(hasher, commit, result)].sort((a, b) => a - b);
}

const payments = (count: number) => {
  const transfers = Array.from({ length: count }, (_, i) => [i % 3, 1n] as const);
  return { ...pay(...transfers), fee: 1_000n };
};

describe('the accounts that a commit touches', () => {
  it('are senders and recipients, each once', () => {
    assert.deepEqual(touchedBy([signed(0, pay([1, 5n], [2, 5n])), signed(1, pay([2, 5n]))]), [0, 1, 2]);
    assert.deepEqual(touchedBy([]), []);
  });

  it('are the one that was opened and the one that paid for it', () => {
    assert.deepEqual(touchedBy([signed(3, { kind: 'open-account', publicKey: key(9) })]), [3, 4]);
  });

  it('are not the recipients of a batch that failed, nor those of what was dropped', () => {
    const item = signed(2, pay([0, 5_000n], [1, 1n]));
    assert.deepEqual(touchedBy([item, item]), [2]);
    assert.deepEqual(touchedBy([signed(2, pay([1, 1n]), 0)]), []);
  });

  it('are everybody where they are too many to list', () => {
    assert.deepEqual(touchedBy([signed(1, payments(MAX_LISTED_ACCOUNTS))]), [0, 1, 2]);
    assert.deepEqual(touchedBy([signed(1, payments(MAX_LISTED_ACCOUNTS + 1))]), [ANY_ACCOUNT]);
  });
});
