import type { FileHandle } from 'node:fs/promises';
import { access, mkdir, open, readdir, rename, rm, statfs } from 'node:fs/promises';
import { dirname, join, resolve, sep } from 'node:path';
import { assert } from '../util/assert.ts';
import { type Disk, DiskError, type DiskErrorCode, type DiskFile, type DiskLock } from '../util/disk.ts';
import { errorText, isCoded } from '../util/errors.ts';
import { lockDirectory } from './directory-lock.ts';

const CODES: Readonly<Record<string, DiskErrorCode>> = {
  ENOENT: 'NOT_FOUND',
  EEXIST: 'EXISTS',
  ENOSPC: 'DISK_FULL',
  EDQUOT: 'DISK_FULL',
  EROFS: 'READ_ONLY',
  EACCES: 'READ_ONLY',
  EPERM: 'READ_ONLY',
};

/** The machine's file system below one folder. */
export class NodeDisk implements Disk {
  readonly #root: string;

  /** @param root made on the first `makeDirectory`, if it does not exist */
  constructor(root: string) {
    this.#root = resolve(root);
  }

  async open(path: string, mode: 'create' | 'existing'): Promise<DiskFile> {
    const full = this.#full(path);
    if (mode === 'create') return new NodeFile(path, await coded(path, () => open(full, 'wx+')), true);
    try {
      return new NodeFile(path, await coded(path, () => open(full, 'r+')), true);
    } catch (error) {
      // A file system that went read-only can still be read; each write says READ_ONLY.
      if (!isCoded<DiskErrorCode>(error, 'READ_ONLY')) throw error;
      return new NodeFile(path, await coded(path, () => open(full, 'r')), false);
    }
  }

  async exists(path: string): Promise<boolean> {
    try {
      await coded(path, () => access(this.#full(path)));
      return true;
    } catch (error) {
      if (isCoded<DiskErrorCode>(error, 'NOT_FOUND')) return false;
      throw error;
    }
  }

  async list(directory: string): Promise<string[]> {
    try {
      const names = await coded(directory, () => readdir(this.#full(directory)));
      return names.sort((a, b) => Buffer.compare(Buffer.from(a), Buffer.from(b)));
    } catch (error) {
      if (isCoded<DiskErrorCode>(error, 'NOT_FOUND')) return [];
      throw error;
    }
  }

  /** Durable on return, with every parent that had to be made. */
  async makeDirectory(path: string): Promise<void> {
    const full = this.#full(path);
    const topmost = await coded(path, () => mkdir(full, { recursive: true }));
    if (topmost === undefined) return;
    for (let parent = dirname(full); parent.length >= dirname(topmost).length; parent = dirname(parent)) {
      await coded(path, () => syncFolder(parent));
      if (parent === dirname(parent)) return;
    }
  }

  rename(from: string, to: string): Promise<void> {
    return coded(from, () => rename(this.#full(from), this.#full(to)));
  }

  remove(path: string): Promise<void> {
    return coded(path, () => rm(this.#full(path)));
  }

  syncDirectory(path: string): Promise<void> {
    return coded(path, () => syncFolder(this.#full(path)));
  }

  async lock(path: string): Promise<DiskLock> {
    const lock = await coded(path, () => lockDirectory(this.#full(path)));
    if (lock === undefined) throw new DiskError('LOCKED', `${path} is in use by another process`, { path });
    return lock;
  }

  async freeBytes(): Promise<number> {
    const { bavail, bsize } = await coded('.', () => statfs(this.#root));
    return bavail * bsize;
  }

  #full(path: string): string {
    const full = join(this.#root, path);
    assert(
      full === this.#root || full.startsWith(this.#root.endsWith(sep) ? this.#root : this.#root + sep),
      'paths stay below the root of their disk',
    );
    return full;
  }
}

class NodeFile implements DiskFile {
  readonly #path: string;
  readonly #handle: FileHandle;
  readonly #writable: boolean;
  #syncFailed = false;

  constructor(path: string, handle: FileHandle, writable: boolean) {
    this.#path = path;
    this.#handle = handle;
    this.#writable = writable;
  }

  async size(): Promise<number> {
    const { size } = await coded(this.#path, () => this.#handle.stat());
    return size;
  }

  async read(offset: number, length: number): Promise<Uint8Array> {
    const bytes = Buffer.allocUnsafeSlow(length);
    let done = 0;
    while (done < length) {
      const { bytesRead } = await coded(this.#path, () => this.#handle.read(bytes, done, length - done, offset + done));
      if (bytesRead === 0) {
        throw new DiskError('SHORT_READ', `${this.#path} ends before ${offset + length}`, {
          path: this.#path,
          offset: offset + done,
        });
      }
      done += bytesRead;
    }
    return new Uint8Array(bytes.buffer, bytes.byteOffset, length);
  }

  async write(offset: number, ...parts: readonly Uint8Array[]): Promise<void> {
    this.#refuseUnlessWritable();
    this.#refuseAfterFailedSync();
    let rest: readonly Uint8Array[] = parts.filter((part) => part.length > 0);
    let at = offset;
    while (rest.length > 0) {
      const { bytesWritten } = await coded(this.#path, () => this.#handle.writev(rest, at));
      at += bytesWritten;
      rest = withoutFirst(rest, bytesWritten);
    }
  }

  async truncate(length: number): Promise<void> {
    this.#refuseUnlessWritable();
    await coded(this.#path, () => this.#handle.truncate(length));
  }

  /** Syncs data and size, not times. After a failure the kernel may have dropped the pages, so this handle never reports success again. */
  async sync(): Promise<void> {
    this.#refuseAfterFailedSync();
    try {
      await coded(this.#path, () => this.#handle.datasync());
    } catch (error) {
      this.#syncFailed = true;
      throw error;
    }
  }

  close(): Promise<void> {
    return coded(this.#path, () => this.#handle.close());
  }

  #refuseUnlessWritable(): void {
    if (this.#writable) return;
    throw new DiskError('READ_ONLY', `${this.#path} can only be read`, { path: this.#path });
  }

  #refuseAfterFailedSync(): void {
    if (!this.#syncFailed) return;
    throw new DiskError('IO_ERROR', `${this.#path}: an earlier sync failed; reopen and verify`, { path: this.#path });
  }
}

/** What remains of the parts once their first `count` bytes are written: a write may be partial. */
function withoutFirst(parts: readonly Uint8Array[], count: number): readonly Uint8Array[] {
  let left = count;
  for (const [i, part] of parts.entries()) {
    if (left < part.length) return [part.subarray(left), ...parts.slice(i + 1)];
    left -= part.length;
  }
  return [];
}

async function syncFolder(path: string): Promise<void> {
  const handle = await open(path, 'r');
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}

async function coded<T>(path: string, action: () => Promise<T>): Promise<T> {
  try {
    return await action();
  } catch (error) {
    const errno = (error as NodeJS.ErrnoException).code;
    if (errno === undefined) throw error;
    const code = CODES[errno] ?? 'IO_ERROR';
    throw new DiskError(code, `${path}: ${errorText(error)}`, { path, errno }, { cause: error });
  }
}
