import type { Hasher } from '../crypto/hasher.ts';
import {
  type CheckpointIndex,
  type CommitDigest,
  type CommitIndex,
  ID_BYTES,
  id,
  type NetworkId,
} from '../types/ids.ts';
import { assert } from '../util/assert.ts';
import { ByteReader } from '../util/byte-reader.ts';
import { ByteWriter } from '../util/byte-writer.ts';
import { equalBytes, utf8 } from '../util/bytes.ts';
import type { DiskFile } from '../util/disk.ts';
import { StorageError } from './errors.ts';
import type { LogPosition } from './log-position.ts';

/** The state after `commitIndex`, and where the log goes on. */
export interface SnapshotMetadata {
  readonly networkId: NetworkId;
  readonly commitIndex: CommitIndex;
  readonly commitDigest: CommitDigest;
  /** The last checkpoint that the state has passed. */
  readonly checkpointIndex: CheckpointIndex;
  /** Replay starts here. */
  readonly logPosition: LogPosition;
}

/** Parts are cut to this size, so that reading and verifying never holds more. */
export const MAX_CHUNK_BYTES = 1024 * 1024;

const MAGIC = utf8('AV10SNP1');
const CHECKSUM_BYTES = 32;
const METADATA_BYTES = MAGIC.length + ID_BYTES + 8 + ID_BYTES + 8 + 8;
const HEAD_BYTES = METADATA_BYTES + CHECKSUM_BYTES;
const CHUNK_HEADER_BYTES = 4 + CHECKSUM_BYTES;

/**
 * Writes head, chunks and the empty chunk that ends the file. Each chunk's checksum covers the metadata and the chunk's number, so that
 * chunks of other snapshots, or in another order, are noticed.
 * @returns the size of the file
 */
export async function writeSnapshotFile(
  file: DiskFile,
  hasher: Hasher,
  metadata: SnapshotMetadata,
  parts: Iterable<Uint8Array> | AsyncIterable<Uint8Array>,
): Promise<number> {
  const head = encodeMetadata(metadata);
  const writer = new ChunkWriter(file, hasher, head);
  await file.write(0, head, hasher.hash('snapshot', head));
  for await (const part of parts) {
    for (let at = 0; at < part.length; at += MAX_CHUNK_BYTES) {
      await writer.chunk(part.subarray(at, at + MAX_CHUNK_BYTES));
    }
  }
  await writer.chunk(new Uint8Array(0));
  return writer.offset;
}

/** @throws StorageError SNAPSHOT_DAMAGED */
export async function readSnapshotMetadata(file: DiskFile, hasher: Hasher, name: string): Promise<SnapshotMetadata> {
  if ((await file.size()) < HEAD_BYTES) throw damaged(name, 0, 'truncated');
  const bytes = await file.read(0, HEAD_BYTES);
  const head = bytes.subarray(0, METADATA_BYTES);
  const sound = equalBytes(hasher.hash('snapshot', head), bytes.subarray(METADATA_BYTES));
  if (!sound || !equalBytes(head.subarray(0, MAGIC.length), MAGIC)) throw damaged(name, 0, 'head');
  const reader = new ByteReader(head.subarray(MAGIC.length));
  const networkId = id<NetworkId>(reader.bytes(ID_BYTES, 'networkId'));
  const commitIndex = reader.u53('commitIndex');
  const commitDigest = id<CommitDigest>(reader.bytes(ID_BYTES, 'commitDigest'));
  const checkpointIndex = reader.u53('checkpointIndex');
  return {
    networkId,
    commitIndex,
    commitDigest,
    checkpointIndex,
    logPosition: reader.u53('logPosition') as LogPosition,
  };
}

/**
 * The chunks in order, each verified before it is handed out; ends without error only at a sound end of the file.
 * @throws StorageError SNAPSHOT_DAMAGED
 */
export async function* readChunks(file: DiskFile, hasher: Hasher, name: string): AsyncGenerator<Uint8Array> {
  const size = await file.size();
  const head = await file.read(0, METADATA_BYTES);
  let offset = HEAD_BYTES;
  for (let index = 0; ; index++) {
    if (offset + CHUNK_HEADER_BYTES > size) throw damaged(name, offset, 'truncated');
    const header = await file.read(offset, CHUNK_HEADER_BYTES);
    const length = new ByteReader(header).u32('length');
    if (length > MAX_CHUNK_BYTES) throw damaged(name, offset, 'length');
    if (offset + CHUNK_HEADER_BYTES + length > size) throw damaged(name, offset, 'truncated');
    const chunk = await file.read(offset + CHUNK_HEADER_BYTES, length);
    if (!equalBytes(chunkChecksum(hasher, head, index, chunk), header.subarray(4)))
      throw damaged(name, offset, 'checksum');
    offset += CHUNK_HEADER_BYTES + length;
    if (length === 0) break;
    yield chunk;
  }
  if (offset !== size) throw damaged(name, offset, 'trailing');
}

class ChunkWriter {
  readonly #file: DiskFile;
  readonly #hasher: Hasher;
  readonly #head: Uint8Array;
  #index = 0;
  offset = HEAD_BYTES;

  constructor(file: DiskFile, hasher: Hasher, head: Uint8Array) {
    this.#file = file;
    this.#hasher = hasher;
    this.#head = head;
  }

  async chunk(bytes: Uint8Array): Promise<void> {
    const checksum = chunkChecksum(this.#hasher, this.#head, this.#index, bytes);
    const header = new ByteWriter(CHUNK_HEADER_BYTES).u32(bytes.length).bytes(checksum).finish();
    await this.#file.write(this.offset, header, bytes);
    this.offset += CHUNK_HEADER_BYTES + bytes.length;
    this.#index += 1;
  }
}

function encodeMetadata(metadata: SnapshotMetadata): Uint8Array {
  const out = new ByteWriter(METADATA_BYTES).bytes(MAGIC).hex(metadata.networkId, ID_BYTES).u53(metadata.commitIndex);
  out.hex(metadata.commitDigest, ID_BYTES).u53(metadata.checkpointIndex).u53(metadata.logPosition);
  assert(out.length === METADATA_BYTES, 'metadata has its fixed size');
  return out.finish();
}

function chunkChecksum(hasher: Hasher, head: Uint8Array, index: number, chunk: Uint8Array): Uint8Array {
  const number = new ByteWriter(4).u32(index).finish();
  return hasher.hash('snapshot', head, number, chunk);
}

function damaged(
  file: string,
  offset: number,
  cause: 'head' | 'truncated' | 'length' | 'checksum' | 'trailing',
): StorageError {
  return new StorageError('SNAPSHOT_DAMAGED', `${file}: ${cause} at ${offset}`, { file, offset, cause });
}
