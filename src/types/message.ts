import type { BlockRef, SignedHeader } from './block.ts';
import type { AuthorIndex, BlockId, CheckpointIndex, CommitIndex, NetworkId, ParamsHash, Round } from './ids.ts';

/** What two validators say to each other: docs/spec/wire.md. A message is one frame; its first byte is its type. */
export type Message =
  | Hello
  | Refuse
  | Lease
  | LeaseOk
  | Release
  | BlockMessage
  | Exchange
  | Follow
  | EvidenceMessage
  | FetchRequest
  | FetchReply
  | CommitRequest
  | CommitReply
  | CertificateRequest
  | CertificateReply
  | RecoveryRequest
  | RecoveryReply;

/** First message each way on a new link. A disagreement ends the link with a `Refuse`. */
export interface Hello {
  readonly type: 'hello';
  readonly networkId: NetworkId;
  readonly epoch: number;
  readonly paramsHash: ParamsHash;
  readonly protocolVersion: number;
  /** The sender's position in the committee. */
  readonly author: AuthorIndex;
  /** 16 bytes drawn by this process at its start: tells two processes of one identity apart. */
  readonly bootId: string;
  /** The peer ids of both ends as the sender sees them: a relay in between cannot make them agree. */
  readonly senderPeerId: string;
  readonly receiverPeerId: string;
  readonly state: ExchangeState;
}

export type RefuseCode = 'IDENTITY_IN_USE' | 'OTHER_NETWORK' | 'OTHER_PARAMETERS' | 'OTHER_VERSION' | 'WRONG_PEER';

export interface Refuse {
  readonly type: 'refuse';
  readonly code: RefuseCode;
}

/** Asks to go on speaking for this identity; `timeMs` is the sender's monotonic clock. Sent every second. */
export interface Lease {
  readonly type: 'lease';
  readonly timeMs: number;
}

export interface LeaseOk {
  readonly type: 'lease-ok';
  readonly timeMs: number;
}

/** Clean stop: the identity is free for another process. */
export interface Release {
  readonly type: 'release';
}

export interface WireBlock {
  readonly header: SignedHeader;
  readonly payload: Uint8Array;
}

/** An author's new block, or an asked-for follow of somebody else's. */
export interface BlockMessage {
  readonly type: 'block';
  readonly block: WireBlock;
}

/** How far a node is. The receiver pushes its own blocks above what the sender has of them. */
export interface ExchangeState {
  readonly lastOwnRound: Round;
  /** Highest admitted round by author index. */
  readonly highestRounds: readonly Round[];
  readonly gcRound: Round;
  readonly commitIndex: CommitIndex;
  readonly certificateIndex: CheckpointIndex;
}

export interface Exchange {
  readonly type: 'exchange';
  readonly state: ExchangeState;
}

/** Asks for the author's blocks as the receiver admits them, for 64 rounds. */
export interface Follow {
  readonly type: 'follow';
  readonly author: AuthorIndex;
}

export interface EvidenceMessage {
  readonly type: 'evidence';
  readonly first: SignedHeader;
  readonly second: SignedHeader;
}

/** Asks for blocks by id; the reply may add their ancestors above `highestRounds`. */
export interface FetchRequest {
  readonly type: 'fetch';
  readonly requestId: number;
  readonly gcRound: Round;
  readonly highestRounds: readonly Round[];
  readonly ids: readonly BlockId[];
}

export interface FetchReply {
  readonly type: 'fetch-reply';
  readonly requestId: number;
  readonly blocks: readonly WireBlock[];
}

/**
 * Asks for the commit records `from` to `to`. First without blocks, to check their chain against a certificate; then with the blocks they name,
 * to apply them.
 */
export interface CommitRequest {
  readonly type: 'commits';
  readonly requestId: number;
  readonly from: CommitIndex;
  readonly to: CommitIndex;
  readonly withBlocks: boolean;
  /** Blocks of commit `from` that the asker has already: one commit may be larger than a frame. */
  readonly skipBlocks: number;
}

export interface WireCommit {
  /** `encodeCommit` */
  readonly commit: Uint8Array;
  /** The blocks of the commit in its order, as far as the frame holds them; none when they were not asked for. */
  readonly blocks: readonly WireBlock[];
}

export interface CommitReply {
  readonly type: 'commits-reply';
  readonly requestId: number;
  readonly commits: readonly WireCommit[];
}

/** `index` 0 asks for the newest. */
export interface CertificateRequest {
  readonly type: 'certificate';
  readonly requestId: number;
  readonly index: CheckpointIndex;
}

export interface CertificateReply {
  readonly type: 'certificate-reply';
  readonly requestId: number;
  /** Empty: the sender has none. */
  readonly certificate: Uint8Array;
}

/** A member that lost its log or guard asks what others know: docs/spec/storage.md, "Recovery of an identity". */
export interface RecoveryRequest {
  readonly type: 'recovery';
  readonly requestId: number;
}

export interface RecoveryReply {
  readonly type: 'recovery-reply';
  readonly requestId: number;
  /** The answerer's own newest block; none before its first. */
  readonly ownLatest: BlockRef | undefined;
  /** The newest block of the asker that the answerer admitted. */
  readonly yours: BlockRef | undefined;
  /** The highest round of the asker's that the answerer holds in any state. */
  readonly yoursHighestRound: Round;
}
