import type { LogEntry } from './log-entry.ts';
import { type LogPosition, logPosition } from './log-position.ts';

export interface PendingRecord {
  readonly entry: LogEntry;
  readonly sequence: number;
}

/** Records that are written and synced together: one write, one sync, always within one segment. */
export class RecordGroup {
  readonly segment: number;
  readonly offset: number;
  readonly firstSequence: number;
  /** Closed to further records: the writer has taken it. */
  sealed = false;
  readonly parts: Uint8Array[] = [];
  #bytes = 0;
  readonly #records = new Map<number, PendingRecord>();
  #durable: PromiseWithResolvers<void> | undefined;
  #lastOwnOffset: number | undefined;

  constructor(segment: number, offset: number, firstSequence: number) {
    this.segment = segment;
    this.offset = offset;
    this.firstSequence = firstSequence;
  }

  get bytes(): number {
    return this.#bytes;
  }

  get end(): number {
    return this.offset + this.#bytes;
  }

  get size(): number {
    return this.#records.size;
  }

  get lastSequence(): number {
    return this.firstSequence + this.#records.size - 1;
  }

  /** Where the last own block among the records lies. */
  get lastOwn(): LogPosition | undefined {
    return this.#lastOwnOffset === undefined ? undefined : logPosition(this.segment, this.#lastOwnOffset);
  }

  add(entry: LogEntry, sequence: number, parts: readonly Uint8Array[]): void {
    if (entry.type === 'own-block') this.#lastOwnOffset = this.end;
    this.#records.set(this.end, { entry, sequence });
    for (const part of parts) {
      if (part.length === 0) continue;
      this.parts.push(part);
      this.#bytes += part.length;
    }
  }

  recordAt(offset: number): PendingRecord | undefined {
    return this.#records.get(offset);
  }

  /** Resolves once the group is durable; the same promise for everybody who asks before that. */
  durable(): Promise<void> {
    this.#durable ??= Promise.withResolvers<void>();
    return this.#durable.promise;
  }

  succeed(): void {
    this.#durable?.resolve();
  }

  /** Tells those who wait; the group itself is kept and may be asked again. */
  fail(error: Error): void {
    this.#durable?.reject(error);
    this.#durable = undefined;
  }
}
