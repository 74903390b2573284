import assert from 'node:assert/strict';
import { test } from 'node:test';
import { IncludedNotes } from '../../../src/pipeline/included-notes.ts';
import { id, type TransactionId } from '../../../src/types/ids.ts';
import { ALICE, address, BOB } from './test-accounts.ts';

const tx = (index: number): TransactionId => id<TransactionId>(index.toString(16).padStart(64, '0'));

test('beyond the limit the sender noted longest ago is forgotten, not the one first seen', () => {
  const notes = new IncludedNotes(3);
  notes.add(ALICE, 0, tx(1));
  notes.add(BOB, 0, tx(2));
  notes.add(ALICE, 1, tx(3));
  notes.add(address(1), 0, tx(4));
  assert.equal(notes.of(BOB).size, 0);
  assert.deepEqual([...notes.of(ALICE).keys()], [0, 1]);
  assert.equal(notes.count, 3);
});

test('the count follows what is added twice, removed, or not there', () => {
  const notes = new IncludedNotes(10);
  notes.add(ALICE, 0, tx(1));
  notes.add(ALICE, 0, tx(1));
  notes.add(ALICE, 0, tx(2));
  notes.remove(ALICE, 0, tx(9));
  notes.remove(BOB, 0, tx(1));
  assert.equal(notes.count, 2);
  notes.remove(ALICE, 0, tx(1));
  assert.equal(notes.of(ALICE).has(0), true);
  notes.removeAll(ALICE, 0);
  assert.deepEqual([notes.count, notes.of(ALICE).size], [0, 0]);
});
