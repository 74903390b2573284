import type { Committee } from '../params/committee.ts';
import type { Genesis } from '../params/genesis.ts';
import type { BlockRef, Evidence } from '../types/block.ts';
import type { Certificate } from '../types/certificate.ts';
import type { Commit } from '../types/commit.ts';
import type { Address, AuthorIndex, CheckpointIndex, CommitIndex, Round, TransactionId } from '../types/ids.ts';
import type { SignedBody } from '../types/payload.ts';
import type { Receipt } from '../types/receipt.ts';
import type { Statement } from '../types/statement.ts';
import type { AccountHandle } from '../types/transaction.ts';
import type { ErrorFields } from '../util/errors.ts';
import type { OpenVotes } from './checkpoints.ts';

/**
 * How far a transaction is on this node (docs/spec/finality.md). `accepted`: here, durable nowhere else. `included`: in a block of the DAG.
 * `final`: decided, executed, and the deciding blocks flushed here. `certified`: under a checkpoint that a quorum signed. `dropped`: had no effect and may come again.
 */
export type FinalityLevel = 'accepted' | 'included' | 'final' | 'certified' | 'dropped';

export interface TransactionStatus {
  readonly id: TransactionId;
  readonly level: FinalityLevel;
  /** From `included` on: the newest block that holds it. */
  readonly block?: BlockRef;
  /** From `final` on. */
  readonly receipt?: Receipt;
  /** `certified` only. */
  readonly checkpoint?: CheckpointIndex;
  /** `dropped` only. */
  readonly dropped?: { readonly code: string; readonly retryable: boolean };
}

/** What became of one submitted transaction. */
export type Submission =
  | { readonly id: TransactionId; readonly status: 'accepted' | 'known' }
  | { readonly id: TransactionId | undefined; readonly status: 'refused'; readonly refusal: Refusal };

export interface Refusal {
  readonly code: string;
  readonly message: string;
  readonly fields: ErrorFields;
  readonly retryable: boolean;
  readonly retryAfterMs?: number;
}

export interface AccountState {
  readonly address: Address;
  readonly handle: AccountHandle;
  readonly keyVersion: number;
  readonly nextNonce: number;
  readonly frozen: boolean;
  /** By asset number; assets not held are left out. */
  readonly balances: readonly { readonly asset: number; readonly amount: bigint }[];
}

/** A value together with the commit up to which it holds. */
export interface AtCommit<T> {
  readonly commit: CommitIndex;
  readonly value: T;
}

export interface BlockView {
  readonly commit: Commit;
  readonly transactions: readonly TransactionId[];
}

/** An executed commit with everything that it applied. */
export interface CommitContent {
  readonly commit: Commit;
  /** Transactions in its blocks, applied or not. */
  readonly count: number;
  readonly applied: readonly AppliedTransaction[];
}

export interface AppliedTransaction {
  /** Among all transactions of the commit. */
  readonly position: number;
  readonly body: Uint8Array;
  readonly receipt: Receipt;
}

/** Counted by this process over the commits after `since`, up to `commit`; accounts are all that exist. */
export interface Statistics {
  readonly commit: CommitIndex;
  readonly since: CommitIndex;
  readonly applied: number;
  readonly dropped: number;
  readonly transfers: number;
  readonly accounts: number;
}

export interface CheckpointView {
  readonly statement: Statement;
  readonly certificate: Certificate | undefined;
}

/** Exactly what `/health` answers: docs/api.md. */
export interface Health {
  readonly status: 'healthy' | 'unhealthy';
  readonly tps: number;
  /** Median milliseconds from submission to finality of the last 100 transactions submitted here; 0 if none. */
  readonly latency: number;
  readonly quantum_level: number;
  readonly validators: number;
  readonly uptime: number;
}

/** Readiness as five booleans; each that is false carries a code and a sentence. */
export interface Readiness {
  readonly alive: ReadinessFlag;
  readonly synced: ReadinessFlag;
  readonly quorumProgressing: ReadinessFlag;
  readonly ableToSign: ReadinessFlag;
  readonly acceptingTransactions: ReadinessFlag;
}

export interface ReadinessFlag {
  readonly ok: boolean;
  readonly code?: string;
  readonly reason?: string;
}

export interface PeerStatus {
  readonly author: AuthorIndex;
  readonly name: string;
  readonly linked: boolean;
  readonly highestRound: Round;
  /** Milliseconds since it was heard; undefined: never. */
  readonly lastSeenMs: number | undefined;
  readonly queuedBytes: number;
  /** Why there is no link, as far as this node has seen; undefined while there is one. */
  readonly trouble: LinkTrouble | undefined;
}

export interface LinkTrouble {
  readonly code: string;
  readonly detail: string;
  /** Milliseconds until this node dials again. */
  readonly nextDialMs: number;
}

