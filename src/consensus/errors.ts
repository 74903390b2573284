import type { VerifiedHeader } from '../types/block.ts';
import { CodedError, type ErrorFields } from '../util/errors.ts';

export type BlockErrorCode =
  | 'EPOCH_PAST'
  | 'EPOCH_AHEAD'
  | 'AUTHOR_UNKNOWN'
  | 'ROUND_ZERO'
  | 'ROUND_COLLECTED'
  | 'EXTRA_UNWANTED'
  | 'ANCESTOR_OWN_FIRST'
  | 'ANCESTOR_AUTHOR_UNKNOWN'
  | 'ANCESTORS_UNSORTED'
  | 'ANCESTOR_ROUND'
  | 'ANCESTOR_GENESIS'
  | 'ANCESTORS_NO_QUORUM';

/** `ignore`: an honest peer may send it. `penalise`: no honest peer does; close the link and count it. */
export type BlockAction = 'ignore' | 'penalise';

/** A header breaks a rule of docs/spec/block.md that needs no signature. */
export class BlockError extends CodedError<BlockErrorCode> {
  readonly action: BlockAction;

  constructor(code: BlockErrorCode, action: BlockAction, message: string, fields: ErrorFields) {
    super(code, message, fields);
    this.action = action;
  }
}

/**
 * The DAG holds what at most f of faulty power cannot make: more than f is faulty, or this software is wrong. The node stops signing.
 * `proofs` are the two sets of blocks that contradict each other.
 */
export class ConsensusHalt extends CodedError<'CONSENSUS_HALT'> {
  readonly proofs: readonly [readonly VerifiedHeader[], readonly VerifiedHeader[]];

  constructor(
    message: string,
    fields: ErrorFields,
    proofs: readonly [readonly VerifiedHeader[], readonly VerifiedHeader[]],
  ) {
    super('CONSENSUS_HALT', message, fields);
    this.proofs = proofs;
  }
}
