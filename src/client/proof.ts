import type { CryptoBackend } from '../crypto/backend.ts';
import type { Genesis } from '../params/genesis.ts';
import { decodeAccountProof, type ProvenAccount, verifyAccountProof } from '../types/account-proof.ts';
import { decodeCertificate, verifyCertificate } from '../types/certificate.ts';
import type { CheckpointIndex, CommitDigest, CommitIndex, StateRoot } from '../types/ids.ts';
import type { AccountProof } from '../types/rest.ts';
import { fromHex, isHex } from '../util/bytes.ts';
import { CodedError } from '../util/errors.ts';
import { Av10ApiError } from './errors.ts';

/** An account as a quorum of the committee signed it: true whatever the answering validator is. */
export interface CertifiedAccount {
  readonly account: ProvenAccount;
  /** The state after this commit, */
  readonly commit: CommitIndex;
  /** at this time of the network. */
  readonly timeMs: number;
}

/** What a quorum of the committee signed of a checkpoint: docs/spec/checkpoint.md. */
export interface CertifiedCheckpoint {
  readonly index: CheckpointIndex;
  readonly commit: CommitIndex;
  readonly commitDigest: CommitDigest;
  readonly timeMs: number;
  readonly accountsRoot: StateRoot;
  readonly resultsRoot: StateRoot;
}

/**
 * Checks a certificate against the committee of `genesis`.
 * @throws Av10ApiError PROOF_INVALID
 */
export async function verifyCheckpointAnswer(
  { verifier }: CryptoBackend,
  genesis: Genesis,
  certificate: string,
): Promise<CertifiedCheckpoint> {
  try {
    const decoded = decodeCertificate(bytes(certificate));
    await verifyCertificate(verifier, genesis.networkId, genesis.committee, decoded);
    const { index, commitIndex: commit, commitDigest, timeMs, accountsRoot, resultsRoot } = decoded.statement;
    return { index, commit, commitDigest, timeMs, accountsRoot, resultsRoot };
  } catch (error) {
    if (!(error instanceof CodedError)) throw error;
    throw new Av10ApiError(
      'PROOF_INVALID',
      `the certificate does not hold: ${error.message}`,
      {},
      {},
      { cause: error },
    );
  }
}

/**
 * Checks certificate and page against the committee of `genesis`: a quorum signed this very account. A proof shows what was true at its
 * checkpoint, not what is true now.
 * @throws Av10ApiError PROOF_INVALID
 */
export async function verifyAccountAnswer(
  { hasher, verifier }: CryptoBackend,
  genesis: Genesis,
  handle: number,
  { certificate, page }: AccountProof,
): Promise<CertifiedAccount> {
  try {
    const decoded = decodeCertificate(bytes(certificate));
    await verifyCertificate(verifier, genesis.networkId, genesis.committee, decoded);
    const { accountsRoot, commitIndex, timeMs } = decoded.statement;
    const account = verifyAccountProof(hasher, decodeAccountProof(bytes(page)), accountsRoot);
    if (account.handle !== handle) throw invalid(handle, `it shows account ${account.handle}`);
    return { account, commit: commitIndex, timeMs };
  } catch (error) {
    if (error instanceof Av10ApiError || !(error instanceof CodedError)) throw error;
    throw invalid(handle, error.message, error);
  }
}

function bytes(hex: string): Uint8Array {
  return isHex(hex) ? fromHex(hex) : new Uint8Array(0);
}

function invalid(account: number, why: string, cause?: Error): Av10ApiError {
  return new Av10ApiError('PROOF_INVALID', `the proof does not hold: ${why}`, { account }, {}, { cause });
}
