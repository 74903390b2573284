import type { Hasher } from '../crypto/hasher.ts';
import { checksumHolds, parseRecordHeader, RECORD_HEADER_BYTES, type RecordHeader, recordBytes } from './record.ts';

/** A part of a segment, in file order: a record whose checksum holds, or bytes that belong to none. */
export type WalkStep =
  | { readonly kind: 'record'; readonly offset: number; readonly end: number; readonly header: RecordHeader }
  | { readonly kind: 'damage'; readonly offset: number; readonly end: number; readonly resumesAt: number | undefined };

/**
 * How many bytes are hashed while looking for the next record behind damage. Lengths there may be anybody's choice (a payload's content),
 * and each candidate may claim megabytes; beyond this the rest of the segment counts as damaged.
 */
const RESYNC_HASH_BUDGET_BYTES = 256 * 1024 * 1024;

/**
 * Walks the records of one segment from `offset`. Zeros up to the end are space that was never written and end the walk.
 *
 * @param expected sequence of the first record; nothing if not known
 */
export function* walkRecords(
  hasher: Hasher,
  logId: Uint8Array,
  bytes: Uint8Array,
  from: number,
  expected: number | undefined,
): Generator<WalkStep> {
  let offset = from;
  let sequence = expected;
  while (offset < bytes.length) {
    let header = validRecord(hasher, logId, bytes, offset);
    if (header === undefined || (sequence !== undefined && header.sequence !== sequence)) {
      if (onlyZeros(bytes, offset)) return;
      const next = findRecord(hasher, logId, bytes, offset + 1, sequence);
      yield { kind: 'damage', offset, end: next.offset, resumesAt: next.header?.sequence };
      if (next.header === undefined) return;
      ({ offset, header } = { offset: next.offset, header: next.header });
    }
    const end = offset + recordBytes(header);
    yield { kind: 'record', offset, end, header };
    offset = end;
    sequence = header.sequence + 1;
  }
}

function validRecord(hasher: Hasher, logId: Uint8Array, bytes: Uint8Array, offset: number): RecordHeader | undefined {
  const header = parseRecordHeader(bytes, offset);
  if (header === undefined || offset + recordBytes(header) > bytes.length) return undefined;
  return checksumHolds(hasher, logId, bytes, offset, header) ? header : undefined;
}

function findRecord(
  hasher: Hasher,
  logId: Uint8Array,
  bytes: Uint8Array,
  from: number,
  expected: number | undefined,
): { readonly offset: number; readonly header: RecordHeader | undefined } {
  const atLeast = expected ?? 1;
  const atMost = expected === undefined ? Number.MAX_SAFE_INTEGER : expected + bytes.length / RECORD_HEADER_BYTES;
  let budget = RESYNC_HASH_BUDGET_BYTES;
  for (let offset = from; offset + RECORD_HEADER_BYTES <= bytes.length; offset++) {
    const header = parseRecordHeader(bytes, offset);
    if (header === undefined || header.sequence < atLeast || header.sequence > atMost) continue;
    if (offset + recordBytes(header) > bytes.length) continue;
    budget -= RECORD_HEADER_BYTES + header.bodyBytes;
    if (budget < 0) break;
    if (checksumHolds(hasher, logId, bytes, offset, header)) return { offset, header };
  }
  return { offset: bytes.length, header: undefined };
}

function onlyZeros(bytes: Uint8Array, from: number): boolean {
  for (let i = from; i < bytes.length; i++) if (bytes[i] !== 0) return false;
  return true;
}
