import type {
  AuthorIndex,
  BlockId,
  CheckpointIndex,
  CommitIndex,
  PayloadDigest,
  Round,
  StatementDigest,
} from './ids.ts';

/** Names one block of the DAG. Two blocks of one author and round (equivocation) differ in `id` only. */
export interface BlockRef {
  readonly round: Round;
  readonly author: AuthorIndex;
  readonly id: BlockId;
}

/** What the header says of its payload: `txCount` transactions in `bytes` bytes. */
export interface PayloadRef {
  readonly digest: PayloadDigest;
  readonly bytes: number;
  readonly txCount: number;
}

/** The author verified the transactions of `ref`; `bad` lists, ascending, the positions of those whose signature does not verify. */
export interface Attestation {
  readonly ref: BlockRef;
  readonly bad: readonly number[];
}

/** The author's signature (context `ckpt`) over the statement of a checkpoint. */
export interface CheckpointVote {
  readonly statementDigest: StatementDigest;
  readonly checkpointIndex: CheckpointIndex;
  readonly signature: Uint8Array;
}

/** The signed content of a block: docs/spec/block.md. */
export interface Header {
  readonly version: 1;
  readonly epoch: number;
  readonly round: Round;
  readonly author: AuthorIndex;
  readonly timestampMs: number;
  /** The author's last executed commit; verdicts on its transactions are made against the registry of that commit. */
  readonly executedCommit: CommitIndex;
  /** Own previous block first, then the others by ascending author. */
  readonly ancestors: readonly BlockRef[];
  readonly payload: PayloadRef;
  readonly attestations: readonly Attestation[];
  readonly checkpointVote?: CheckpointVote;
}

/** A header as it travels: decoded, its id computed, its signature not yet checked. `bytes` is the canonical encoding that is signed. */
export interface SignedHeader extends Header {
  readonly ref: BlockRef;
  readonly bytes: Uint8Array;
  readonly signature: Uint8Array;
}

declare const verified: unique symbol;

/** A header whose signature was checked against its author's consensus key. Only `markVerified` makes one. */
export type VerifiedHeader = SignedHeader & { readonly [verified]: true };

/** Called by whoever checked the signature, or wrote it. */
export function markVerified(header: SignedHeader): VerifiedHeader {
  return header as VerifiedHeader;
}

/** A block whose signature was checked and whose payload has the length, digest and framing that the header states. */
export interface Block {
  readonly header: VerifiedHeader;
  readonly payload: Uint8Array;
}

/** Two different headers signed by one author for one round: proof of equivocation that anybody can check. */
export interface Evidence {
  readonly first: VerifiedHeader;
  readonly second: VerifiedHeader;
}

/** The total order of linearisation: round, then author, then id. */
export function compareRefs(a: BlockRef, b: BlockRef): number {
  if (a.round !== b.round) return a.round - b.round;
  if (a.author !== b.author) return a.author - b.author;
  return a.id < b.id ? -1 : a.id > b.id ? 1 : 0;
}

export function formatRef(ref: BlockRef): string {
  return `${ref.author}@${ref.round}:${ref.id.slice(0, 8)}`;
}
