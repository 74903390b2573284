import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { describe, it } from 'node:test';
import { parseSync } from 'oxc-parser';

const root = resolve(import.meta.dirname, '../../..');

/** Every module that loading `path` loads, packages by name; `import type` loads nothing. */
function reachable(path: string, seen = new Set<string>()): Set<string> {
  if (seen.has(path)) return seen;
  seen.add(path);
  const { module } = parseSync(path, readFileSync(path, 'utf8'));
  const imported = module.staticImports
    .filter(({ entries }) => entries.length === 0 || entries.some(({ isType }) => !isType))
    .map(({ moduleRequest }) => moduleRequest.value);
  const exported = module.staticExports.flatMap(({ entries }) =>
    entries
      .filter(({ isType, moduleRequest }) => !isType && moduleRequest !== null)
      .map(({ moduleRequest }) => moduleRequest?.value),
  );
  for (const specifier of [...imported, ...exported]) {
    if (specifier?.startsWith('.')) reachable(join(dirname(path), specifier), seen);
    else if (specifier !== undefined) seen.add(specifier);
  }
  return seen;
}

describe('the client library', () => {
  it('loads nothing that a browser lacks', () => {
    const modules = [...reachable(join(root, 'src/client/index.ts'))];
    const packages = modules.filter((name) => !name.startsWith(root));
    assert.ok(modules.length > 30, `${modules.length} modules`);
    assert.deepEqual(packages.sort(), [
      '@noble/hashes/blake3.js',
      '@noble/post-quantum/ml-dsa.js',
      '@noble/post-quantum/ml-kem.js',
      'typebox',
      'typebox/value',
    ]);
  });

  it('finds what Node has alone', () => {
    assert.ok(reachable(join(root, 'src/client/node-send.ts')).has('node:http'));
  });
});
