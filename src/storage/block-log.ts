import { assertDefined } from '../util/assert.ts';
import { toHex } from '../util/bytes.ts';
import type { DiskFile } from '../util/disk.ts';
import { errorText } from '../util/errors.ts';
import { StorageError } from './errors.ts';
import { encodeEntry, type LogEntry } from './log-entry.ts';
import { type LogPosition, logPosition, offsetOf, segmentOf } from './log-position.ts';
import { LogReader, type LogRecord, type LogVisitor } from './log-reader.ts';
import { assertBlockLogOptions, type BlockLogOptions, type StorageModules } from './options.ts';
import { encodedBytes, encodeRecordHeader, LOG_ID_BYTES } from './record.ts';
import { RecordGroup } from './record-group.ts';
import { createSegment, listSegments, removeUnfinishedSegments, SEGMENT_HEADER_BYTES, segmentName } from './segment.ts';
import {
  type DamagedRange,
  type KeptSegment,
  type LogTail,
  type PayloadVerifier,
  type VerifiedLog,
  verifyLog,
} from './verify-log.ts';

export interface OpenedLog {
  readonly log: BlockLog;
  readonly tail: LogTail;
  /** Empty on a sound log. The caller fetches what is missing from peers and appends it again. */
  readonly damage: readonly DamagedRange[];
}

/**
 * The append-only log of docs/spec/storage.md: what a node accepted and said, in the order in which it did. `append` is immediate and in
 * memory; `flush` makes everything appended before it durable, one write and one sync for all who ask at the same time.
 *
 * When the disk refuses, the log *fails*: nothing more is accepted, reads go on, and only {@link resume} or reopening ends that. A failed
 * sync is never repeated as it stands, because the kernel may have dropped the pages and would then report success.
 */
export class BlockLog {
  /** Drawn when the log was created; names it to the sign guard. 16 bytes in hexadecimal. */
  readonly logId: string;
  readonly #options: BlockLogOptions;
  readonly #modules: StorageModules;
  readonly #logIdBytes: Uint8Array;
  readonly #segments: KeptSegment[];
  readonly #reader: LogReader;
  /** The last durable segment, which groups are written to. */
  #file: DiskFile;
  /** Appended and not yet durable, in order. */
  readonly #groups: RecordGroup[] = [];
  #end: { segment: number; offset: number };
  #lastSequence: number;
  #durableSequence: number;
  #lastOwn: LogPosition | undefined;
  #pendingBytes = 0;
  #pendingRecords = 0;
  #flushThrough = 0;
  #writing = false;
  #writer = Promise.resolve();
  #resuming: Promise<void> | undefined;
  #failure: StorageError | undefined;
  #writingSinceMs: number | undefined;

  /** @throws StorageError LOG_EXISTS; DiskError */
  static async create(options: BlockLogOptions, modules: StorageModules): Promise<BlockLog> {
    assertBlockLogOptions(options);
    const { disk, hasher, random } = modules;
    const { directory } = options;
    if ((await listSegments(disk, directory)).length > 0) {
      throw new StorageError('LOG_EXISTS', 'a log is here already: open it', { directory });
    }
    await disk.makeDirectory(directory);
    await removeUnfinishedSegments(disk, directory);
    const logId = random.bytes(LOG_ID_BYTES);
    const file = await createSegment(disk, hasher, directory, { segment: 0, firstSequence: 1, logId });
    const segments = [{ segment: 0, bytes: SEGMENT_HEADER_BYTES }];
    return new BlockLog(
      options,
      modules,
      { logId, segments, lastSequence: 0, lastOwn: undefined, tail: NO_TAIL, damage: [] },
      file,
    );
  }

  /**
   * Verifies the log from its oldest segment on, and cuts an unsynced tail.
   *
   * @throws StorageError LOG_MISSING, LOG_FOREIGN, LOG_VERSION, LOG_DAMAGED (no segment header is left); DiskError
   */
  static async open(
    options: BlockLogOptions,
    modules: StorageModules,
    verifyPayload: PayloadVerifier,
  ): Promise<OpenedLog> {
    assertBlockLogOptions(options);
    const { disk, hasher } = modules;
    const { directory } = options;
    await removeUnfinishedSegments(disk, directory);
    const verified = await verifyLog(disk, hasher, directory, verifyPayload);
    const last = assertDefined(verified.segments.at(-1), 'a verified log has a segment');
    const file = await disk.open(`${directory}/${segmentName(last.segment)}`, 'existing');
    try {
      await file.truncate(last.bytes);
      // What survived a killed process may be in the kernel's memory only; from here on it counts as durable.
      await file.sync();
      await disk.syncDirectory(directory);
    } catch (error) {
      await file.close();
      throw error;
    }
    const log = new BlockLog(options, modules, verified, file);
    return { log, tail: verified.tail, damage: verified.damage };
  }

