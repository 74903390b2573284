import type { Hasher } from '../../crypto/hasher.ts';
import type { Disk, DiskErrorCode, DiskFile } from '../../util/disk.ts';
import { isCoded } from '../../util/errors.ts';
import { type BlockEntry, decodeEntry, type LogEntry } from '../log-entry.ts';
import { type LogPosition, offsetOf, segmentOf } from '../log-position.ts';
import {
  checksumHolds,
  parseRecordHeader,
  RECORD_HEADER_BYTES,
  type RecordHeader,
  recordBytes,
  recordEntry,
} from '../record.ts';
import { parseSegmentHeader, SEGMENT_HEADER_BYTES, type SegmentHeader, segmentName } from '../segment.ts';
import { ArchiveError } from './errors.ts';

/** One read holds a dozen small records; the payload of a block is passed over without reading it. */
const READ_BYTES = 64 * 1024;
/** One read fetches a block without transactions whole. */
const BLOCK_READ_BYTES = 16 * 1024;
/** The segment that is followed, and those that blocks of recent commits lie in. */
const MAX_OPEN_SEGMENTS = 4;

interface OpenSegment {
  readonly file: DiskFile;
  readonly header: SegmentHeader;
}

/**
 * Reads the block log of a running node from outside: in order, no further than what the node says is durable. It writes nothing, and holds nothing
 * that keeps the node from deleting a segment.
 */
export class LogFollower {
  readonly #directory: string;
  readonly #modules: { readonly disk: Disk; readonly hasher: Hasher };
  /** Least recently used first. */
  readonly #open = new Map<number, OpenSegment>();
  #segment = 0;
  #offset = 0;
  /** Of the record at the offset; unknown behind a seek. */
  #sequence: number | undefined;
  #chunk = EMPTY_CHUNK;
  /** Under which the chunk was read: what lies behind it may have been half written then. */
  #durable = 0;

  constructor(directory: string, modules: { readonly disk: Disk; readonly hasher: Hasher }) {
    this.#directory = directory;
    this.#modules = modules;
  }

  /** Goes on with the record at `position`. */
  seek(position: LogPosition): void {
    this.#segment = segmentOf(position);
    this.#offset = Math.max(offsetOf(position), SEGMENT_HEADER_BYTES);
    this.#sequence = undefined;
    this.#chunk = EMPTY_CHUNK;
  }

