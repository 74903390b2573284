import { type Disk, DiskError, type DiskFile, type DiskLock } from '../util/disk.ts';

/**
 * A disk to look at: everything can be read and nothing changes. What tidies up (cutting an unsynced tail, removing an unfinished file, syncing)
 * is left undone, so that what is read is what was found; what would write is refused.
 */
export class ReadOnlyDisk implements Disk {
  readonly #disk: Disk;

  constructor(disk: Disk) {
    this.#disk = disk;
  }

  async open(path: string, mode: 'create' | 'existing'): Promise<DiskFile> {
    if (mode === 'create') throw refused(path);
    return new ReadOnlyFile(path, await this.#disk.open(path, mode));
  }

  exists(path: string): Promise<boolean> {
    return this.#disk.exists(path);
  }

  list(directory: string): Promise<string[]> {
    return this.#disk.list(directory);
  }

  async makeDirectory(path: string): Promise<void> {
    if (!(await this.#disk.exists(path))) throw refused(path);
  }

  async rename(from: string): Promise<void> {
    throw refused(from);
  }

  async remove(): Promise<void> {
    // Left as it is.
  }

  async syncDirectory(): Promise<void> {
    // Nothing was changed.
  }

  lock(path: string): Promise<DiskLock> {
    return this.#disk.lock(path);
  }

  freeBytes(): Promise<number> {
    return this.#disk.freeBytes();
  }
}

class ReadOnlyFile implements DiskFile {
  readonly #path: string;
  readonly #file: DiskFile;

  constructor(path: string, file: DiskFile) {
    this.#path = path;
    this.#file = file;
  }

  size(): Promise<number> {
    return this.#file.size();
  }

  read(offset: number, length: number): Promise<Uint8Array> {
    return this.#file.read(offset, length);
  }

  async write(): Promise<void> {
    throw refused(this.#path);
  }

  async truncate(): Promise<void> {
    // The tail stays on the disk; whoever asked does not read beyond the new end.
  }

  async sync(): Promise<void> {
    // Nothing was changed.
  }

  close(): Promise<void> {
    return this.#file.close();
  }
}

function refused(path: string): DiskError {
  return new DiskError('READ_ONLY', `${path}: opened for reading only`, { path });
}
