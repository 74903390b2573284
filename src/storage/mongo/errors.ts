import { CodedError } from '../../util/errors.ts';

export type ArchiveErrorCode =
  | 'ARCHIVE_UNAVAILABLE'
  | 'ARCHIVE_REFUSED'
  | 'ARCHIVE_URI'
  | 'ARCHIVE_FOREIGN'
  | 'ARCHIVE_LEVEL'
  | 'ARCHIVE_VERSION'
  | 'ARCHIVE_EMPTY'
  | 'ARCHIVE_DAMAGED'
  | 'ARCHIVE_GAP'
  | 'ARCHIVE_LOG'
  | 'ARCHIVE_CONFLICT'
  | 'ARCHIVE_RECEIPTS';

/**
 * The archive cannot be written or read. None of these ever reaches consensus. Fields by code:
 *
 * - `ARCHIVE_UNAVAILABLE`: `reason`; no server answers, or not in time
 * - `ARCHIVE_REFUSED`: `reason`; a server answers and does not do it: rights, a full disk, an index that stands in the way
 * - `ARCHIVE_URI`: `reason`; the connection string cannot be used
 * - `ARCHIVE_FOREIGN`: `expected`, `found` (network ids)
 * - `ARCHIVE_LEVEL`: `expected`, `found`; the database was begun with another level
 * - `ARCHIVE_VERSION`: `expected`, `found`; written by another version of this program
 * - `ARCHIVE_EMPTY`: nothing was archived in this database
 * - `ARCHIVE_DAMAGED`: `collection`, `field`; a document there is not as the archive writes them
 * - `ARCHIVE_GAP`: `next`, `oldest`; the log of this node begins behind the next commit to archive
 * - `ARCHIVE_LOG`: `segment`, `offset`; the block log holds no sound record there
 * - `ARCHIVE_CONFLICT`: `height`; the archive goes on from another commit than this node has
 * - `ARCHIVE_RECEIPTS`: `reason`; the receipt index of this node cannot be read
 */
export class ArchiveError extends CodedError<ArchiveErrorCode> {}
