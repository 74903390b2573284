import assert from 'node:assert/strict';
import { globSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import * as apiOptions from '../../../src/api/options.ts';
import * as cacheOptions from '../../../src/cache/options.ts';
import { defaultBounds } from '../../../src/consensus/index.ts';
import * as consensusOptions from '../../../src/consensus/options.ts';
import * as networkLimits from '../../../src/network/limits.ts';
import * as genesis from '../../../src/params/genesis.ts';
import * as pipelineOptions from '../../../src/pipeline/options.ts';
import * as replicaOptions from '../../../src/replica/options.ts';
import * as archiveOptions from '../../../src/storage/mongo/options.ts';
import * as storageOptions from '../../../src/storage/options.ts';
import * as receiptIndex from '../../../src/storage/receipt-index.ts';
import * as commit from '../../../src/types/commit.ts';
import * as limits from '../../../src/types/limits.ts';
import * as messageCodec from '../../../src/types/message-codec.ts';
import * as rest from '../../../src/types/rest.ts';
import * as restChain from '../../../src/types/rest-chain.ts';

const ROOT = join(import.meta.dirname, '../../..');
const PAGE = readFileSync(join(ROOT, 'docs/spec/limits.md'), 'utf8');
const MODULES: readonly object[] = [
  limits,
  messageCodec,
  commit,
  genesis,
  rest,
  restChain,
  consensusOptions,
  { BOUNDS: defaultBounds(4, 1_000) },
  replicaOptions,
  pipelineOptions,
  storageOptions,
  archiveOptions,
  cacheOptions,
  receiptIndex,
  networkLimits,
  apiOptions,
];
/** Sizes, versions and reserved values of formats, which bound nothing. */
const NO_LIMITS: ReadonlySet<string> = new Set(['ANY_ACCOUNT', 'BOOT_ID_BYTES', 'PROTOCOL_VERSION', 'port']);

const UPPER_CASE = /^[A-Z][A-Z0-9_]*$/;

/** Exported numbers, and the numbers inside exported default options, with their names. */
function numbersOf(module: object): [name: string, value: number][] {
  return Object.entries(module).flatMap(([name, value]): [string, number][] => {
    if (!UPPER_CASE.test(name)) return [];
    return typeof value === 'number' ? [[name, value]] : inside(value);
  });
}

function inside(value: unknown): [name: string, value: number][] {
  if (typeof value !== 'object' || value === null || Array.isArray(value) || ArrayBuffer.isView(value)) return [];
  return Object.entries(value).flatMap(([name, field]): [string, number][] =>
    typeof field === 'number' ? [[name, field]] : inside(field),
  );
}

/** As the page writes it: bytes in the largest unit that divides them, milliseconds named. */
function text(name: string, value: number): string {
  const plain = value.toLocaleString('en-US');
  if (/bytes/i.test(name)) {
    for (const [unit, size] of [
      ['MiB', 1024 ** 2],
      ['KiB', 1024],
    ] as const) {
      if (value % size === 0) return `${(value / size).toLocaleString('en-US')} ${unit}`;
    }
    return `${plain} B`;
  }
  return /(_MS|Ms)$/.test(name) ? `${plain} ms` : plain;
}

describe('docs/spec/limits.md', () => {
  const numbers = MODULES.flatMap(numbersOf).filter(([name]) => !NO_LIMITS.has(name));

  it('is compared with all of the options', () => {
    assert.ok(numbers.length > 90, `${numbers.length} limits found`);
  });

  for (const [name, value] of numbers) {
    it(`names ${name} with its value`, () => {
      const row = `| \`${name}\` | ${text(name, value)} |`;
      assert.ok(PAGE.includes(`\n${row}`), `expected: ${row}`);
    });
  }

  it('names every constant of src that says MAX or KEPT', () => {
    const declared = globSync('src/**/*.ts', { cwd: ROOT })
      .filter((path) => !path.startsWith('src/cli/'))
      .flatMap((path) => [
        ...readFileSync(join(ROOT, path), 'utf8').matchAll(/^(?:export )?const ((?:MAX|KEPT)_[A-Z0-9_]+)/gm),
      ])
      .map((match) => match[1] as string);
    assert.ok(declared.length > 50, `${declared.length} constants found`);
    assert.deepEqual(
      [...new Set(declared)].filter((name) => !PAGE.includes(`\`${name}\``)),
      [],
    );
  });
});
