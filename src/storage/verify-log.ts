import type { Hasher } from '../crypto/hasher.ts';
import { toHex } from '../util/bytes.ts';
import type { Disk } from '../util/disk.ts';
import { StorageError } from './errors.ts';
import { type BlockEntry, decodeEntry } from './log-entry.ts';
import { type LogPosition, logPosition } from './log-position.ts';
import { recordEntry } from './record.ts';
import { type WalkStep, walkRecords } from './record-walk.ts';
import { listSegments, parseSegmentHeader, SEGMENT_HEADER_BYTES, type SegmentHeader, segmentName } from './segment.ts';

/** Whether a block's payload matches the digest in its header. Must not throw. */
export type PayloadVerifier = (block: BlockEntry) => boolean;

/** Bytes that had been durable and are not what was written. Whatever they held is fetched from peers, by id. */
export interface DamagedRange {
  readonly segment: number;
  readonly file: string;
  readonly offset: number;
  readonly bytes: number;
  /** Records lost with the range; `lastSequence < firstSequence` when none was. */
  readonly firstSequence: number;
  readonly lastSequence: number;
  readonly cause: 'record' | 'payload' | 'segment';
}

export interface KeptSegment {
  readonly segment: number;
  /** Up to the end of its last record. */
  bytes: number;
}

/** What an unsynced end of the log left in the last segment. */
export interface LogTail {
  readonly cut: boolean;
  readonly bytes: number;
}

export interface VerifiedLog {
  readonly logId: Uint8Array;
  /** Ascending; the last one is appended to. */
  readonly segments: readonly KeptSegment[];
  readonly lastSequence: number;
  /** The last own block that is sound. */
  readonly lastOwn: LogPosition | undefined;
  readonly tail: LogTail;
  readonly damage: readonly DamagedRange[];
}

/**
 * Reads every kept segment and says what is sound. Changes nothing. A bad range is an unsynced tail exactly if no record proves, by its
 * `durableBefore`, that the range had been synced; such a tail is cut, everything else is damage (docs/spec/storage.md).
 *
 * @throws StorageError LOG_MISSING, LOG_FOREIGN, LOG_VERSION, LOG_DAMAGED (no segment header is left)
 */
export async function verifyLog(
  disk: Disk,
  hasher: Hasher,
  directory: string,
  verifyPayload: PayloadVerifier,
): Promise<VerifiedLog> {
  const numbers = await listSegments(disk, directory);
  if (numbers.length === 0) throw new StorageError('LOG_MISSING', 'no log here', { directory });
  const headers = await readHeaders(disk, hasher, directory, numbers);
  const verification = new Verification(hasher, commonLogId(directory, headers), verifyPayload);
  for (const [i, segment] of numbers.entries()) {
    const bytes = await readWhole(disk, `${directory}/${segmentName(segment)}`);
    verification.segment({ segment, header: headers[i], bytes, isLast: i === numbers.length - 1 });
  }
  return verification.finish();
}

async function readHeaders(
  disk: Disk,
  hasher: Hasher,
  directory: string,
  segments: readonly number[],
): Promise<(SegmentHeader | undefined)[]> {
  const headers: (SegmentHeader | undefined)[] = [];
  for (const segment of segments) {
    const path = `${directory}/${segmentName(segment)}`;
    const header = parseSegmentHeader(hasher, await readWhole(disk, path, SEGMENT_HEADER_BYTES), path);
    headers.push(header?.segment === segment ? header : undefined);
  }
  return headers;
}

function commonLogId(directory: string, headers: readonly (SegmentHeader | undefined)[]): Uint8Array {
  const known = headers.filter((header) => header !== undefined);
  const [first] = known;
  if (first === undefined) {
    throw new StorageError('LOG_DAMAGED', 'no segment header is readable: start with recovery', {
      file: `${directory}/${segmentName(0)}`,
      offset: 0,
    });
  }
  const expected = toHex(first.logId);
  for (const { segment, logId } of known) {
    const found = toHex(logId);
    if (found === expected) continue;
    const file = `${directory}/${segmentName(segment)}`;
    throw new StorageError('LOG_FOREIGN', 'this segment belongs to another log', { file, expected, found });
  }
  return first.logId;
}

async function readWhole(disk: Disk, path: string, atMost = Number.MAX_SAFE_INTEGER): Promise<Uint8Array> {
  const file = await disk.open(path, 'existing');
  try {
    return await file.read(0, Math.min(await file.size(), atMost));
  } finally {
    await file.close();
  }
}

interface SegmentContent {
  readonly segment: number;
  readonly header: SegmentHeader | undefined;
  readonly bytes: Uint8Array;
  readonly isLast: boolean;
}

/** Gathers the findings, segment by segment, and tells tail from damage at the end. */
class Verification {
  readonly #hasher: Hasher;
  readonly #logId: Uint8Array;
  readonly #verifyPayload: PayloadVerifier;
  readonly #segments: KeptSegment[] = [];
  #damage: DamagedRange[] = [];
  /** Sequence of the next record; nothing before the first is known. */
  #expected: number | undefined;
  /** Sound own blocks that may turn out to be the last one: all in the last segment, and the one before. */
  #own: LogPosition[] = [];
  /** Every record up to here is known to have been synced. */
  #durable = 0;