  private constructor(options: BlockLogOptions, modules: StorageModules, verified: VerifiedLog, file: DiskFile) {
    this.#options = options;
    this.#modules = modules;
    this.#logIdBytes = verified.logId;
    this.logId = toHex(verified.logId);
    this.#segments = [...verified.segments];
    this.#reader = new LogReader(options.directory, modules, verified.logId, this.#segments, verified.damage);
    this.#file = file;
    this.#lastSequence = verified.lastSequence;
    this.#durableSequence = verified.lastSequence;
    this.#lastOwn = verified.lastOwn;
    const last = this.#lastSegment();
    this.#end = { segment: last.segment, offset: last.bytes };
    modules.metrics.logSegments.set(this.#segments.length);
  }

  /** Sequence of the last appended record; 0 in an empty log. */
  get lastSequence(): number {
    return this.#lastSequence;
  }

  /** Every record up to this one survives a power cut. */
  get durableSequence(): number {
    return this.#durableSequence;
  }

  /** Appended and not yet durable: what callers watch to slow down before `append` refuses. */
  get pendingBytes(): number {
    return this.#pendingBytes;
  }

  /** The last own block that is durable: the restart verdict compares it with the sign guard. */
  get lastOwn(): LogPosition | undefined {
    return this.#lastOwn;
  }

  /** Why the log accepts nothing, if it has failed. */
  get failure(): StorageError | undefined {
    return this.#failure;
  }

  /** How long the disk has been at one write and its sync; 0 when nothing is under way. */
  get writingForMs(): number {
    return this.#writingSinceMs === undefined ? 0 : this.#modules.clock.monotonicMs() - this.#writingSinceMs;
  }

  /** Start of the oldest kept record space; a replay cannot begin before it. */
  get firstPosition(): LogPosition {
    return logPosition(assertDefined(this.#segments[0], 'a log has a segment').segment, SEGMENT_HEADER_BYTES);
  }

  /** Where the next record goes, unless it starts a segment of its own. */
  get endPosition(): LogPosition {
    return logPosition(this.#end.segment, this.#end.offset);
  }

  /**
   * Takes the record into memory and says where it will lie. Not durable before a later `flush`.
   * @throws StorageError LOG_FAILED, LOG_BUSY
   */
  append(entry: LogEntry): LogPosition {
    if (this.#failure !== undefined) throw this.#failure;
    const encoded = encodeEntry(entry);
    const bytes = encodedBytes(encoded);
    this.#refuseIfBusy(bytes);
    const group = this.#groupFor(bytes);
    const position = logPosition(group.segment, group.end);
    const sequence = this.#lastSequence + 1;
    const { hasher, metrics } = this.#modules;
    const header = encodeRecordHeader(hasher, this.#logIdBytes, encoded, sequence, group.firstSequence - 1);
    group.add(entry, sequence, [header, ...encoded.body, encoded.payload]);
    this.#lastSequence = sequence;
    this.#end = { segment: group.segment, offset: group.end };
    this.#account(bytes, 1);
    metrics.logAppendedBytes.add(bytes);
    if (this.#pendingBytes >= this.#options.flushAtBytes) this.#writeThrough(sequence);
    return position;
  }

  /**
   * Resolves once everything appended before the call is durable.
   * @throws StorageError LOG_FAILED
   */
  async flush(): Promise<void> {
    if (this.#failure !== undefined) throw this.#failure;
    const last = this.#groups.at(-1);
    if (last === undefined) return;
    const durable = last.durable();
    this.#writeThrough(this.#lastSequence);
    await durable;
  }

  /**
   * The record at a position that this log gave out. A payload is returned as it lies there: compare its digest.
   * @throws StorageError LOG_DAMAGED; DiskError
   */
  async read(position: LogPosition): Promise<LogRecord> {
    const segment = segmentOf(position);
    for (const group of this.#groups) {
      const pending = group.segment === segment ? group.recordAt(offsetOf(position)) : undefined;
      if (pending !== undefined) return { position, ...pending };
    }
    return this.#reader.read(position);
  }

  /**
   * Visits the durable records from `from` on, in order. Meant for replay: whole segments are read.
   * @throws StorageError LOG_DAMAGED for damage that was not there when the log was opened; DiskError
   */
  scan(from: LogPosition, visitor: LogVisitor): Promise<void> {
    return this.#reader.scan(from, visitor);
  }

  /**
   * Deletes the segments all of whose records lie before `position`; never the last one, and none from the last durable own block on, which
   * the sign guard is compared with after a restart. Oldest first, so that a crash leaves no gap.
   */
  async dropBefore(position: LogPosition): Promise<void> {
    const { disk } = this.#modules;
    const { directory } = this.#options;
    for (;;) {
      const oldest = this.#segments[0];
      const bound = Math.min(position, this.#lastOwn ?? position) as LogPosition;
      if (oldest === undefined || this.#segments.length === 1 || oldest.segment >= segmentOf(bound)) return;
      this.#segments.shift();
      await disk.remove(`${directory}/${segmentName(oldest.segment)}`);
      await disk.syncDirectory(directory);
      this.#modules.metrics.logSegments.set(this.#segments.length);
    }
  }

  /**
   * After a failure: drops what the disk may hold of the records that were not durable, verifies the segment, and writes those records again
   * at the positions they were given.
   * @throws StorageError LOG_FAILED (still), LOG_DAMAGED; DiskError
   */
  async resume(): Promise<void> {
    this.#resuming ??= this.#resume().finally(() => {
      this.#resuming = undefined;
    });
    await this.#resuming;
  }

  /** Makes everything durable, unless the log has failed, and closes the files. */
  async close(): Promise<void> {
    if (this.#failure === undefined) await this.flush();
    await this.#writer;
    await this.#file.close();
  }

  #refuseIfBusy(bytes: number): void {
    const { maxPendingBytes, maxPendingRecords } = this.#options;
    const fits = this.#pendingBytes + bytes <= maxPendingBytes && this.#pendingRecords < maxPendingRecords;
    // A record larger than the limit is taken alone, else it could never be written.
    if (fits || this.#pendingRecords === 0) return;
    throw new StorageError('LOG_BUSY', 'too much waits for the disk: flush first', {
      pendingBytes: this.#pendingBytes,
      pendingRecords: this.#pendingRecords,
    });
  }

  #groupFor(bytes: number): RecordGroup {
    const { segmentBytes } = this.#options;
    let { segment, offset } = this.#end;
    if (offset + bytes > segmentBytes && offset > SEGMENT_HEADER_BYTES) {
      segment += 1;
      offset = SEGMENT_HEADER_BYTES;
    }
    const last = this.#groups.at(-1);
    if (last !== undefined && !last.sealed && last.segment === segment) return last;
    const group = new RecordGroup(segment, offset, this.#lastSequence + 1);
    this.#groups.push(group);
    return group;
  }

  #account(bytes: number, records: number): void {
    this.#pendingBytes += bytes;
    this.#pendingRecords += records;
    this.#modules.metrics.logPendingBytes.set(this.#pendingBytes);
  }

  #writeThrough(sequence: number): void {
    this.#flushThrough = sequence;
    if (this.#writing) return;
    this.#writing = true;
    this.#writer = this.#writeGroups();
  }

  /** Never rejects: a failure is kept and told to those who wait. */
  async #writeGroups(): Promise<void> {
    try {
      for (let group = this.#groups[0]; group !== undefined; group = this.#groups[0]) {
        if (group.firstSequence > this.#flushThrough) break;
        group.sealed = true;
        await this.#writeGroup(group);
        this.#groups.shift();
        this.#lastSegment().bytes = group.end;
        this.#durableSequence = group.lastSequence;
        this.#lastOwn = group.lastOwn ?? this.#lastOwn;
        this.#account(-group.bytes, -group.size);
        group.succeed();
      }
    } catch (error) {
      this.#fail(error);
    }
    this.#writing = false;
  }

  async #writeGroup(group: RecordGroup): Promise<void> {
    const { clock, metrics } = this.#modules;
    const startedMs = clock.monotonicMs();
    this.#writingSinceMs = startedMs;
    try {
      if (group.segment !== this.#lastSegment().segment) await this.#startSegment(group);
      await this.#file.write(group.offset, ...group.parts);
      await this.#file.sync();
    } finally {
      this.#writingSinceMs = undefined;
    }
    metrics.logFlushSeconds.observe((clock.monotonicMs() - startedMs) / 1_000);
  }

  async #startSegment({ segment, firstSequence }: RecordGroup): Promise<void> {
    const { disk, hasher, metrics } = this.#modules;
    const header = { segment, firstSequence, logId: this.#logIdBytes };
    const file = await createSegment(disk, hasher, this.#options.directory, header);
    await this.#file.close();
    this.#file = file;
    this.#segments.push({ segment, bytes: SEGMENT_HEADER_BYTES });
    metrics.logSegments.set(this.#segments.length);
  }

  #fail(cause: unknown): void {
    const failure = new StorageError(
      'LOG_FAILED',
      `the disk refused (${errorText(cause)}): nothing is accepted until the log resumes`,
      { reason: errorText(cause) },
      { cause },
    );
    this.#failure = failure;
    this.#modules.metrics.logFailures.add(1);
    for (const group of this.#groups) group.fail(failure);
  }

  async #resume(): Promise<void> {
    await this.#writer;
    if (this.#failure === undefined) return;
    const last = this.#lastSegment();
    await this.#file.close().catch(() => undefined);
    await this.#removeSegmentsAfter(last.segment);
    this.#file = await this.#modules.disk.open(this.#path(last.segment), 'existing');
    await this.#file.truncate(last.bytes);
    await this.#file.sync();
    await this.#reader.verify(last);
    this.#failure = undefined;
    await this.flush();
  }

  async #removeSegmentsAfter(segment: number): Promise<void> {
    const { disk } = this.#modules;
    const { directory } = this.#options;
    await removeUnfinishedSegments(disk, directory);
    if (await disk.exists(this.#path(segment + 1))) await disk.remove(this.#path(segment + 1));
    await disk.syncDirectory(directory);
  }

  #lastSegment(): KeptSegment {
    return assertDefined(this.#segments.at(-1), 'a log has a segment');
  }

  #path(segment: number): string {
    return `${this.#options.directory}/${segmentName(segment)}`;
  }
}

const NO_TAIL: LogTail = { cut: false, bytes: 0 };
