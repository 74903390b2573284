import { CodedError } from '../util/errors.ts';

/**
 * Why a node did not start. `CONFIG_INVALID`: every problem is in the message, one a line. `GENESIS_FILES`: genesis or accounts file missing or
 * damaged. `KEY_MISMATCH`: a keystore is not the one that the genesis names. `NOT_A_MEMBER`: the genesis names no such validator.
 * `ALREADY_RUNNING`: another process holds the data folder. `LINK_KEYS_DAMAGED`: the file of link key sequences. `TLS_FILES`: certificate or key of
 * the API cannot be used. `API_LISTEN_FAILED`: its address cannot be used.
 */
export type NodeErrorCode =
  | 'CONFIG_INVALID'
  | 'GENESIS_FILES'
  | 'KEY_MISMATCH'
  | 'NOT_A_MEMBER'
  | 'ALREADY_RUNNING'
  | 'LINK_KEYS_DAMAGED'
  | 'TLS_FILES'
  | 'API_LISTEN_FAILED';

export class NodeError extends CodedError<NodeErrorCode> {}
