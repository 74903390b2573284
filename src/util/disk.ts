import { CodedError } from './errors.ts';

export type DiskErrorCode = 'NOT_FOUND' | 'EXISTS' | 'DISK_FULL' | 'READ_ONLY' | 'IO_ERROR' | 'LOCKED' | 'SHORT_READ';

/** A failed disk operation. Fields: `path`, and `offset` where one applies. */
export class DiskError extends CodedError<DiskErrorCode> {}

/**
 * The file system as storage uses it. What was written is durable only after `sync` of the file returned, and a created, renamed or removed
 * name only after `syncDirectory` of its folder returned: the simulated disk loses, tears and damages everything else at a power cut.
 * Paths use `/` and are relative to the disk's root.
 */
export interface Disk {
  /** Opens for reading and writing. `create`: must not exist yet; otherwise must exist. */
  open(path: string, mode: 'create' | 'existing'): Promise<DiskFile>;
  exists(path: string): Promise<boolean>;
  /** Names, not paths, in ascending byte order; a folder that does not exist is empty. */
  list(directory: string): Promise<string[]>;
  makeDirectory(path: string): Promise<void>;
  /** Atomic; replaces an existing target. */
  rename(from: string, to: string): Promise<void>;
  remove(path: string): Promise<void>;
  syncDirectory(path: string): Promise<void>;
  /** Exclusive advisory lock held until released or the process ends; `LOCKED` when another process holds it. */
  lock(path: string): Promise<DiskLock>;
  freeBytes(): Promise<number>;
}

export interface DiskFile {
  size(): Promise<number>;
  /** Exactly `length` bytes, else `SHORT_READ`. */
  read(offset: number, length: number): Promise<Uint8Array>;
  /** Writes all of `parts` one after the other from `offset`; may extend the file. Not durable before `sync`. */
  write(offset: number, ...parts: readonly Uint8Array[]): Promise<void>;
  truncate(length: number): Promise<void>;
  sync(): Promise<void>;
  close(): Promise<void>;
}

export interface DiskLock {
  release(): Promise<void>;
}
