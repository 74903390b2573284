import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Api } from '../../../bench/cluster/api.ts';
import type { Lane } from '../../../bench/cluster/lane.ts';
import { judge } from '../../../bench/cluster/ledgers.ts';

interface Ledger {
  readonly statements: Readonly<Record<number, string>>;
  readonly latest: number;
  readonly nextNonces: readonly number[];
  readonly applied: number;
}

const SOUND: Ledger = { statements: { 3: 'three', 4: 'four' }, latest: 4, nextNonces: [5, 5, 4, 4], applied: 18 };
/** Two lanes of two senders; sender s of lane l has handle 2 s + l. */
const ACCEPTED = [
  [5, 4],
  [5, 4],
];

function verdictOf(first: Ledger, second: Ledger, dropped = 0) {
  const apis = [first, second].map((ledger) => ({
    checkpoint: async (index: number | 'latest') => {
      const found = index === 'latest' ? ledger.latest : index;
      return { index: found, commit: found * 10, statement: ledger.statements[found] };
    },
    account: async (handle: number) => ({ nextNonce: String(ledger.nextNonces[handle]) }),
    metrics: async () => new Map([['av10_signed_transactions_total', ledger.applied]]),
  }));
  const lanes = ACCEPTED.map((accepted, lane) => {
    return { accepted: Uint32Array.from(accepted), lastCommit: 30, counts: { dropped: lane === 0 ? dropped : 0 } };
  });
  return judge(apis as unknown as Api[], lanes as unknown as Lane[], (lane, sender) => 2 * sender + lane);
}

test('ledgers that agree and hold what was accepted are sound', async () => {
  assert.deepEqual(await verdictOf(SOUND, SOUND), { stateRootsEqual: true, lost: 0, duplicated: 0 });
});

test('the checkpoint compared is one that both have', async () => {
  const behind = { ...SOUND, latest: 3, statements: { 3: 'three' } };
  assert.equal((await verdictOf(SOUND, behind)).stateRootsEqual, true);
  assert.equal((await verdictOf(SOUND, { ...behind, statements: { 3: 'another' } })).stateRootsEqual, false);
});

test('another statement at the same checkpoint is seen', async () => {
  const fork = { ...SOUND, statements: { ...SOUND.statements, 4: 'another' } };
  assert.equal((await verdictOf(SOUND, fork)).stateRootsEqual, false);
});

test('a nonce below what was accepted is a loss, unless it was dropped', async () => {
  const short = { ...SOUND, nextNonces: [5, 5, 3, 4], applied: 17 };
  assert.equal((await verdictOf(short, short)).lost, 1);
  assert.equal((await verdictOf(short, short, 1)).lost, 0);
});

test('more applied than the nonces say, or more nonces than accepted, is a duplicate', async () => {
  assert.equal((await verdictOf(SOUND, { ...SOUND, applied: 19 })).duplicated, 1);
  const further = { ...SOUND, nextNonces: [6, 5, 4, 4], applied: 19 };
  assert.equal((await verdictOf(further, further)).duplicated, 1);
});
