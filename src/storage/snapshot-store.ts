import type { CommitIndex, NetworkId } from '../types/ids.ts';
import type { Disk, DiskFile } from '../util/disk.ts';
import { isCoded } from '../util/errors.ts';
import { StorageError, type StorageErrorCode } from './errors.ts';
import type { StorageModules } from './options.ts';
import { readChunks, readSnapshotMetadata, type SnapshotMetadata, writeSnapshotFile } from './snapshot-file.ts';

/** The newest, and one to fall back to. */
export const KEPT_SNAPSHOTS = 2;

const NAME = /^snapshot-(\d{16})\.snap$/;
const UNFINISHED = '.new';

export interface FoundSnapshot {
  readonly metadata: SnapshotMetadata;
  /** The parts in order, cut into chunks. Verified as they are read, and once in whole before this was returned. */
  read(): AsyncGenerator<Uint8Array>;
}

export interface SnapshotSearch {
  /** The newest that is sound, if any is. */
  readonly snapshot: FoundSnapshot | undefined;
  /** Newer ones that are not. */
  readonly rejected: readonly StorageError[];
}

/** Ledger snapshots of one network: docs/spec/storage.md. The newest two are kept. */
export class SnapshotStore {
  readonly #directory: string;
  readonly #networkId: NetworkId;
  readonly #modules: Pick<StorageModules, 'disk' | 'hasher' | 'metrics'>;

  constructor(
    options: { readonly directory: string; readonly networkId: NetworkId },
    modules: Pick<StorageModules, 'disk' | 'hasher' | 'metrics'>,
  ) {
    this.#directory = options.directory;
    this.#networkId = options.networkId;
    this.#modules = modules;
  }

  /**
   * Durable on return. The caller flushes the log up to `metadata.logPosition` first.
   * @throws DiskError; what the parts throw. Nothing of an unfinished snapshot counts.
   */
  async write(
    metadata: Omit<SnapshotMetadata, 'networkId'>,
    parts: Iterable<Uint8Array> | AsyncIterable<Uint8Array>,
  ): Promise<void> {
    const { disk, hasher, metrics } = this.#modules;
    const path = `${this.#directory}/${snapshotName(metadata.commitIndex)}`;
    await disk.makeDirectory(this.#directory);
    await this.#removeUnfinished();
    const file = await disk.open(`${path}${UNFINISHED}`, 'create');
    try {
      const whole = { ...metadata, networkId: this.#networkId };
      metrics.snapshotBytes.set(await writeSnapshotFile(file, hasher, whole, parts));
      await file.sync();
    } finally {
      await file.close();
    }
    await disk.rename(`${path}${UNFINISHED}`, path);
    await disk.syncDirectory(this.#directory);
    await this.#prune();
  }

  /**
   * Verifies from the newest on and stops at the first sound one.
   * @throws StorageError SNAPSHOT_FOREIGN (of another network: the folder is not this node's); DiskError
   */
  async newest(): Promise<SnapshotSearch> {
    const rejected: StorageError[] = [];
    for (const commitIndex of (await this.#list()).reverse()) {
      try {
        return { snapshot: await this.#verify(commitIndex), rejected };
      } catch (error) {
        if (!isCoded<StorageErrorCode>(error, 'SNAPSHOT_DAMAGED')) throw error;
        rejected.push(error);
      }
    }
    return { snapshot: undefined, rejected };
  }

  /**
   * Removes all of them: they belong to a log that is gone.
   * @throws DiskError
   */
  async clear(): Promise<void> {
    const { disk } = this.#modules;
    const found = await this.#list();
    for (const commitIndex of found) await disk.remove(`${this.#directory}/${snapshotName(commitIndex)}`);
    if (found.length > 0) await disk.syncDirectory(this.#directory);
  }

  /**
   * The oldest kept snapshot that is readable: the log is needed from its `logPosition` on, so that falling back to it works.
   * @throws DiskError
   */
  async oldest(): Promise<SnapshotMetadata | undefined> {
    for (const commitIndex of await this.#list()) {
      try {
        return await this.#withFile(commitIndex, (file, name) => this.#metadata(file, name));
      } catch (error) {
        if (!isCoded<StorageErrorCode>(error, 'SNAPSHOT_DAMAGED')) throw error;
      }
    }
    return undefined;
  }

  async #verify(commitIndex: CommitIndex): Promise<FoundSnapshot> {
    const { hasher } = this.#modules;
    const metadata = await this.#withFile(commitIndex, async (file, name) => {
      const found = await this.#metadata(file, name);
      if (found.commitIndex !== commitIndex) {
        throw new StorageError('SNAPSHOT_DAMAGED', `${name} holds another commit`, {
          file: name,
          offset: 0,
          cause: 'head',
        });
      }
      for await (const _ of readChunks(file, hasher, name));
      return found;
    });
    return { metadata, read: () => this.#read(commitIndex) };
  }

  async #metadata(file: DiskFile, name: string): Promise<SnapshotMetadata> {
    const metadata = await readSnapshotMetadata(file, this.#modules.hasher, name);
    if (metadata.networkId === this.#networkId) return metadata;
    throw new StorageError('SNAPSHOT_FOREIGN', `${name} is of another network`, {
      file: name,
      expected: this.#networkId,
      found: metadata.networkId,
    });
  }

  async *#read(commitIndex: CommitIndex): AsyncGenerator<Uint8Array> {
    const name = snapshotName(commitIndex);
    const file = await this.#modules.disk.open(`${this.#directory}/${name}`, 'existing');
    try {
      yield* readChunks(file, this.#modules.hasher, name);
    } finally {
      await file.close();
    }
  }

  async #withFile<T>(commitIndex: CommitIndex, use: (file: DiskFile, name: string) => Promise<T>): Promise<T> {
    const name = snapshotName(commitIndex);
    const file = await this.#modules.disk.open(`${this.#directory}/${name}`, 'existing');
    try {
      return await use(file, name);
    } finally {
      await file.close();
    }
  }

  /** Durable before the log behind the removed ones may be dropped. */
  async #prune(): Promise<void> {
    const { disk } = this.#modules;
    const superfluous = (await this.#list()).slice(0, -KEPT_SNAPSHOTS);
    if (superfluous.length === 0) return;
    for (const commitIndex of superfluous) await disk.remove(`${this.#directory}/${snapshotName(commitIndex)}`);
    await disk.syncDirectory(this.#directory);
  }

  async #removeUnfinished(): Promise<void> {
    const { disk } = this.#modules;
    for (const name of await disk.list(this.#directory)) {
      if (name.endsWith(UNFINISHED)) await disk.remove(`${this.#directory}/${name}`);
    }
  }

  async #list(): Promise<CommitIndex[]> {
    const disk: Disk = this.#modules.disk;
    const names = await disk.list(this.#directory);
    return names.flatMap((name) => {
      const match = NAME.exec(name);
      return match === null ? [] : [Number(match[1])];
    });
  }
}

function snapshotName(commitIndex: CommitIndex): string {
  return `snapshot-${String(commitIndex).padStart(16, '0')}.snap`;
}
