import { type Disk, DiskError, type DiskErrorCode, type DiskFile, type DiskLock } from '../../src/util/disk.ts';
import { Prng } from '../../src/util/prng.ts';
import { SimulatedFile } from './simulated-file.ts';

/** The machine lost power, or the process was killed, at this operation. Nothing works until {@link SimulatedDisk.restart}. */
export class PowerCut extends Error {
  override readonly name = 'PowerCut';
}

/** What changes the disk, and what a fault can be planned for. */
export type DiskOperation = 'create' | 'write' | 'truncate' | 'sync' | 'rename' | 'remove' | 'sync-directory';

export interface PlannedFault {
  readonly operation: DiskOperation;
  readonly code: DiskErrorCode;
  /** Paths that contain this; all if not given. */
  readonly path?: string;
  /** So many matching operations succeed first. */
  readonly after?: number;
  /** So many then fail; all if not given. */
  readonly times?: number;
}

/** How much of what was not synced reaches the platter at a power cut. `any` lets the seed choose among the others. */
export type LossModel = 'any' | 'nothing' | 'everything' | 'prefix' | 'scattered' | 'damaged';

const LOSS_MODELS = ['nothing', 'everything', 'prefix', 'scattered', 'damaged'] as const;

type NameChange =
  | { readonly kind: 'set'; readonly directory: string; readonly path: string; readonly file: SimulatedFile }
  | { readonly kind: 'delete'; readonly directory: string; readonly path: string }
  | {
      readonly kind: 'rename';
      readonly directory: string;
      readonly path: string;
      readonly to: string;
      readonly file: SimulatedFile;
    };

/**
 * A disk in memory with the guarantees of {@link Disk} and no others: at a power cut, unsynced writes are lost, kept, torn at sector
 * boundaries, applied out of order or damaged, and unsynced names come and go. Every choice comes from the seed. Made folders last.
 */
export class SimulatedDisk implements Disk {
  /** Beyond it writes fail with DISK_FULL. */
  capacityBytes = Number.MAX_SAFE_INTEGER;
  /** Operations that changed the disk, or tried to, since the disk was made. */
  operations = 0;
  readonly #prng: Prng;
  #names = new Map<string, SimulatedFile>();
  #durableNames = new Map<string, SimulatedFile>();
  #nameChanges: NameChange[] = [];
  readonly #directories = new Set<string>(['']);
  readonly #locks = new Map<string, number>();
  #faults: (PlannedFault & { seen: number })[] = [];
  readonly #gates = new Map<DiskOperation, Promise<void>>();
  #crash: { readonly operation: number; readonly when: 'before' | 'after' } | undefined;
  #off = false;
  /** Counts restarts: a handle of an earlier life does nothing. */
  #life = 0;

  constructor(seed = 1) {
    this.#prng = new Prng(seed);
  }

  /** Cuts the power at the n-th changing operation from now (1 = the next), before or after it took effect. */
  crashAt(n: number, when: 'before' | 'after'): void {
    this.#crash = { operation: this.operations + n, when };
  }

  /** A planned power cut has happened. */
  get isOff(): boolean {
    return this.#off;
  }

  fail(fault: PlannedFault): void {
    this.#faults.push({ ...fault, seen: 0 });
  }

  healFaults(): void {
    this.#faults = [];
    this.#crash = undefined;
  }

  /** Operations of this kind wait until the returned function is called: a disk that stalls. */
  hold(operation: DiskOperation): () => void {
    const gate = Promise.withResolvers<void>();
    this.#gates.set(operation, gate.promise);
    return () => {
      this.#gates.delete(operation);
      gate.resolve();
    };
  }

  /** Comes back after a power cut, or after a killed process, whose unsynced writes the kernel still has. */
  restart(cause: 'power-cut' | 'killed', loss: LossModel = 'any'): void {
    this.#off = false;
    this.#crash = undefined;
    this.#life += 1;
    this.#locks.clear();
    if (cause === 'power-cut') this.#losePower(loss === 'any' ? this.#prng.pick(LOSS_MODELS) : loss);
  }

