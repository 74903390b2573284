import assert from 'node:assert/strict';
import { nativeBackend } from '../../../src/crypto/native.ts';
import { BlockLog, type OpenedLog } from '../../../src/storage/block-log.ts';
import type { StorageErrorCode } from '../../../src/storage/errors.ts';
import type { BlockEntry, CommitEntry, LogEntry } from '../../../src/storage/log-entry.ts';
import type { LogPosition } from '../../../src/storage/log-position.ts';
import type { LogRecord } from '../../../src/storage/log-reader.ts';
import { storageMetrics } from '../../../src/storage/metrics.ts';
import type { BlockLogOptions, StorageModules } from '../../../src/storage/options.ts';
import type { DamagedRange } from '../../../src/storage/verify-log.ts';
import { type Commit, commitDigest } from '../../../src/types/commit.ts';
import { type BlockId, type CommitDigest, id } from '../../../src/types/ids.ts';
import { SIGNATURE_BYTES } from '../../../src/types/limits.ts';
import { concatBytes, equalBytes, toHex } from '../../../src/util/bytes.ts';
import type { Disk } from '../../../src/util/disk.ts';
import type { ErrorFields } from '../../../src/util/errors.ts';
import { NO_INSTRUMENTS } from '../../../src/util/instruments.ts';
import { Prng } from '../../../src/util/prng.ts';
import { VirtualTime } from '../../support/virtual-time.ts';

export const hasher = nativeBackend().hasher;

export const LOG_OPTIONS: BlockLogOptions = {
  directory: 'log',
  segmentBytes: 32 * 1024,
  maxPendingBytes: 1024 * 1024,
  maxPendingRecords: 1_000,
  flushAtBytes: 512 * 1024,
};

export function storageModules(disk: Disk, seed = 1): StorageModules {
  const prng = new Prng(seed);
  const metrics = storageMetrics(NO_INSTRUMENTS);
  return { disk, hasher, random: prng, clock: new VirtualTime(), metrics };
}

/** Stands for the check of a payload against the digest in its header: here the header starts with the digest. */
export function verifyPayload(block: BlockEntry): boolean {
  return equalBytes(hasher.plain(block.payload), block.header.subarray(0, 32));
}

export function openLog(modules: StorageModules, options: BlockLogOptions = LOG_OPTIONS): Promise<OpenedLog> {
  return BlockLog.open(options, modules, verifyPayload);
}

/** A block whose bytes are a function of its number. */
export function block(number: number, type: BlockEntry['type'] = 'admitted-block', payloadBytes = 100): BlockEntry {
  const prng = new Prng(number);
  const payload = prng.bytes(payloadBytes);
  const header = concatBytes(hasher.plain(payload), prng.bytes(20));
  return { type, header, signature: new Uint8Array(SIGNATURE_BYTES).fill(number & 0xff), payload };
}

export function blockIdOf(entry: BlockEntry): BlockId {
  return id<BlockId>(hasher.hash('block', entry.header));
}

export function commit(index: number, blockPositions: readonly LogPosition[] = []): CommitEntry {
  const leader = { round: index, author: 0, id: id<BlockId>(hasher.plain(Uint8Array.of(index))) };
  const previousDigest = id<CommitDigest>(hasher.plain(Uint8Array.of(index - 1)));
  const refs = blockPositions.map(() => leader);
  const header: Omit<Commit, 'digest' | 'refs'> = { index, epoch: 1, leader, timeMs: index * 10, previousDigest };
  const digest = commitDigest(hasher, { ...header, refs });
  return {
    type: 'commit',
    source: 'decided',
    commit: { ...header, digest, refs },
    gcRoundAfter: index,
    blockPositions,
  };
}

export function executed(commitIndex: number): LogEntry {
  return { type: 'executed', commitIndex, stateMarker: hasher.plain(Uint8Array.of(commitIndex, 1)) };
}

export async function readAll(
  log: BlockLog,
  from: LogPosition = log.firstPosition,
): Promise<{ records: LogRecord[]; damaged: DamagedRange[] }> {
  const records: LogRecord[] = [];
  const damaged: DamagedRange[] = [];
  await log.scan(from, {
    record: (record) => {
      records.push(record);
    },
    damaged: (range) => {
      damaged.push(range);
    },
  });
  return { records, damaged };
}

/** Entries as comparable text; byte arrays by length and digest. */
export function entryText(entry: LogEntry): string {
  const short = (bytes: Uint8Array): string => `${bytes.length}:${toHex(hasher.plain(bytes)).slice(0, 16)}`;
  return JSON.stringify(entry, (_, value) => (value instanceof Uint8Array ? short(value) : value));
}

export function assertEntries(records: readonly LogRecord[], expected: readonly LogEntry[]): void {
  assert.deepEqual(
    records.map(({ entry }) => entryText(entry)),
    expected.map((entry) => entryText(entry)),
  );
}

/** For `assert.rejects` and `assert.throws`: this code with exactly these fields, or with any if not given. */
export function refusal(code: StorageErrorCode, fields?: ErrorFields) {
  return (error: unknown): boolean => {
    assert.ok(error instanceof Error && 'code' in error && 'fields' in error, String(error));
    assert.equal(error.code, code);
    if (fields !== undefined) assert.deepEqual(error.fields, fields);
    return true;
  };
}