/** Whether the network moves, and what keeps it from moving. */
export interface Progress {
  /** Milliseconds since the last executed commit, or since the start. */
  readonly sinceCommitMs: number;
  /** Milliseconds within which this node tries again by itself. */
  readonly nextAttemptMs: number;
  /** By how much the own clock is ahead (positive) or behind, beyond what the others' blocks let it be; 0 in good order. */
  readonly clockOffMs: number;
  /** Of the oldest checkpoint without a certificate. */
  readonly votes: OpenVotes | undefined;
}

/** A key or link in use, as negotiated, never as configured. */
export interface PostureEntry {
  readonly subject: string;
  readonly purpose: 'identity' | 'consensus' | 'link-key' | 'link' | 'api' | 'hash';
  readonly algorithm: string;
  /** NIST security category, 0 for classical. */
  readonly category: number;
  readonly since?: number;
  readonly note?: string;
}

export interface NodeStatus {
  readonly readiness: Readiness;
  readonly health: Health;
  readonly round: Round;
  readonly gcRound: Round;
  readonly lastProposedRound: Round;
  readonly lastCommit: CommitIndex;
  readonly lastExecuted: CommitIndex;
  readonly lastCheckpoint: CheckpointIndex;
  readonly lastCertified: CheckpointIndex;
  /** What the next own block waits for; feeds `av10 why`. */
  readonly waiting: { readonly reason: string; readonly awaiting: readonly AuthorIndex[] };
  readonly progress: Progress;
  readonly peers: readonly PeerStatus[];
  readonly posture: readonly PostureEntry[];
  readonly mempool: { readonly transactions: number; readonly bytes: number };
  readonly optimizer: 'unavailable' | 'off';
}

export type NodeEvent =
  | { readonly type: 'commit'; readonly commit: Commit; readonly transfers: number }
  /** Every transaction of the commit is at its last level but `certified`. */
  | { readonly type: 'final'; readonly commit: CommitIndex }
  | { readonly type: 'transaction'; readonly status: TransactionStatus }
  | { readonly type: 'certificate'; readonly index: CheckpointIndex }
  | { readonly type: 'halted'; readonly code: string; readonly message: string };

/** The final commits that a node keeps. What is newer, no longer kept, or damaged on disk, is undefined. */
export interface Chain {
  /** The newest commit of which the node may speak: executed, and durable here. */
  readonly lastFinal: CommitIndex;
  /** Below it nothing is kept. */
  readonly oldest: CommitIndex;
  /** Of final commits outside of these bounds receipts may be missing, so that nothing is said about what they applied. */
  readonly contentFrom: CommitIndex;
  readonly contentThrough: CommitIndex;
  /**
   * Every transaction that was applied in a block of a later time is known here by its id. Milliseconds; 0: since the genesis; infinite: none surely is,
   * for the index is behind.
   */
  knownSinceMs(): Promise<number>;
  block(key: CommitIndex | 'latest' | { readonly hash: string }): Promise<BlockView | undefined>;
  /** At most `limit` kept commits from `first` on. */
  commits(first: CommitIndex, limit: number): Promise<readonly Commit[]>;
  /** Those whose leader is of this round: one, or several with several leaders a round, or none. */
  commitsOfRound(round: Round): Promise<readonly Commit[]>;
  content(index: CommitIndex): Promise<CommitContent | undefined>;
  /** Commits below `before`, from `contentFrom` to `contentThrough`, in which the account may have had a part, the newest first. */
  touching(account: AccountHandle, before: CommitIndex, limit: number): readonly CommitIndex[];
  /** The canonical bytes of a transaction that is final here. */
  body(id: TransactionId): Promise<Uint8Array | undefined>;
}

/** What the node offers to the rooms above it: the API, the CLI of a devnet, tests. */
export interface NodeService {
  readonly genesis: Genesis;
  readonly committee: Committee;
  readonly own: AuthorIndex;
  submit(items: readonly SignedBody[], source: string): Promise<readonly Submission[]>;
  transaction(id: TransactionId): TransactionStatus | undefined;
  /** Resolves at the level, at `dropped`, or with the newest status when the time is over; `undefined`: not known here. */
  waitFor(
    id: TransactionId,
    level: 'included' | 'final' | 'certified',
    timeoutMs: number,
  ): Promise<TransactionStatus | undefined>;
  account(key: Address | AccountHandle): AtCommit<AccountState | undefined>;
  /** Page proof against the newest certified checkpoint: `src/types/account-proof.ts` encoding. */
  accountProof(handle: AccountHandle): { readonly checkpoint: CheckpointView; readonly proof: Uint8Array } | undefined;
  readonly chain: Chain;
  checkpoint(index: CheckpointIndex | 'latest'): CheckpointView | undefined;
  status(): NodeStatus;
  statistics(): Statistics;
  /** Two different blocks of one round that one member signed; the first such pair of each member. */
  evidence(): readonly Evidence[];
  subscribe(listener: (event: NodeEvent) => void): () => void;
}