  /** What a reader would find now. */
  contents(path: string): Uint8Array {
    return this.#file(path).read(0, this.#file(path).size);
  }

  /** Damages what is there, behind the back of whoever wrote it. */
  flip(path: string, offset: number, mask: number): void {
    const byte = this.#file(path).read(offset, 1)[0] as number;
    this.#file(path).overwrite(offset, Uint8Array.of(byte ^ mask));
  }

  /** Replaces a file's content as if it had always been so. */
  plant(path: string, bytes: Uint8Array): void {
    const file = new SimulatedFile();
    file.overwrite(0, bytes);
    this.#names.set(path, file);
    this.#durableNames.set(path, file);
  }

  async open(path: string, mode: 'create' | 'existing'): Promise<DiskFile> {
    if (mode === 'create') {
      const directory = parentOf(path);
      await this.#change('create', path, () => {
        if (this.#names.has(path)) throw refused('EXISTS', path);
        if (!this.#directories.has(directory)) throw refused('NOT_FOUND', path);
        const file = new SimulatedFile();
        this.#names.set(path, file);
        this.#nameChanges.push({ kind: 'set', directory, path, file });
      });
    }
    this.#refuseIfOff(this.#life);
    return this.#handle(path, this.#file(path));
  }

  async exists(path: string): Promise<boolean> {
    this.#refuseIfOff(this.#life);
    return this.#names.has(path) || this.#directories.has(path);
  }

  async list(directory: string): Promise<string[]> {
    this.#refuseIfOff(this.#life);
    const prefix = directory === '' ? '' : `${directory}/`;
    const paths = [...this.#names.keys(), ...this.#directories].filter(
      (path) => path !== '' && path.startsWith(prefix),
    );
    const names = paths.map((path) => path.slice(prefix.length)).filter((name) => !name.includes('/'));
    return names.sort((a, b) => (a < b ? -1 : 1));
  }

  async makeDirectory(path: string): Promise<void> {
    this.#refuseIfOff(this.#life);
    const parts = path.split('/');
    for (let i = 1; i <= parts.length; i++) this.#directories.add(parts.slice(0, i).join('/'));
  }

