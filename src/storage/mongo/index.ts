export { ArchiveThread, type ArchiveThreadModules } from './archive-thread.ts';
export type { ArchiveAddress, ArchiveCursor } from './database.ts';
export {
  type ArchiveDocument,
  type ArchivedBlock,
  type ArchivedCommit,
  checkpointDocument,
  commitDocument,
  type Documents,
  dagBlockDocument,
  documentBytes,
  documentsOf,
  evidenceDocument,
} from './documents.ts';
export { ArchiveError, type ArchiveErrorCode } from './errors.ts';
export { type CollectionName, LAYOUT } from './layout.ts';
export { MongoLookup, type MongoLookupModules } from './lookup.ts';
export { ARCHIVE_LEVELS, type ArchiveLevel, DEFAULT_DATABASE, WINDOW_COMMITS } from './options.ts';
export { ArchiveReader, type DocumentStream, type StoredDocument } from './reader.ts';
