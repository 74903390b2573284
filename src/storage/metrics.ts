import type { Instruments } from '../util/instruments.ts';

/** Seconds. A flush takes 0.1 to 5 ms on a healthy disk; the last bucket is a disk that stalls. */
const FLUSH_BUCKETS = [0.000_25, 0.000_5, 0.001, 0.002, 0.005, 0.01, 0.025, 0.1, 0.5, 5] as const;

export type StorageMetrics = ReturnType<typeof storageMetrics>;

export function storageMetrics(instruments: Instruments) {
  return {
    logAppendedBytes: instruments.counter({
      name: 'av10_log_appended_bytes_total',
      help: 'Bytes appended to the block log.',
    }),
    logPendingBytes: instruments.gauge({
      name: 'av10_log_pending_bytes',
      help: 'Bytes appended to the block log and not yet durable.',
    }),
    logFlushSeconds: instruments.histogram({
      name: 'av10_log_flush_seconds',
      help: 'Time to write and sync one group of log records.',
      buckets: FLUSH_BUCKETS,
    }),
    logFailures: instruments.counter({
      name: 'av10_log_failures_total',
      help: 'Times the block log stopped accepting records because the disk refused.',
    }),
    logSegments: instruments.gauge({
      name: 'av10_log_segments',
      help: 'Segments of the block log that are kept.',
    }),
    guardFlushSeconds: instruments.histogram({
      name: 'av10_guard_flush_seconds',
      help: 'Time to write and sync the sign guard.',
      buckets: FLUSH_BUCKETS,
    }),
    snapshotBytes: instruments.gauge({
      name: 'av10_snapshot_bytes',
      help: 'Size of the newest snapshot.',
    }),
  };
}

export type ArchiveMetrics = ReturnType<typeof archiveMetrics>;

/** Of the archive in MongoDB. */
export function archiveMetrics(instruments: Instruments) {
  return {
    state: instruments.gauge<'state'>({
      name: 'av10_archive_state',
      help: '1 for what the archiver is at: connecting, archiving, unavailable, refused or gap; none where it is off.',
      labels: ['state'],
    }),
    height: instruments.gauge({
      name: 'av10_archive_commit',
      help: 'Newest commit up to which everything is archived.',
    }),
    lagCommits: instruments.gauge({
      name: 'av10_archive_lag_commits',
      help: 'Commits that are final here and not archived.',
    }),
    lagSeconds: instruments.gauge({
      name: 'av10_archive_lag_seconds',
      help: 'Age of the newest archived commit while there are newer ones that are final; else 0.',
    }),
    missing: instruments.gauge({
      name: 'av10_archive_missing_commits',
      help: 'Commits that the archive lacks and this node no longer has.',
    }),
    documents: instruments.counter({
      name: 'av10_archive_documents_total',
      help: 'Documents that the server acknowledged, those written again included.',
    }),
    bytes: instruments.counter({
      name: 'av10_archive_bytes_total',
      help: 'Bytes of headers, signatures, payloads and certificates in them.',
    }),
    failures: instruments.counter({
      name: 'av10_archive_failures_total',
      help: 'Attempts to connect or write that failed, and threads that died.',
    }),
    cpuSeconds: instruments.counter({
      name: 'av10_archive_cpu_seconds_total',
      help: 'Processor time of the archive thread.',
    }),
  };
}
