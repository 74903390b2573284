import assert from 'node:assert/strict';
import { cpSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { after, describe, it } from 'node:test';
import { checkPlanted } from '../../../tools/check-planted.ts';

const root = resolve(import.meta.dirname, '../../..');
const folder = mkdtempSync(join(tmpdir(), 'av10-check-planted-'));
after(() => rmSync(folder, { recursive: true }));

describe('check-planted', () => {
  it('passes patches that fit the source', () => {
    assert.deepEqual(checkPlanted(root), []);
  });

  it('names a patch that no longer applies', () => {
    const patches = 'test/simulation/planted';
    mkdirSync(join(folder, patches), { recursive: true });
    const patch = join(patches, 'ledger-nonce-gap.patch');
    cpSync(join(root, patch), join(folder, patch));
    mkdirSync(join(folder, 'src/execution/model'), { recursive: true });
    const source = join(folder, 'src/execution/model/execution.ts');
    cpSync(join(root, 'src/execution/model/execution.ts'), source);
    assert.deepEqual(checkPlanted(folder), []);
    writeFileSync(source, 'export {};\n');
    const violations = checkPlanted(folder).map(({ path, rule }) => ({ path, rule }));
    assert.deepEqual(violations, [{ path: patch, rule: 'planted' }]);
  });

  it('does not take a tree without patches for a clean one', () => {
    mkdirSync(join(folder, 'empty'));
    assert.throws(() => checkPlanted(folder, 'empty'), /nothing was checked/);
  });
});
