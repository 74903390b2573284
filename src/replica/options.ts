import type { AuthorIndex, NetworkId } from '../types/ids.ts';

/** Version of the messages between validators; a peer of another version is refused by name. */
export const PROTOCOL_VERSION = 1;

/** What an operator may tune without touching agreement. Defaults and reasons: docs/spec/limits.md. */
export interface ReplicaOptions {
  /** How often a link asks for its lease, and the pulse of everything that retries. */
  readonly leaseIntervalMs: number;
  /** A node signs only while a quorum answered a question it sent less than this ago. */
  readonly leaseMs: number;
  /** A peer serves no other process of an identity for this long after its last answer: longer than any lease. */
  readonly identityHoldMs: number;
  /** A missing block is asked of a second circle of peers after this: one round trip of a wide network. */
  readonly fetchRetryMs: number;
  /** An unanswered request frees its place after this. */
  readonly requestTimeoutMs: number;
  readonly fetchesPerPeer: number;
  readonly fetchesPerBlock: number;
  /** Signature checks in flight for one peer; beyond it frames of that peer are dropped and asked for again. */
  readonly verificationsPerPeer: number;
  /** Unsolicited headers of other authors a peer may make us verify, a second: 5 % of a core. */
  readonly foreignHeadersPerSecond: number;
  /** Commits decided but not executed before own payloads become empty. */
  readonly executionLag: number;
  /** Rounds without a commit before own payloads become empty: bounds the undecided DAG's bytes. */
  readonly roundsSinceCommit: number;
  /** Checkpoints without certificate before own payloads become empty and the node unready: divergence shows in about 5 s. */
  readonly maxUncertifiedCheckpoints: number;
  /** Recent payloads kept in memory for execution and for peers that ask. */
  readonly payloadCacheBytes: number;
  /** Bounds the log that a restart replays. */
  readonly snapshotEveryMs: number;
  /** Commits that stay in the log behind the newest snapshot, for peers that catch up. */
  readonly retainCommits: number;
  /** Bytes a second served to one peer from the log. */
  readonly servedBytesPerSecond: number;
}

export const DEFAULT_REPLICA_OPTIONS: ReplicaOptions = {
  leaseIntervalMs: 1_000,
  leaseMs: 3_000,
  identityHoldMs: 5_000,
  fetchRetryMs: 150,
  requestTimeoutMs: 2_000,
  fetchesPerPeer: 8,
  fetchesPerBlock: 4,
  verificationsPerPeer: 512,
  foreignHeadersPerSecond: 200,
  executionLag: 64,
  roundsSinceCommit: 200,
  maxUncertifiedCheckpoints: 4,
  payloadCacheBytes: 32 * 1024 * 1024,
  snapshotEveryMs: 60_000,
  retainCommits: 100_000,
  servedBytesPerSecond: 64 * 1024 * 1024,
};

/** Who this node is in its network. */
export interface ReplicaIdentity {
  readonly networkId: NetworkId;
  readonly epoch: number;
  readonly own: AuthorIndex;
  /** 16 bytes in hexadecimal, drawn at process start. */
  readonly bootId: string;
}
