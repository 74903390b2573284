import type { Instruments } from '../util/instruments.ts';

/** Commit and finality latencies: from a LAN's ten milliseconds to a stalled network's minute. */
const LATENCY_BUCKETS = [
  0.005, 0.01, 0.02, 0.03, 0.05, 0.075, 0.1, 0.15, 0.2, 0.3, 0.5, 0.75, 1, 2, 5, 10, 30, 60,
] as const;

export function replicaMetrics(instruments: Instruments) {
  return {
    transfers: instruments.counter({
      name: 'av10_transactions_total',
      help: 'Transfers made final; any other transaction counts as one.',
    }),
    signed: instruments.counter({ name: 'av10_signed_transactions_total', help: 'Signed transactions made final.' }),
    dropped: instruments.counter({
      name: 'av10_dropped_transactions_total',
      help: 'Transactions of commits that had no effect.',
    }),
    commits: instruments.counter<'decision'>({
      name: 'av10_commits_total',
      help: 'Commits by how their leader was decided; `synced` were taken over from peers.',
      labels: ['decision'],
    }),
    consensusDuration: instruments.histogram({
      name: 'av10_consensus_duration_seconds',
      help: 'From the timestamp of a committed leader block to its commit here.',
      buckets: LATENCY_BUCKETS,
    }),
    finality: instruments.histogram({
      name: 'av10_finality_duration_seconds',
      help: 'From the acceptance of a transaction on this node to its finality.',
      buckets: LATENCY_BUCKETS,
    }),
    round: instruments.gauge({ name: 'av10_round', help: 'Highest round of an admitted block.' }),
    commit: instruments.gauge({ name: 'av10_commit_index', help: 'Last commit decided.' }),
    executed: instruments.gauge({ name: 'av10_executed_commit_index', help: 'Last commit executed.' }),
    executionLag: instruments.gauge({ name: 'av10_execution_lag_commits', help: 'Commits decided and not executed.' }),
    certified: instruments.gauge({
      name: 'av10_certified_checkpoint_index',
      help: 'Newest checkpoint with a certificate.',
    }),
    uncertified: instruments.gauge({
      name: 'av10_uncertified_checkpoints',
      help: 'Checkpoints executed here without a certificate.',
    }),
    clockIgnored: instruments.gauge({
      name: 'av10_clock_ignored_seconds',
      help: 'How far this clock is ahead of what the others would believe, or behind if negative: 0 in good order, else own blocks carry their time.',
    }),
    halted: instruments.gauge({ name: 'av10_halted', help: '1 after a coded halt.' }),
  };
}

export type ReplicaMetrics = ReturnType<typeof replicaMetrics>;
