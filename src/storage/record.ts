import type { Hasher } from '../crypto/hasher.ts';
import { REF_BYTES } from '../types/block-codec.ts';
import { MAX_COMMIT_REFS } from '../types/commit.ts';
import { MAX_BLOCK_BYTES } from '../types/limits.ts';
import { assert } from '../util/assert.ts';
import { ByteWriter } from '../util/byte-writer.ts';
import { equalBytes } from '../util/bytes.ts';
import { type EncodedEntry, MAX_TYPE_CODE, type StoredEntry } from './log-entry.ts';

export const LOG_ID_BYTES = 16;
export const CHECKSUM_BYTES = 16;

/** bodyBytes u32 | payloadBytes u32 | type u8 | sequence u64 | durableBefore u64 | checksum; then the body, then the payload. */
const PREFIX_BYTES = 4 + 4 + 1 + 8 + 8;
const TYPE_OFFSET = 8;
export const RECORD_HEADER_BYTES = PREFIX_BYTES + CHECKSUM_BYTES;

/** The largest body is a commit of the most blocks, with a position for each. */
export const MAX_BODY_BYTES = MAX_COMMIT_REFS * (REF_BYTES + 8) + 1024;

/** What a record says of itself. Records are numbered from 1 without a gap. */
export interface RecordHeader {
  readonly typeCode: number;
  readonly bodyBytes: number;
  readonly payloadBytes: number;
  readonly sequence: number;
  /**
   * Every record up to this one was durable before this one was written. It tells damage from an unsynced tail: what lies at or below
   * the `durableBefore` of any later record had been synced.
   */
  readonly durableBefore: number;
}

export function recordBytes(header: RecordHeader): number {
  return RECORD_HEADER_BYTES + header.bodyBytes + header.payloadBytes;
}

/** Size of the record that this entry makes. */
export function encodedBytes({ body, payload }: EncodedEntry): number {
  return body.reduce((sum, part) => sum + part.length, RECORD_HEADER_BYTES + payload.length);
}

/**
 * What is written in front of the entry's body and payload. The checksum is keyed with the log id, which never leaves this machine, so that
 * a payload cannot contain bytes that pass for a record, nor a record of another log for one of this.
 */
export function encodeRecordHeader(
  hasher: Hasher,
  logId: Uint8Array,
  entry: EncodedEntry,
  sequence: number,
  durableBefore: number,
): Uint8Array {
  const bodyBytes = encodedBytes(entry) - RECORD_HEADER_BYTES - entry.payload.length;
  assert(bodyBytes <= MAX_BODY_BYTES && entry.payload.length <= MAX_BLOCK_BYTES, 'a record within its limits');
  const out = new ByteWriter(RECORD_HEADER_BYTES);
  out.u32(bodyBytes).u32(entry.payload.length).u8(entry.typeCode).u53(sequence).u53(durableBefore);
  return out.bytes(recordChecksum(hasher, logId, out.finish(), ...entry.body)).finish();
}

/** The header at `offset`, or nothing if what lies there cannot be one. Says nothing yet of its checksum. */
export function parseRecordHeader(bytes: Uint8Array, offset: number): RecordHeader | undefined {
  if (offset + RECORD_HEADER_BYTES > bytes.length) return undefined;
  const typeCode = bytes[offset + TYPE_OFFSET] as number;
  if (typeCode === 0 || typeCode > MAX_TYPE_CODE) return undefined;
  const view = new DataView(bytes.buffer, bytes.byteOffset + offset, RECORD_HEADER_BYTES);
  const sequence = Number(view.getBigUint64(9, true));
  const durableBefore = Number(view.getBigUint64(17, true));
  if (!Number.isSafeInteger(sequence) || durableBefore >= sequence) return undefined;
  const bodyBytes = view.getUint32(0, true);
  const payloadBytes = view.getUint32(4, true);
  if (bodyBytes > MAX_BODY_BYTES || payloadBytes > MAX_BLOCK_BYTES) return undefined;
  return { typeCode, bodyBytes, payloadBytes, sequence, durableBefore };
}

/** Whether `bytes` from `offset` hold this header's whole body under a matching checksum. */
export function checksumHolds(
  hasher: Hasher,
  logId: Uint8Array,
  bytes: Uint8Array,
  offset: number,
  header: RecordHeader,
): boolean {
  const bodyAt = offset + RECORD_HEADER_BYTES;
  if (bodyAt + header.bodyBytes > bytes.length) return false;
  const prefix = bytes.subarray(offset, offset + PREFIX_BYTES);
  const body = bytes.subarray(bodyAt, bodyAt + header.bodyBytes);
  return equalBytes(recordChecksum(hasher, logId, prefix, body), bytes.subarray(offset + PREFIX_BYTES, bodyAt));
}

/** Body and payload of a record whose bytes are all there, as views. */
export function recordEntry(bytes: Uint8Array, offset: number, header: RecordHeader): StoredEntry {
  const bodyAt = offset + RECORD_HEADER_BYTES;
  const payloadAt = bodyAt + header.bodyBytes;
  return {
    typeCode: header.typeCode,
    body: bytes.subarray(bodyAt, payloadAt),
    payload: bytes.subarray(payloadAt, payloadAt + header.payloadBytes),
  };
}

function recordChecksum(hasher: Hasher, logId: Uint8Array, ...covered: readonly Uint8Array[]): Uint8Array {
  return hasher.hash('log', logId, ...covered).subarray(0, CHECKSUM_BYTES);
}
