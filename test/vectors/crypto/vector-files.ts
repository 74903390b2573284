import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { gunzipSync } from 'node:zlib';
import { SecretBytes } from '../../../src/crypto/secret-bytes.ts';

export const DATA = new URL('./data/', import.meta.url);

/** A test of a vector file or the group it belongs to; which fields there are depends on the set. */
export type Fields = Readonly<Record<string, unknown>>;

export interface Vector {
  readonly group: Fields;
  readonly test: Fields;
  /** Of ACVP, whose files keep the expected result apart. */
  readonly expected: Fields;
}

/** The parameter sets the house uses; ACVP files hold the smaller ones too. */
const OURS = ['ML-DSA-87', 'ML-KEM-1024'];

/** `wycheproof/NAME` or `acvp/NAME`: all tests of our parameter sets, in the order of the file. */
export function readVectors(set: string): Vector[] {
  const isAcvp = set.startsWith('acvp/');
  const results = new Map(isAcvp ? tests(`${set}-expectedResults`).map(({ test }) => [test.tcId, test]) : []);
  const vectors = tests(isAcvp ? `${set}-prompt` : set).map(({ group, test }) => ({
    group,
    test,
    expected: results.get(test.tcId) ?? {},
  }));
  return isAcvp ? vectors.filter(({ group }) => OURS.includes(String(group.parameterSet))) : vectors;
}

export function isValid({ test }: Vector): boolean {
  assert.ok(test.result === 'valid' || test.result === 'invalid');
  return test.result === 'valid';
}

/** For the message of an assertion. */
export function label({ test }: Vector): string {
  return `case ${test.tcId} ${test.comment ?? ''}`;
}

export function bytes(hex: unknown): Uint8Array {
  assert.ok(typeof hex === 'string');
  return Uint8Array.fromHex(hex);
}

/** Of a member that may be absent, then empty. */
export function optionalBytes(hex: unknown): Uint8Array {
  return hex === undefined ? new Uint8Array() : bytes(hex);
}

export function secret(hex: unknown): SecretBytes {
  return new SecretBytes(bytes(hex));
}

function tests(name: string): { group: Fields; test: Fields }[] {
  const text = gunzipSync(readFileSync(new URL(`${name}.json.gz`, DATA))).toString();
  const { testGroups } = JSON.parse(text) as { testGroups: (Fields & { tests: Fields[] })[] };
  return testGroups.flatMap((group) => group.tests.map((test) => ({ group, test })));
}