  constructor(hasher: Hasher, logId: Uint8Array, verifyPayload: PayloadVerifier) {
    this.#hasher = hasher;
    this.#logId = logId;
    this.#verifyPayload = verifyPayload;
  }

  segment({ segment, header, bytes, isLast }: SegmentContent): void {
    this.#startSegment(segment, header, bytes);
    this.#own = this.#own.slice(-1);
    let end = Math.min(SEGMENT_HEADER_BYTES, bytes.length);
    for (const step of walkRecords(this.#hasher, this.#logId, bytes, SEGMENT_HEADER_BYTES, this.#expected)) {
      if (step.kind === 'record') this.#record(segment, step, bytes);
      else this.#bad(segment, step);
      end = step.end;
    }
    if (isLast && end < bytes.length) this.#addDamage(segment, end, bytes.length, (this.#expected ?? 1) - 1, 'record');
    this.#segments.push({ segment, bytes: Math.max(isLast ? bytes.length : end, SEGMENT_HEADER_BYTES) });
  }

  finish(): VerifiedLog {
    const last = this.#segments.at(-1) as KeptSegment;
    const cutIndex = this.#damage.findIndex(
      (range) => range.segment === last.segment && range.cause !== 'segment' && range.firstSequence > this.#durable,
    );
    const cut = this.#damage[cutIndex];
    let lastSequence = (this.#expected ?? 1) - 1;
    const tail = { cut: cut !== undefined, bytes: cut === undefined ? 0 : last.bytes - cut.offset };
    if (cut !== undefined) {
      this.#damage = this.#damage.slice(0, cutIndex);
      lastSequence = cut.firstSequence - 1;
      last.bytes = cut.offset;
    }
    const end = logPosition(last.segment, last.bytes);
    const lastOwn = this.#own.findLast((position) => position < end);
    return { lastOwn, logId: this.#logId, segments: this.#segments, lastSequence, tail, damage: this.#damage };
  }

  #startSegment(segment: number, header: SegmentHeader | undefined, bytes: Uint8Array): void {
    const previous = this.#segments.at(-1);
    const nextNumber = previous === undefined ? segment : previous.segment + 1;
    const firstSequence = header?.firstSequence ?? this.#expected;
    if (this.#expected !== undefined && firstSequence !== undefined && firstSequence > this.#expected) {
      this.#lostBefore(firstSequence, nextNumber < segment ? nextNumber : undefined);
    }
    if (header === undefined) {
      this.#addDamage(segment, 0, Math.min(SEGMENT_HEADER_BYTES, bytes.length), (this.#expected ?? 1) - 1, 'segment');
    }
    if (firstSequence !== undefined) this.#expected = Math.max(this.#expected ?? 0, firstSequence);
    // A segment is made only after everything in the one before it was synced.
    if (previous !== undefined && this.#expected !== undefined)
      this.#durable = Math.max(this.#durable, this.#expected - 1);
  }

  /** The segment header says that records before `firstSequence` existed which were not found. */
  #lostBefore(firstSequence: number, missing: number | undefined): void {
    const lastSequence = firstSequence - 1;
    const open = this.#damage.at(-1);
    const previous = this.#segments.at(-1) as KeptSegment;
    if (missing !== undefined) {
      this.#addDamage(missing, 0, 0, lastSequence, 'segment');
    } else if (open !== undefined && open.segment === previous.segment && open.offset + open.bytes === previous.bytes) {
      this.#damage[this.#damage.length - 1] = { ...open, lastSequence };
    } else {
      this.#addDamage(previous.segment, previous.bytes, previous.bytes, lastSequence, 'record');
    }
  }

  #record(segment: number, step: WalkStep & { kind: 'record' }, bytes: Uint8Array): void {
    const { header, offset, end } = step;
    this.#expected = header.sequence;
    const entry = decodeEntry(this.#hasher, recordEntry(bytes, offset, header));
    const sound = (entry.type !== 'own-block' && entry.type !== 'admitted-block') || this.#verifyPayload(entry);
    if (sound && entry.type === 'own-block') this.#own.push(logPosition(segment, offset));
    if (!sound) this.#addDamage(segment, offset, end, header.sequence, 'payload');
    this.#durable = Math.max(this.#durable, header.durableBefore);
    this.#expected = header.sequence + 1;
  }

  #bad(segment: number, step: WalkStep & { kind: 'damage' }): void {
    this.#addDamage(segment, step.offset, step.end, (step.resumesAt ?? this.#expected ?? 1) - 1, 'record');
  }

  #addDamage(segment: number, offset: number, end: number, lastSequence: number, cause: DamagedRange['cause']): void {
    const firstSequence = this.#expected ?? 1;
    const file = segmentName(segment);
    this.#damage.push({ segment, file, offset, bytes: end - offset, firstSequence, lastSequence, cause });
  }
}
