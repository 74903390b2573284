import assert from 'node:assert/strict';
import { globSync, statSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { describe, it } from 'node:test';
import { checkTree } from '../../../tools/check-tree.ts';
import type { Violation } from '../../../tools/violation.ts';

const fixtures = resolve(import.meta.dirname, '../../fixtures/tree');

describe('check-tree', () => {
  it('passes a tree that keeps every rule', () => {
    assert.deepEqual(checkFixture('clean'), []);
  });

  it('finds each planted violation, at its line, and nothing else', () => {
    const found = checkFixture('planted').map(({ path, line, rule }) => `${path}:${line} ${rule}`);
    assert.deepEqual(found, [
      '.npmrc:1 lock-host',
      'native/Cargo.lock:1 lock-host',
      'native/Cargo.lock:2 lock-host',
      'native/binding/src/lib.rs:1 napi-panic',
      'native/binding/src/lib.rs:4 napi-panic',
      'native/binding/src/lib.rs:17 napi-panic',
      'package-lock.json:2 lock-host',
      'src/consensus/clock.ts:1 clock',
      'src/consensus/clock.ts:2 clock',
      'src/consensus/clock.ts:3 clock',
      'src/consensus/clock.ts:4 timer',
      'src/consensus/clock.ts:5 chance',
      'src/consensus/clock.ts:6 locale',
      'src/execution/later.ts:1 left-for-later',
      'src/execution/later.ts:2 left-for-later',
      'src/types/silenced.ts:1 silenced',
      'src/types/silenced.ts:2 silenced',
      'test/unit/only.test.ts:1 only',
      'test/unit/only.test.ts:2 only',
    ]);
  });

  it('accepts a file of 500 lines and refuses one of 501', () => {
    const path = 'test/unit/tools/check-tree.test.ts';
    const root = resolve(import.meta.dirname, '../../..');
    const withLines = (count: number): Violation[] => checkTree(root, [path], () => 'x\n'.repeat(count));
    assert.deepEqual(withLines(500), []);
    assert.deepEqual(
      withLines(501).map(({ line, rule }) => ({ line, rule })),
      [{ line: 501, rule: 'file-length' }],
    );
  });

  it('refuses to pass over no file', () => {
    assert.throws(() => checkTree(fixtures, []), /nothing was checked/);
  });
});

function checkFixture(name: string): Violation[] {
  const root = join(fixtures, name);
  const paths = [...globSync('**/*', { cwd: root }), ...globSync('.npmrc', { cwd: root })];
  return checkTree(root, paths.filter((path) => statSync(join(root, path)).isFile()).sort());
}
