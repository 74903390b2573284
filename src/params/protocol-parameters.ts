import type { Hasher } from '../crypto/hasher.ts';
import { id, type ParamsHash } from '../types/ids.ts';
import { MAX_BLOCK_BYTES, MAX_TRANSACTION_BYTES, MAX_TRANSACTIONS_PER_BLOCK } from '../types/limits.ts';
import { ByteWriter } from '../util/byte-writer.ts';

/**
 * What must be the same on every node of an epoch. `paramsHash` covers each of them and is exchanged on every link, because one differing
 * constant forks a network. Options an operator may tune are elsewhere: each room's `options.ts`.
 */
export interface ProtocolParameters {
  /** Leader slots a round. All members up to four (everybody is waited for anyway), then 2. */
  readonly leadersPerRound: number;
  /** Rounds below the last committed leader that stay in the DAG. Bounds memory: members x depth x about 5 kB of headers. */
  readonly gcDepth: number;
  readonly maxBlockBytes: number;
  readonly maxTransactionBytes: number;
  readonly maxTransactionsPerBlock: number;
  /** Bounds the growth of the key file and of the account tree. */
  readonly maxOpensPerCommit: number;
  /** Commit time between checkpoints when something was executed; one signature a second. */
  readonly checkpointSpacingMs: number;
  /** Commit time between checkpoints when nothing was. */
  readonly checkpointIdleSpacingMs: number;
  /** A transaction expires at most this far in the future: bounds the mempool's life and a client's doubt. */
  readonly expiryHorizonMs: number;
  /** Commits for which key versions stay decidable; more than gcDepth x leadersPerRound. */
  readonly registryHistoryCommits: number;
  readonly attestHorizonRounds: number;
  /** Every validator verifies every signature. The attested mode is not active yet. */
  readonly verification: 'full';
  readonly epochMaxMs: number;
  readonly epochMaxCommits: number;
  readonly feeBase: bigint;
  readonly feePerTransfer: bigint;
  readonly feePerByte: bigint;
  /** Taken from the opener's balance of asset 0 into the fee pool: state growth must cost its author. */
  readonly openDeposit: bigint;
}

export function defaultParameters(members: number): ProtocolParameters {
  const leadersPerRound = members <= 4 ? members : 2;
  const gcDepth = members <= 20 ? 1_000 : 120;
  return {
    leadersPerRound,
    gcDepth,
    maxBlockBytes: MAX_BLOCK_BYTES,
    maxTransactionBytes: MAX_TRANSACTION_BYTES,
    maxTransactionsPerBlock: MAX_TRANSACTIONS_PER_BLOCK,
    maxOpensPerCommit: 1_000,
    checkpointSpacingMs: 1_000,
    checkpointIdleSpacingMs: 60_000,
    expiryHorizonMs: 24 * 60 * 60 * 1_000,
    registryHistoryCommits: 4_096,
    attestHorizonRounds: Math.max(100, 2 * members + 20),
    verification: 'full',
    epochMaxMs: 24 * 60 * 60 * 1_000,
    epochMaxCommits: 20_000_000,
    feeBase: 0n,
    feePerTransfer: 0n,
    feePerByte: 0n,
    openDeposit: 0n,
  };
}

/** Every problem of the set, in words; empty when it is sound. */
export function parameterProblems(p: ProtocolParameters, members: number): string[] {
  const problems: string[] = [];
  const within = (name: keyof ProtocolParameters, low: number, high: number): void => {
    const value = p[name];
    if (typeof value !== 'number' || !Number.isSafeInteger(value) || value < low || value > high) {
      problems.push(`${name} must be an integer from ${low} to ${high}, is ${String(value)}`);
    }
  };
  within('leadersPerRound', 1, members);
  within('gcDepth', 3, 100_000);
  within('maxBlockBytes', p.maxTransactionBytes + 4, MAX_BLOCK_BYTES);
  within('maxTransactionBytes', 16 * 1024, MAX_TRANSACTION_BYTES);
  within('maxTransactionsPerBlock', 1, MAX_TRANSACTIONS_PER_BLOCK);
  within('maxOpensPerCommit', 1, 100_000);
  within('checkpointSpacingMs', 100, 60_000);
  within('checkpointIdleSpacingMs', p.checkpointSpacingMs, 3_600_000);
  within('expiryHorizonMs', 1_000, 7 * 24 * 60 * 60 * 1_000);
  within('registryHistoryCommits', Math.min(p.gcDepth * p.leadersPerRound + 1, 1_000_000), 1_000_000);
  within('attestHorizonRounds', 2 * members + 20, 100_000);
  within('epochMaxMs', 60_000, 366 * 24 * 60 * 60 * 1_000);
  within('epochMaxCommits', 1_000, 2 ** 31);
  for (const name of ['feeBase', 'feePerTransfer', 'feePerByte', 'openDeposit'] as const) {
    if (p[name] < 0n || p[name] >= 2n ** 64n) problems.push(`${name} must be a u64`);
  }
  if (p.verification !== 'full') problems.push("verification must be 'full'");
  return problems;
}

export function paramsHash(hasher: Hasher, p: ProtocolParameters): ParamsHash {
  const out = new ByteWriter();
  for (const value of [
    p.leadersPerRound,
    p.gcDepth,
    p.maxBlockBytes,
    p.maxTransactionBytes,
    p.maxTransactionsPerBlock,
    p.maxOpensPerCommit,
    p.checkpointSpacingMs,
    p.checkpointIdleSpacingMs,
    p.expiryHorizonMs,
    p.registryHistoryCommits,
    p.attestHorizonRounds,
    p.verification === 'full' ? 0 : 1,
    p.epochMaxMs,
    p.epochMaxCommits,
  ]) {
    out.u53(value);
  }
  out.u64(p.feeBase).u64(p.feePerTransfer).u64(p.feePerByte).u64(p.openDeposit);
  return id<ParamsHash>(hasher.hash('params', out.finish()));
}
