import type { Hasher } from '../crypto/hasher.ts';
import { assert } from '../util/assert.ts';
import type { Clock } from '../util/clock.ts';
import type { Disk } from '../util/disk.ts';
import type { Random } from '../util/random.ts';
import type { StorageMetrics } from './metrics.ts';

const MIB = 1024 * 1024;

/** What storage needs from outside; the simulator supplies all of it. */
export interface StorageModules {
  readonly disk: Disk;
  readonly hasher: Hasher;
  readonly random: Random;
  readonly clock: Clock;
  readonly metrics: StorageMetrics;
}

export interface BlockLogOptions {
  readonly directory: string;
  /** A record that would pass this size starts the next segment. Segments are the unit of deletion and are verified one in memory at a time. */
  readonly segmentBytes: number;
  /** Appended and not yet durable; beyond it `append` refuses. Some twenty full blocks. */
  readonly maxPendingBytes: number;
  /** Bounds the bookkeeping of small records. */
  readonly maxPendingRecords: number;
  /** Appended and not yet durable; from here on the log flushes unasked, so that one late flush never carries everything. */
  readonly flushAtBytes: number;
}

export const DEFAULT_BLOCK_LOG_OPTIONS: BlockLogOptions = {
  directory: 'log',
  segmentBytes: 64 * MIB,
  maxPendingBytes: 48 * MIB,
  maxPendingRecords: 65_536,
  flushAtBytes: 4 * MIB,
};

/** Offsets inside a segment are u32, and one segment is held in memory while it is verified. */
const MAX_SEGMENT_BYTES = 1024 * MIB;

export function assertBlockLogOptions(options: BlockLogOptions): void {
  assert(options.segmentBytes >= 1024 && options.segmentBytes <= MAX_SEGMENT_BYTES, 'segmentBytes from 1 KiB to 1 GiB');
  assert(
    options.flushAtBytes > 0 && options.flushAtBytes <= options.maxPendingBytes,
    'flushAtBytes up to maxPendingBytes',
  );
  assert(options.maxPendingRecords > 0, 'maxPendingRecords from 1');
}
