import { CodedError } from '../util/errors.ts';

/**
 * Why the replica stopped for good or refused to start. A `HALT_` code means that going on could break a promise; the message says what was seen
 * and what an operator does next.
 */
export type ReplicaErrorCode =
  | 'HALT_COMMIT_MISMATCH'
  | 'HALT_ROOT_MISMATCH'
  | 'HALT_CHECKPOINT_CONFLICT'
  | 'HALT_CERTIFICATE_CONFLICT'
  | 'HALT_INVARIANT'
  | 'LOG_DAMAGED'
  | 'LOG_OF_OTHER_NETWORK'
  | 'NEEDS_IDENTITY_RECOVERY'
  | 'IDENTITY_IN_USE'
  | 'STOPPED';

export class ReplicaError extends CodedError<ReplicaErrorCode> {}

/** What a peer did that ends its link; the code travels in logs and metrics. */
export type PeerFault =
  | 'MALFORMED_FRAME'
  | 'UNEXPECTED_MESSAGE'
  | 'INVALID_BLOCK'
  | 'BAD_SIGNATURE'
  | 'BAD_PAYLOAD'
  | 'UNREQUESTED_BLOCK'
  | 'FALSE_COMMITS'
  | 'FALSE_CERTIFICATE';