  rename(from: string, to: string): Promise<void> {
    return this.#change('rename', from, () => {
      const file = this.#file(from);
      this.#names.delete(from);
      this.#names.set(to, file);
      this.#nameChanges.push({ kind: 'rename', directory: parentOf(from), path: from, to, file });
    });
  }

  remove(path: string): Promise<void> {
    return this.#change('remove', path, () => {
      this.#file(path);
      this.#names.delete(path);
      this.#nameChanges.push({ kind: 'delete', directory: parentOf(path), path });
    });
  }

  syncDirectory(path: string): Promise<void> {
    return this.#change('sync-directory', path, () => {
      if (!this.#directories.has(path)) throw refused('NOT_FOUND', path);
      for (const change of this.#nameChanges) if (change.directory === path) this.#makeDurable(change);
      this.#nameChanges = this.#nameChanges.filter((change) => change.directory !== path);
    });
  }

  async lock(path: string): Promise<DiskLock> {
    this.#refuseIfOff(this.#life);
    if (!this.#directories.has(path)) throw refused('NOT_FOUND', path);
    if (this.#locks.has(path)) throw refused('LOCKED', path);
    const life = this.#life;
    this.#locks.set(path, life);
    return {
      release: async () => {
        if (this.#locks.get(path) === life) this.#locks.delete(path);
      },
    };
  }

  async freeBytes(): Promise<number> {
    return Math.max(0, this.capacityBytes - this.#usedBytes());
  }

  #handle(path: string, file: SimulatedFile): DiskFile {
    const life = this.#life;
    let syncFailed = false;
    let closed = false;
    const usable = (): void => {
      this.#refuseIfOff(life);
      if (closed) throw refused('IO_ERROR', path);
    };
    const change = (operation: DiskOperation, action: () => void): Promise<void> => {
      if (syncFailed && operation !== 'truncate') return Promise.reject(refused('IO_ERROR', path));
      return this.#change(operation, path, () => {
        usable();
        action();
      });
    };
    return {
      size: async () => {
        usable();
        return file.size;
      },
      read: async (offset, length) => {
        usable();
        if (offset + length > file.size) throw refused('SHORT_READ', path);
        return file.read(offset, length);
      },
      write: (offset, ...parts) =>
        change('write', () => {
          const bytes = Buffer.concat(parts);
          const growth = Math.max(0, offset + bytes.length - file.size);
          if (this.#usedBytes() + growth > this.capacityBytes) throw refused('DISK_FULL', path);
          file.write(offset, bytes);
        }),
      truncate: (length) => change('truncate', () => file.truncate(length)),
      sync: async () => {
        try {
          await change('sync', () => file.sync());
        } catch (error) {
          syncFailed = error instanceof DiskError;
          throw error;
        }
      },
      close: async () => {
        closed = true;
      },
    };
  }

  async #change(operation: DiskOperation, path: string, action: () => void): Promise<void> {
    const life = this.#life;
    await this.#gates.get(operation);
    this.#refuseIfOff(life);
    this.operations += 1;
    const crash = this.#crash?.operation === this.operations ? this.#crash.when : undefined;
    if (crash === 'before') throw this.#cut(operation, path);
    this.#failIfPlanned(operation, path);
    action();
    if (crash === 'after') throw this.#cut(operation, path);
  }

  #failIfPlanned(operation: DiskOperation, path: string): void {
    for (const fault of this.#faults) {
      if (fault.operation !== operation || !path.includes(fault.path ?? '')) continue;
      fault.seen += 1;
      const first = (fault.after ?? 0) + 1;
      if (fault.seen >= first && fault.seen < first + (fault.times ?? Number.POSITIVE_INFINITY)) {
        throw refused(fault.code, path);
      }
    }
  }

  #cut(operation: DiskOperation, path: string): PowerCut {
    this.#off = true;
    return new PowerCut(`power cut at operation ${this.operations}: ${operation} ${path}`);
  }

  #refuseIfOff(life: number): void {
    if (this.#off || life !== this.#life) throw new PowerCut('the power is off');
  }

  #losePower(loss: Exclude<LossModel, 'any'>): void {
    const kept = (i: number, count: number): boolean => {
      if (loss === 'nothing') return true;
      if (loss === 'everything') return false;
      if (loss === 'prefix') return i < count;
      return this.#prng.chance(0.5);
    };
    const prefix = this.#prng.below(this.#nameChanges.length + 1);
    for (const [i, change] of this.#nameChanges.entries()) if (kept(i, prefix)) this.#makeDurable(change);
    this.#nameChanges = [];
    this.#names = new Map(this.#durableNames);
    for (const file of new Set(this.#names.values())) file.losePower(loss, this.#prng);
  }

  #makeDurable(change: NameChange): void {
    if (change.kind !== 'set') this.#durableNames.delete(change.path);
    if (change.kind === 'set') this.#durableNames.set(change.path, change.file);
    if (change.kind === 'rename') this.#durableNames.set(change.to, change.file);
  }

  #file(path: string): SimulatedFile {
    const file = this.#names.get(path);
    if (file === undefined) throw refused('NOT_FOUND', path);
    return file;
  }

  #usedBytes(): number {
    let used = 0;
    for (const file of this.#names.values()) used += file.size;
    return used;
  }
}

function parentOf(path: string): string {
  return path.slice(0, Math.max(0, path.lastIndexOf('/')));
}

function refused(code: DiskErrorCode, path: string): DiskError {
  return new DiskError(code, `simulated, at ${path}`, { path });
}
