import type { Hasher } from '../crypto/hasher.ts';
import { ByteReader } from '../util/byte-reader.ts';
import { ByteWriter } from '../util/byte-writer.ts';
import { equalBytes, utf8 } from '../util/bytes.ts';
import type { Disk, DiskFile } from '../util/disk.ts';
import { StorageError } from './errors.ts';
import { CHECKSUM_BYTES, LOG_ID_BYTES } from './record.ts';

const MAGIC = utf8('AV10-LOG');
const FORMAT_VERSION = 1;
/** magic | version u32 | segment u32 | firstSequence u64 | logId | checksum */
export const SEGMENT_HEADER_BYTES = 8 + 4 + 4 + 8 + LOG_ID_BYTES + CHECKSUM_BYTES;

const NAME = /^segment-(\d{7})\.log$/;
const UNFINISHED = '.new';

export interface SegmentHeader {
  readonly segment: number;
  readonly firstSequence: number;
  readonly logId: Uint8Array;
}

export function segmentName(segment: number): string {
  return `segment-${String(segment).padStart(7, '0')}.log`;
}

/** Numbers of the finished segments, ascending. */
export async function listSegments(disk: Disk, directory: string): Promise<number[]> {
  const names = await disk.list(directory);
  return names.flatMap((name) => {
    const match = NAME.exec(name);
    return match === null ? [] : [Number(match[1])];
  });
}

/** Removes what an interrupted {@link createSegment} left. */
export async function removeUnfinishedSegments(disk: Disk, directory: string): Promise<void> {
  for (const name of await disk.list(directory)) {
    if (name.endsWith(UNFINISHED)) await disk.remove(`${directory}/${name}`);
  }
}

/** Makes a segment that holds its header only. It gets its name once it is durable, so a named segment without a header is damage. */
export async function createSegment(
  disk: Disk,
  hasher: Hasher,
  directory: string,
  header: SegmentHeader,
): Promise<DiskFile> {
  const path = `${directory}/${segmentName(header.segment)}`;
  const file = await disk.open(`${path}${UNFINISHED}`, 'create');
  try {
    await file.write(0, encodeSegmentHeader(hasher, header));
    await file.sync();
    await disk.rename(`${path}${UNFINISHED}`, path);
    await disk.syncDirectory(directory);
    return file;
  } catch (error) {
    await file.close();
    throw error;
  }
}

/**
 * The header at the start of a segment, or nothing if it is damaged.
 * @throws StorageError LOG_VERSION
 */
export function parseSegmentHeader(hasher: Hasher, bytes: Uint8Array, file: string): SegmentHeader | undefined {
  if (bytes.length < SEGMENT_HEADER_BYTES || !equalBytes(bytes.subarray(0, MAGIC.length), MAGIC)) return undefined;
  const signed = bytes.subarray(0, SEGMENT_HEADER_BYTES - CHECKSUM_BYTES);
  const checksum = bytes.subarray(signed.length, SEGMENT_HEADER_BYTES);
  if (!equalBytes(segmentChecksum(hasher, signed), checksum)) return undefined;
  const reader = new ByteReader(signed.subarray(MAGIC.length));
  const version = reader.u32('version');
  if (version !== FORMAT_VERSION) {
    throw new StorageError('LOG_VERSION', `log format ${FORMAT_VERSION} expected: start the version that wrote it`, {
      file,
      found: version,
    });
  }
  const segment = reader.u32('segment');
  const firstSequence = reader.u53('firstSequence');
  return { segment, firstSequence, logId: reader.bytes(LOG_ID_BYTES, 'logId').slice() };
}

function encodeSegmentHeader(hasher: Hasher, header: SegmentHeader): Uint8Array {
  const out = new ByteWriter(SEGMENT_HEADER_BYTES);
  out.bytes(MAGIC).u32(FORMAT_VERSION).u32(header.segment).u53(header.firstSequence).fixed(header.logId, LOG_ID_BYTES);
  return out.bytes(segmentChecksum(hasher, out.finish())).finish();
}

function segmentChecksum(hasher: Hasher, bytes: Uint8Array): Uint8Array {
  return hasher.hash('log', bytes).subarray(0, CHECKSUM_BYTES);
}
