import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { describe, it } from 'node:test';
import { checkImports } from '../../../tools/check-imports.ts';

const fixtures = resolve(import.meta.dirname, '../../fixtures/imports');

describe('check-imports', () => {
  it('passes a tree that keeps every rule', () => {
    assert.deepEqual(checkImports(join(fixtures, 'clean')), []);
  });

  it('finds each planted violation, at its line, and nothing else', () => {
    const found = checkImports(join(fixtures, 'planted')).map(({ path, line, rule }) => `${path}:${line} ${rule}`);
    assert.deepEqual(found, [
      'src/consensus/machine.ts:1 deterministic',
      'src/gossip/index.ts:1 unknown-room',
      'src/network/neighbour.ts:1 neighbour',
      'src/pipeline/pool.ts:1 upward',
      'src/pipeline/pool.ts:2 unresolved',
      'src/replica/worker.ts:1 unresolved',
      'src/replica/worker.ts:2 outside-src',
      'src/storage/wrong-door.ts:1 door',
      'src/storage/wrong-door.ts:2 door',
      'src/storage/wrong-door.ts:3 door',
      'src/storage/wrong-door.ts:4 door',
      'src/storage/wrong-door.ts:5 no-door',
      'src/types/upward-dynamic.ts:1 upward',
      'src/types/upward-dynamic.ts:2 computed-import',
      'src/types/upward-reexport.ts:1 upward',
      'src/types/upward-type-import.ts:1 upward',
      'src/types/upward.ts:2 upward',
      'src/replica/cycle-a.ts:1 cycle',
    ]);
  });

  it('names the replacement', () => {
    const violations = checkImports(join(fixtures, 'planted'));
    const messageOf = (path: string): string => violations.find((violation) => violation.path === path)?.message ?? '';
    assert.match(
      messageOf('src/types/upward.ts'),
      /types imports .* from consensus, a layer above: declare the interface/,
    );
    assert.match(messageOf('src/network/neighbour.ts'), /neighbours meet in src\/replica or src\/node/);
    assert.match(messageOf('src/storage/wrong-door.ts'), /may be imported in src\/network only/);
    assert.match(
      messageOf('src/replica/cycle-a.ts'),
      /replica\/cycle-a\.ts -> replica\/cycle-b\.ts -> replica\/cycle-a\.ts/,
    );
  });

  it('refuses to pass over a tree without files', () => {
    const empty = mkdtempSync(join(tmpdir(), 'av10-empty-'));
    try {
      assert.throws(() => checkImports(empty), /nothing was checked/);
      assert.throws(() => checkImports(join(empty, 'absent')), /nothing was checked/);
    } finally {
      rmSync(empty, { recursive: true });
    }
  });
});
