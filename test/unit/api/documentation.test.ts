import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { describe, it } from 'node:test';
import { ENDPOINTS } from '../../../src/api/endpoints.ts';
import { REST_ERRORS } from '../../../src/types/rest-errors.ts';

const page = readFileSync(join(resolve(import.meta.dirname, '../../..'), 'docs/api.md'), 'utf8');

describe('docs/api.md', () => {
  it('lists every code as the table has it, and no other', () => {
    const rows = Object.entries(REST_ERRORS).map(([code, { status, retryable, title }]) => {
      return `| \`${code}\` | ${status} | ${retryable ? 'yes' : 'no'} | ${title} |`;
    });
    assert.deepEqual(
      page.split('\n').filter((line) => /^\| `[A-Z_]+` \|/.test(line)),
      rows,
    );
  });

  it('names every route', () => {
    for (const { method, path } of Object.values(ENDPOINTS)) {
      assert.ok(page.includes(path.replace(/\{.*/, '')), `${method} ${path}`);
    }
  });
});
