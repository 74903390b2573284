import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Rotation } from '../../../src/pipeline/rotation.ts';

function drain(rotation: Rotation<string>): string {
  let order = '';
  for (let member = rotation.shift(); member !== undefined; member = rotation.shift()) order += member;
  return order;
}

test('members come in the order added, those promised a turn before them, each once', () => {
  const rotation = new Rotation<string>();
  for (const member of ['a', 'b', 'c', 'd', 'b']) rotation.add(member);
  rotation.addFirst('c');
  rotation.addFirst('d');
  rotation.add('d');
  assert.equal(rotation.size, 4);
  assert.equal(drain(rotation), 'cdab');
  assert.equal(rotation.size, 0);
});

test('a deleted member has no turn, wherever it was', () => {
  const rotation = new Rotation<string>();
  rotation.add('a');
  rotation.addFirst('b');
  rotation.add('c');
  rotation.delete('a');
  rotation.delete('b');
  assert.equal(drain(rotation), 'c');
});
