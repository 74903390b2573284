import type { Hasher } from '../crypto/hasher.ts';
import type { Disk, DiskFile } from '../util/disk.ts';
import { StorageError } from './errors.ts';
import { decodeEntry, type LogEntry } from './log-entry.ts';
import { type LogPosition, logPosition, offsetOf, segmentOf } from './log-position.ts';
import { checksumHolds, parseRecordHeader, recordBytes, recordEntry } from './record.ts';
import { walkRecords } from './record-walk.ts';
import { SEGMENT_HEADER_BYTES, segmentName } from './segment.ts';
import type { DamagedRange, KeptSegment } from './verify-log.ts';

export interface LogRecord {
  readonly position: LogPosition;
  readonly sequence: number;
  readonly entry: LogEntry;
}

export interface LogVisitor {
  record(record: LogRecord): void | Promise<void>;
  /** A range known to be damaged since the log was opened; its records are not visited. */
  damaged(range: DamagedRange): void | Promise<void>;
}

/** One read fetches most records whole; a longer one costs a second read. */
const READ_AHEAD_BYTES = 16 * 1024;

/** Reads what is durable; the log that owns it tells it, through the shared `segments`, how far that goes. */
export class LogReader {
  readonly #directory: string;
  readonly #disk: Disk;
  readonly #hasher: Hasher;
  readonly #logId: Uint8Array;
  readonly #segments: readonly KeptSegment[];
  readonly #damage: readonly DamagedRange[];

  constructor(
    directory: string,
    modules: { readonly disk: Disk; readonly hasher: Hasher },
    logId: Uint8Array,
    segments: readonly KeptSegment[],
    damage: readonly DamagedRange[],
  ) {
    this.#directory = directory;
    this.#disk = modules.disk;
    this.#hasher = modules.hasher;
    this.#logId = logId;
    this.#segments = segments;
    this.#damage = damage;
  }

  /** @throws StorageError LOG_DAMAGED; DiskError */
  async read(position: LogPosition): Promise<LogRecord> {
    const segment = segmentOf(position);
    const offset = offsetOf(position);
    const kept = this.#segments.find((candidate) => candidate.segment === segment);
    const known = this.#damage.some((range) => range.segment === segment && covers(range, offset));
    if (known || kept === undefined || offset >= kept.bytes) throw damagedAt(segment, offset);
    const file = await this.#open(segment);
    try {
      return await this.#readRecord(file, { segment, bytes: kept.bytes }, offset);
    } finally {
      await file.close();
    }
  }

  /** @throws StorageError LOG_DAMAGED for damage that was not there when the log was opened; DiskError */
  async scan(from: LogPosition, visitor: LogVisitor): Promise<void> {
    const first = segmentOf(from);
    const kept = this.#segments.filter(({ segment }) => segment >= first).map((segment) => ({ ...segment }));
    let previous = first;
    for (const segment of kept) {
      for (const range of this.#damage) {
        if (range.segment > previous && range.segment < segment.segment) await visitor.damaged(range);
      }
      previous = segment.segment;
      const start = segment.segment === first ? Math.max(offsetOf(from), SEGMENT_HEADER_BYTES) : SEGMENT_HEADER_BYTES;
      await this.#scanSegment(segment, start, visitor);
    }
  }

  /**
   * Reads a segment again, from the disk as far as the kernel lets us.
   * @throws StorageError LOG_DAMAGED; DiskError
   */
  async verify(segment: KeptSegment): Promise<void> {
    const ignored = (): void => undefined;
    await this.#scanSegment(segment, SEGMENT_HEADER_BYTES, { record: ignored, damaged: ignored });
  }

  async #scanSegment({ segment, bytes }: KeptSegment, start: number, visitor: LogVisitor): Promise<void> {
    const known = this.#damage.filter((range) => range.segment === segment);
    const content = await this.#readFrom(segment, start, bytes);
    let end = start;
    for (const step of walkRecords(this.#hasher, this.#logId, content, 0, undefined)) {
      const offset = start + step.offset;
      if (offset < end) continue;
      end = start + step.end;
      const range = known.find((damaged) => damaged.cause !== 'segment' && damaged.offset === offset);
      if (range !== undefined) {
        await visitor.damaged(range);
        end = range.offset + range.bytes;
      } else if (step.kind === 'damage') {
        throw damagedAt(segment, offset);
      } else {
        const entry = decodeEntry(this.#hasher, recordEntry(content, step.offset, step.header));
        await visitor.record({ position: logPosition(segment, offset), sequence: step.header.sequence, entry });
      }
    }
    const lostAtEnd = known.find((range) => range.cause === 'record' && range.offset === end && range.bytes === 0);
    if (lostAtEnd !== undefined) await visitor.damaged(lostAtEnd);
    else if (end < bytes) throw damagedAt(segment, end);
  }

  async #readRecord(file: DiskFile, { segment, bytes }: KeptSegment, offset: number): Promise<LogRecord> {
    let content = await file.read(offset, Math.min(READ_AHEAD_BYTES, bytes - offset));
    const header = parseRecordHeader(content, 0);
    if (header === undefined || offset + recordBytes(header) > bytes) throw damagedAt(segment, offset);
    if (recordBytes(header) > content.length) content = await file.read(offset, recordBytes(header));
    if (!checksumHolds(this.#hasher, this.#logId, content, 0, header)) throw damagedAt(segment, offset);
    const entry = decodeEntry(this.#hasher, recordEntry(content, 0, header));
    return { position: logPosition(segment, offset), sequence: header.sequence, entry };
  }

  async #readFrom(segment: number, start: number, end: number): Promise<Uint8Array> {
    const file = await this.#open(segment);
    try {
      return await file.read(start, end - start);
    } finally {
      await file.close();
    }
  }

  #open(segment: number): Promise<DiskFile> {
    return this.#disk.open(`${this.#directory}/${segmentName(segment)}`, 'existing');
  }
}

function covers(range: DamagedRange, offset: number): boolean {
  return offset >= range.offset && offset < range.offset + range.bytes;
}

function damagedAt(segment: number, offset: number): StorageError {
  const file = segmentName(segment);
  return new StorageError('LOG_DAMAGED', `no sound record at ${file}:${offset}: fetch it from peers`, { file, offset });
}
