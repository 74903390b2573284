import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import {
  defaultParameters,
  type ProtocolParameters,
  parameterProblems,
  paramsHash,
} from '../../../src/params/protocol-parameters.ts';
import { shaHasher } from '../../support/sha-hasher.ts';

const VALID = defaultParameters(4);

describe('protocol parameters', () => {
  for (const members of [1, 2, 3, 4, 5, 7, 20, 21, 100]) {
    it(`have sound defaults for ${members}`, () =>
      assert.deepEqual(parameterProblems(defaultParameters(members), members), []));
  }

  const wrong: readonly [keyof ProtocolParameters, values: readonly number[], low: number, high: number][] = [
    ['leadersPerRound', [0, 5, 1.5], 1, 4],
    ['gcDepth', [2, 100_001], 3, 100_000],
    ['maxBlockBytes', [128 * 1024 + 3, 2 * 1024 * 1024 + 1], 128 * 1024 + 4, 2 * 1024 * 1024],
    ['maxTransactionBytes', [16 * 1024 - 1, 128 * 1024 + 1], 16 * 1024, 128 * 1024],
    ['maxTransactionsPerBlock', [0, 401], 1, 400],
    ['maxOpensPerCommit', [0, 100_001], 1, 100_000],
    ['checkpointSpacingMs', [99, 60_001], 100, 60_000],
    ['checkpointIdleSpacingMs', [999, 3_600_001], 1_000, 3_600_000],
    ['expiryHorizonMs', [999, 604_800_001], 1_000, 604_800_000],
    ['registryHistoryCommits', [4_000, 1_000_001], 4_001, 1_000_000],
    ['attestHorizonRounds', [27, 100_001], 28, 100_000],
    ['epochMaxMs', [59_999, 31_622_400_001], 60_000, 31_622_400_000],
    ['epochMaxCommits', [999, 2 ** 31 + 1], 1_000, 2 ** 31],
  ];
  for (const [name, values, low, high] of wrong) {
    it(`refuse ${name} below ${low} and above ${high}`, () => {
      for (const value of [...values, Number.NaN]) {
        const expected = `${name} must be an integer from ${low} to ${high}, is ${value}`;
        assert.ok(parameterProblems({ ...VALID, [name]: value }, 4).includes(expected), `${value}`);
      }
      for (const value of [low, high]) {
        const problems = parameterProblems({ ...VALID, [name]: value }, 4).filter((line) =>
          line.startsWith(`${name} `),
        );
        assert.deepEqual(problems, [], `${value}`);
      }
    });
  }

  it('refuse amounts that are no u64, and an inactive mode', () => {
    assert.deepEqual(parameterProblems({ ...VALID, feeBase: -1n, openDeposit: 2n ** 64n }, 4), [
      'feeBase must be a u64',
      'openDeposit must be a u64',
    ]);
    const attested = { ...VALID, verification: 'attested' as 'full' };
    assert.deepEqual(parameterProblems(attested, 4), ["verification must be 'full'"]);
  });

  it('are each covered by the hash', () => {
    const hashes = Object.entries(VALID).map(([name, value]) => {
      const other = typeof value === 'bigint' ? value + 1n : typeof value === 'number' ? value + 1 : 'attested';
      return paramsHash(shaHasher, { ...VALID, [name]: other });
    });
    assert.equal(new Set([...hashes, paramsHash(shaHasher, VALID)]).size, Object.keys(VALID).length + 1);
  });
});
