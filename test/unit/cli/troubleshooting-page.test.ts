import assert from 'node:assert/strict';
import { globSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { suite, test } from 'node:test';
import { CAUSE_CODES } from '../../../src/cli/why/cause.ts';
import { REST_ERRORS } from '../../../src/types/rest-errors.ts';

const ROOT = join(import.meta.dirname, '../../..');
const PAGE = readFileSync(join(ROOT, 'docs/troubleshooting.md'), 'utf8');
/** Files beside the rooms' `errors.ts` that declare codes which operators meet. */
const MORE = [
  'crypto/keystore.ts',
  'addon/load-addon.ts',
  'util/disk.ts',
  'network/link-refusal.ts',
  'network/link-trouble.ts',
];
/** A union of codes: from its name to the semicolon that ends it. */
const UNION = /\btype (\w+(?:Code|Reason|Fault)) =([^;]*);/g;
const CODE = /'([A-Z][A-Z0-9_]+)'/g;
/** Unions whose codes reach no operator under their own name, and why. */
const NOT_HERE: Readonly<Record<string, string>> = {
  BlockErrorCode: 'reported as the fault INVALID_BLOCK, with the text',
  CryptoErrorCode: 'a call with wrong arguments: a bug of the caller',
  AdmissionErrorCode: 'answers of the API: docs/api.md',
  MetricsErrorCode: 'a bug of a declaration, but for the port',
  RestErrorCode: 'docs/api.md',
};

interface Declared {
  readonly code: string;
  readonly file: string;
}

function declared(): Declared[] {
  const files = [...globSync('*/errors.ts', { cwd: join(ROOT, 'src') }), ...MORE];
  return files.flatMap((file) => {
    const source = readFileSync(join(ROOT, 'src', file), 'utf8').replace(/\/\*[\s\S]*?\*\//g, '');
    return [...source.matchAll(UNION)].flatMap(([, union = '', codes = '']) =>
      union in NOT_HERE ? [] : [...codes.matchAll(CODE)].map(([, code = '']) => ({ code, file })),
    );
  });
}

suite('docs/troubleshooting.md', () => {
  const codes = declared();

  test('the codes are found where rooms declare them', () => {
    const files = new Set(codes.map(({ file }) => file));
    for (const file of ['cli/errors.ts', 'node/errors.ts', 'storage/errors.ts', ...MORE])
      assert.ok(files.has(file), file);
  });

  test('has every code that an operator meets', () => {
    const missing = codes
      .filter(({ code }) => !PAGE.includes(`\`${code}\``))
      .map(({ code, file }) => `${code} of ${file}`);
    assert.deepEqual(missing, []);
  });

  test('has every cause that `av10 why` names', () => {
    for (const cause of CAUSE_CODES) assert.ok(PAGE.includes(`| \`${cause}\` |`), cause);
  });

  test('has no code that no source knows', () => {
    const files = ['src/**/*.ts', 'native/{core,binding}/src/**/*.rs'].flatMap((each) => globSync(each, { cwd: ROOT }));
    const all = files.map((file) => readFileSync(join(ROOT, file), 'utf8')).join('\n');
    const named = [...PAGE.matchAll(/`([A-Z][A-Z0-9]*_[A-Z0-9_]*[A-Z0-9])`/g)].map(([, code = '']) => code);
    const unknown = named.filter((code) => !new RegExp(`['"]${code}\\b`).test(all) && !(code in REST_ERRORS));
    assert.deepEqual(unknown, []);
  });
});
