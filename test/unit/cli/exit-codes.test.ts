import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { CliError } from '../../../src/cli/errors.ts';
import { EXIT_CODES, exitCodeHelp, exitStatusOf } from '../../../src/cli/exit-codes.ts';
import { Av10ApiError } from '../../../src/client/index.ts';
import { LedgerError } from '../../../src/execution/errors.ts';
import { NodeError } from '../../../src/node/errors.ts';
import { ReplicaError } from '../../../src/replica/errors.ts';
import { StorageError } from '../../../src/storage/index.ts';
import { CodedError } from '../../../src/util/errors.ts';

suite('exit status', () => {
  for (const [status, error] of [
    [2, new NodeError('CONFIG_INVALID', '')],
    [2, new NodeError('GENESIS_FILES', '')],
    [2, new CliError('USAGE', '')],
    [3, new ReplicaError('NEEDS_IDENTITY_RECOVERY', '')],
    [3, new StorageError('GUARD_UNUSABLE', '')],
    [4, new ReplicaError('HALT_ROOT_MISMATCH', '')],
    [4, new CodedError('CONSENSUS_HALT', '')],
    [4, new LedgerError('LEDGER_INVARIANT', '')],
    [5, new LedgerError('LEDGER_SNAPSHOT', '')],
    [5, new CliError('VERIFICATION_FAILED', '')],
    [5, new StorageError('LOG_DAMAGED', '')],
    [6, new NodeError('ALREADY_RUNNING', '')],
    [6, Object.assign(new Error('listen'), { code: 'EADDRINUSE' })],
    [7, new NodeError('KEY_MISMATCH', '')],
    [8, new Av10ApiError('UNREACHABLE', '')],
    [9, new Av10ApiError('BALANCE_TOO_LOW', '', {}, { status: 422 })],
    [9, new CliError('TRANSACTION_DROPPED', '')],
    [10, new CliError('CHECK_FAILED', '')],
    [130, new CliError('INTERRUPTED', '')],
    // Of the client, not of the API.
    [1, new Av10ApiError('PROOF_INVALID', '')],
    [1, new Error('anything else')],
    [1, 'not even an error'],
  ] as const) {
    test(`${error instanceof Error ? error.message || error.name : error} ends with ${status}`, () => {
      assert.equal(exitStatusOf(error), status);
    });
  }

  test('every number has one meaning, and the help lists all of them', () => {
    const numbers = EXIT_CODES.map(({ status }) => status);
    assert.equal(new Set(numbers).size, numbers.length);
    assert.equal(exitCodeHelp().split('\n').length, 1 + numbers.length);
  });

  test('no code belongs to two numbers', () => {
    const codes = EXIT_CODES.flatMap((entry) => entry.codes);
    assert.equal(new Set(codes).size, codes.length);
  });
});
