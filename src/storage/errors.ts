import { CodedError } from '../util/errors.ts';

export type StorageErrorCode =
  | 'LOG_EXISTS'
  | 'LOG_MISSING'
  | 'LOG_FOREIGN'
  | 'LOG_VERSION'
  | 'LOG_DAMAGED'
  | 'LOG_BUSY'
  | 'LOG_FAILED'
  | 'GUARD_EXISTS'
  | 'GUARD_UNUSABLE'
  | 'GUARD_FOREIGN'
  | 'GUARD_BACKWARD'
  | 'GUARD_CONFLICT'
  | 'GUARD_FAILED'
  | 'SNAPSHOT_DAMAGED'
  | 'SNAPSHOT_FOREIGN'
  | 'INDEX_GAP'
  | 'INDEX_BUSY'
  | 'INDEX_FAILED';

/**
 * Storage cannot do what was asked. Fields by code:
 *
 * - `LOG_EXISTS`, `LOG_MISSING`: `directory`
 * - `LOG_FOREIGN`: `file`, `expected`, `found` (log ids)
 * - `LOG_VERSION`: `file`, `found`; written by a later version of this program
 * - `LOG_DAMAGED`: `file`, `offset`, and `bytes` where known
 * - `LOG_BUSY`: `pendingBytes`, `pendingRecords`; wait for a flush
 * - `LOG_FAILED`: `reason`; nothing more is written until `resume` or reopening succeeds, reads go on
 * - `GUARD_EXISTS`, `GUARD_UNUSABLE`: `path`, the latter with `state`
 * - `GUARD_FOREIGN`: `path`, `field`, `expected`, `found`
 * - `GUARD_BACKWARD`, `GUARD_CONFLICT`: what is stored and what was asked
 * - `GUARD_FAILED`: `path`, `reason`; the guard must be read again before anything is signed
 * - `SNAPSHOT_DAMAGED`: `file`, `offset`, `cause`
 * - `SNAPSHOT_FOREIGN`: `file`, `expected`, `found` (network ids)
 * - `INDEX_GAP`: `expected`, `found` (commit indices)
 * - `INDEX_BUSY`: `pendingBytes`
 * - `INDEX_FAILED`: `reason`
 */
export class StorageError extends CodedError<StorageErrorCode> {}
