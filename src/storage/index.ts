export type { ArchivedContent, ArchivedIds, ArchivedPart, ArchiveLookup } from './archive-lookup.ts';
export { BlockLog, type OpenedLog } from './block-log.ts';
export { StorageError, type StorageErrorCode } from './errors.ts';
export {
  type BlockMark,
  type GuardIdentity,
  type GuardMarks,
  type GuardValue,
  NO_BLOCK,
  NO_STATEMENT,
  UNUSED_MARKS,
  type VoteMark,
} from './guard-slot.ts';
export type {
  BlockEntry,
  CertificateEntry,
  CommitEntry,
  EvidenceEntry,
  ExecutedEntry,
  LogEntry,
  SignedBytes,
} from './log-entry.ts';
export { LOG_START, type LogPosition } from './log-position.ts';
export type { LogRecord, LogVisitor } from './log-reader.ts';
export { MemoryReceiptIndex } from './memory-receipt-index.ts';
export { type StorageMetrics, storageMetrics } from './metrics.ts';
export { NodeDisk } from './node-disk.ts';
export { type BlockLogOptions, DEFAULT_BLOCK_LOG_OPTIONS, type StorageModules } from './options.ts';
export {
  ANY_ACCOUNT,
  ANYBODY,
  DEFAULT_RECEIPT_INDEX_OPTIONS,
  type IndexedReceipt,
  MAX_LISTED_ACCOUNTS,
  type ReceiptIndex,
  type ReceiptIndexOptions,
  type ReceiptOf,
} from './receipt-index.ts';
export { type RecoveryReason, type RestartVerdict, restartVerdict } from './restart-verdict.ts';
export { type GuardReading, readGuard, SignGuard } from './sign-guard.ts';
export type { SnapshotMetadata } from './snapshot-file.ts';
export { type FoundSnapshot, type SnapshotSearch, SnapshotStore } from './snapshot-store.ts';
export { SqliteReceiptIndex } from './sqlite-receipt-index.ts';
export type { DamagedRange, LogTail, PayloadVerifier } from './verify-log.ts';