  /**
   * The next record up to `durable` (a sequence) that is no block; blocks are read by position.
   * @throws ArchiveError ARCHIVE_LOG; DiskError
   */
  async next(durable: number): Promise<LogEntry | undefined> {
    if (durable !== this.#durable) this.#chunk = EMPTY_CHUNK;
    this.#durable = durable;
    for (;;) {
      if (this.#sequence !== undefined && this.#sequence > durable) return undefined;
      const header = await this.#header();
      if (header === undefined) {
        if (await this.#enterNextSegment()) continue;
        throw this.#damage();
      }
      if (header.sequence > durable) return undefined;
      const entry = isBlock(header) ? undefined : await this.#entry(header);
      this.#offset += recordBytes(header);
      this.#sequence = header.sequence + 1;
      if (entry !== undefined) return entry;
    }
  }

  /**
   * A block by the position that a commit names. Its payload is returned as it lies there.
   * @throws ArchiveError ARCHIVE_LOG; DiskError
   */
  async block(position: LogPosition): Promise<BlockEntry> {
    const [number, offset] = [segmentOf(position), offsetOf(position)];
    const { file, header: segment } = await this.#segmentOf(number);
    const size = await file.size();
    let bytes = await file.read(offset, Math.max(0, Math.min(BLOCK_READ_BYTES, size - offset)));
    const header = parseRecordHeader(bytes, 0);
    if (header === undefined || offset + recordBytes(header) > size) throw damageAt(number, offset);
    if (recordBytes(header) > bytes.length) bytes = await file.read(offset, recordBytes(header));
    else bytes = bytes.slice(0, recordBytes(header));
    if (!checksumHolds(this.#modules.hasher, segment.logId, bytes, 0, header)) throw damageAt(number, offset);
    const entry = decodeEntry(this.#modules.hasher, recordEntry(bytes, 0, header));
    if (entry.type !== 'admitted-block' && entry.type !== 'own-block') throw damageAt(number, offset);
    return entry;
  }

  async close(): Promise<void> {
    const files = [...this.#open.values()];
    this.#open.clear();
    for (const { file } of files) await file.close();
  }

  async #header(): Promise<RecordHeader | undefined> {
    const bytes = await this.#bytes(RECORD_HEADER_BYTES);
    const header = parseRecordHeader(bytes, 0);
    if (header === undefined || (this.#sequence !== undefined && header.sequence !== this.#sequence)) return undefined;
    return header;
  }

  async #entry(header: RecordHeader): Promise<LogEntry> {
    const bytes = await this.#bytes(recordBytes(header));
    const { header: segment } = await this.#segmentOf(this.#segment);
    if (bytes.length < recordBytes(header)) throw this.#damage();
    if (!checksumHolds(this.#modules.hasher, segment.logId, bytes, 0, header)) throw this.#damage();
    return decodeEntry(this.#modules.hasher, recordEntry(bytes, 0, header));
  }

  /** Up to `count` bytes from the offset on, fewer at the end of the file. */
  async #bytes(count: number): Promise<Uint8Array> {
    const start = this.#offset - this.#chunk.offset;
    if (start >= 0 && start + count <= this.#chunk.bytes.length)
      return this.#chunk.bytes.subarray(start, start + count);
    const { file } = await this.#segmentOf(this.#segment);
    const left = Math.max(0, (await file.size()) - this.#offset);
    const bytes = await file.read(this.#offset, Math.min(left, Math.max(count, READ_BYTES)));
    this.#chunk = { offset: this.#offset, bytes };
    return bytes.subarray(0, count);
  }

  /** A segment ends where the next one takes over the count. */
  async #enterNextSegment(): Promise<boolean> {
    if (this.#sequence === undefined) return false;
    const next = this.#segment + 1;
    try {
      const { header } = await this.#segmentOf(next);
      if (header.firstSequence !== this.#sequence) return false;
    } catch (error) {
      if (isCoded<DiskErrorCode>(error, 'NOT_FOUND')) return false;
      throw error;
    }
    this.#segment = next;
    this.#offset = SEGMENT_HEADER_BYTES;
    return true;
  }

  async #segmentOf(number: number): Promise<OpenSegment> {
    const known = this.#open.get(number);
    if (known !== undefined) {
      this.#open.delete(number);
      this.#open.set(number, known);
      return known;
    }
    const path = `${this.#directory}/${segmentName(number)}`;
    const file = await this.#modules.disk.open(path, 'existing');
    const header = parseSegmentHeader(this.#modules.hasher, await file.read(0, SEGMENT_HEADER_BYTES), path);
    if (header === undefined) {
      await file.close();
      throw damageAt(number, 0);
    }
    this.#open.set(number, { file, header });
    const [oldest] = this.#open.keys();
    if (this.#open.size > MAX_OPEN_SEGMENTS && oldest !== undefined) {
      const closing = this.#open.get(oldest);
      this.#open.delete(oldest);
      await closing?.file.close();
    }
    return { file, header };
  }

  #damage(): ArchiveError {
    return damageAt(this.#segment, this.#offset);
  }
}

const EMPTY_CHUNK: { readonly offset: number; readonly bytes: Uint8Array } = { offset: 0, bytes: new Uint8Array(0) };

function isBlock({ typeCode }: RecordHeader): boolean {
  return typeCode === BLOCK_CODES[0] || typeCode === BLOCK_CODES[1];
}

/** Of admitted and own blocks: docs/spec/storage.md. */
const BLOCK_CODES = [1, 2] as const;

function damageAt(segment: number, offset: number): ArchiveError {
  const message = `the log holds no sound record at ${segmentName(segment)}:${offset}: run av10 verify`;
  return new ArchiveError('ARCHIVE_LOG', message, { segment, offset });
}
