import type { Instruments } from '../util/instruments.ts';

/** Seconds. A task of 32 to 256 signatures takes 2 to 60 ms of one core. */
const TASK_BUCKETS = [0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.5, 2] as const;

export function mempoolMetrics(instruments: Instruments) {
  return {
    transactions: instruments.gauge({ name: 'av10_mempool_transactions', help: 'Transactions in the mempool.' }),
    bytes: instruments.gauge({ name: 'av10_mempool_bytes', help: 'Payload bytes of the transactions in the mempool.' }),
    readySenders: instruments.gauge({
      name: 'av10_mempool_ready_senders',
      help: 'Senders with a transaction that may go into a block now.',
    }),
    notes: instruments.gauge({
      name: 'av10_mempool_included_notes',
      help: "Transactions of other authors' blocks that wait for execution.",
    }),
    left: instruments.counter<'reason'>({
      name: 'av10_mempool_left_total',
      help: 'Transactions that left the mempool, by reason.',
      labels: ['reason'],
    }),
  };
}

/** Label values, so that the set stays closed. */
export type LeftReason = 'APPLIED' | 'NONCE_USED' | 'DROPPED' | 'EXPIRED' | 'REPLACED' | 'EVICTED';

export function admissionMetrics(instruments: Instruments) {
  return {
    outcomes: instruments.counter<'outcome'>({
      name: 'av10_admission_outcomes_total',
      help: 'Submitted transactions by outcome: accepted, known, or the code of the refusal.',
      labels: ['outcome'],
    }),
    queuedItems: instruments.gauge({
      name: 'av10_admission_queue_items',
      help: 'Submitted transactions waiting for their signature check.',
    }),
    queuedBytes: instruments.gauge({
      name: 'av10_admission_queue_bytes',
      help: 'Bytes of the transactions waiting for their signature check.',
    }),
    sources: instruments.gauge({
      name: 'av10_admission_sources',
      help: 'Sources whose verification budget is remembered.',
    }),
  };
}

export function verifyPoolMetrics(instruments: Instruments) {
  return {
    verdicts: instruments.counter<'verdict'>({
      name: 'av10_verify_verdicts_total',
      help: 'Signatures by verdict; unchecked ones met a full queue, a failed worker or a stop.',
      labels: ['verdict'],
    }),
    queuedItems: instruments.gauge({ name: 'av10_verify_queue_items', help: 'Signatures waiting for a worker.' }),
    queuedBytes: instruments.gauge({ name: 'av10_verify_queue_bytes', help: 'Bytes waiting for a worker.' }),
    taskSeconds: instruments.histogram({
      name: 'av10_verify_task_seconds',
      help: 'Time from handing a task of signatures to a worker to its answer.',
      buckets: TASK_BUCKETS,
    }),
    keyLookups: instruments.counter<'result'>({
      name: 'av10_verify_key_lookups_total',
      help: 'Signatures verified in this process whose key was kept in its expanded form, or not.',
      labels: ['result'],
    }),
    failures: instruments.counter({
      name: 'av10_verify_worker_failures_total',
      help: 'Tasks lost because a worker died or did not answer.',
    }),
  };
}
