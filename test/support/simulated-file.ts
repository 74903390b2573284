import type { Prng } from '../../src/util/prng.ts';

/** What a disk writes as a whole, or not at all. */
const SECTOR_BYTES = 512;
const DAMAGE_PROBABILITY = 0.2;

type Unsynced =
  | {
      readonly kind: 'write';
      readonly offset: number;
      readonly bytes: Uint8Array;
      readonly before: Uint8Array;
      readonly sizeBefore: number;
    }
  | { readonly kind: 'truncate'; readonly length: number; readonly before: Uint8Array; readonly sizeBefore: number };

/** A file's content with the list of changes since its last sync, so that a power cut can take them back and apply some again. */
export class SimulatedFile {
  #bytes = new Uint8Array(SECTOR_BYTES);
  #size = 0;
  #unsynced: Unsynced[] = [];

  get size(): number {
    return this.#size;
  }

  read(offset: number, length: number): Uint8Array {
    return this.#bytes.slice(offset, offset + length);
  }

  write(offset: number, bytes: Uint8Array): void {
    const before = this.#bytes.slice(offset, Math.min(offset + bytes.length, this.#size));
    this.#unsynced.push({ kind: 'write', offset, bytes: bytes.slice(), before, sizeBefore: this.#size });
    this.overwrite(offset, bytes);
  }

  truncate(length: number): void {
    const before = this.#bytes.slice(Math.min(length, this.#size), this.#size);
    this.#unsynced.push({ kind: 'truncate', length, before, sizeBefore: this.#size });
    this.#resize(length);
  }

  sync(): void {
    this.#unsynced = [];
  }

  /** Changes the content at once and for good. */
  overwrite(offset: number, bytes: Uint8Array): void {
    this.#resize(Math.max(this.#size, offset + bytes.length));
    this.#bytes.set(bytes, offset);
  }

  losePower(loss: 'nothing' | 'everything' | 'prefix' | 'scattered' | 'damaged', prng: Prng): void {
    const changes = this.#unsynced;
    this.#unsynced = [];
    if (loss === 'nothing') return;
    for (const change of changes.toReversed()) this.#undo(change);
    if (loss === 'everything') return;
    const sectors = changes.flatMap((change) => splitBySector(change));
    const prefix = prng.below(sectors.length + 1);
    const order = loss === 'prefix' ? sectors.slice(0, prefix) : sectors.filter(() => prng.chance(0.5));
    for (const sector of order) {
      if (sector.kind === 'truncate') this.#resize(sector.length);
      else if (loss === 'damaged' && prng.chance(DAMAGE_PROBABILITY)) {
        this.overwrite(sector.offset, prng.bytes(sector.bytes.length));
      } else this.overwrite(sector.offset, sector.bytes);
    }
  }

  #undo(change: Unsynced): void {
    this.#resize(change.sizeBefore);
    if (change.before.length === 0) return;
    this.overwrite(change.kind === 'write' ? change.offset : change.sizeBefore - change.before.length, change.before);
  }

  #resize(size: number): void {
    if (size > this.#bytes.length) {
      const bytes = new Uint8Array(Math.max(size, this.#bytes.length * 2));
      bytes.set(this.#bytes.subarray(0, this.#size));
      this.#bytes = bytes;
    }
    if (size < this.#size) this.#bytes.fill(0, size, this.#size);
    this.#size = size;
  }
}

type Sector =
  | { readonly kind: 'write'; readonly offset: number; readonly bytes: Uint8Array }
  | { readonly kind: 'truncate'; readonly length: number };

function splitBySector(change: Unsynced): Sector[] {
  if (change.kind === 'truncate') return [change];
  const sectors: Sector[] = [];
  for (let at = 0; at < change.bytes.length; ) {
    const end = Math.min(change.bytes.length, at + SECTOR_BYTES - ((change.offset + at) % SECTOR_BYTES));
    sectors.push({ kind: 'write', offset: change.offset + at, bytes: change.bytes.subarray(at, end) });
    at = end;
  }
  return sectors;
}
