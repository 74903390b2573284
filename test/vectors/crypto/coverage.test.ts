import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { globSync, readFileSync } from 'node:fs';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { COVERAGE, RUNNERS } from './coverage.ts';
import { DATA, readVectors } from './vector-files.ts';

test('every vector file is in the coverage table, with the number of cases it holds', (t) => {
  const files = globSync('*/*.json.gz', { cwd: fileURLToPath(DATA) });
  const sets = new Set(files.map((file) => file.replace(/(-prompt|-expectedResults)?\.json\.gz$/, '')));
  assert.deepEqual(Object.keys(COVERAGE).sort(), [...sets].sort());
  for (const [set, row] of Object.entries(COVERAGE)) {
    assert.equal(row.total, readVectors(set).length, set);
    for (const runner of RUNNERS) assert.ok(row[runner] <= row.total, `${runner} on ${set}`);
    t.diagnostic(`${set}: ${RUNNERS.map((runner) => `${runner} ${row[runner]}`).join(', ')} of ${row.total}`);
  }
});

test('every set runs completely somewhere', () => {
  for (const [set, row] of Object.entries(COVERAGE)) assert.equal(row.noble, row.total, set);
});

test('the vector files are the published ones', () => {
  const lines = readFileSync(new URL('SHA256SUMS', DATA), 'utf8').trim().split('\n');
  for (const line of lines) {
    const [digest, file] = line.split('  ') as [string, string];
    assert.equal(
      createHash('sha256')
        .update(readFileSync(new URL(file, DATA)))
        .digest('hex'),
      digest,
      file,
    );
  }
  assert.equal(lines.length, globSync('*/*.json.gz', { cwd: fileURLToPath(DATA) }).length);
});
