import type { Hasher } from '../crypto/hasher.ts';
import {
  type BlockLog,
  type CommitEntry,
  LOG_START,
  type LogPosition,
  type StorageErrorCode,
} from '../storage/index.ts';
import type { Evidence, SignedHeader, VerifiedHeader } from '../types/block.ts';
import { decodeSignedHeader } from '../types/block-codec.ts';
import type { Commit } from '../types/commit.ts';
import type { AuthorIndex, BlockId, CommitIndex, Round } from '../types/ids.ts';
import type { WireBlock } from '../types/message.ts';
import { assertDefined } from '../util/assert.ts';
import { EMPTY_BYTES } from '../util/bytes.ts';
import type { DiskErrorCode } from '../util/disk.ts';
import { isCoded } from '../util/errors.ts';
import type { Logger } from '../util/logger.ts';
import type { Timers } from '../util/timers.ts';
import { PayloadCache } from './payload-cache.ts';
import { ServedRounds } from './served-rounds.ts';
import { type KeptCommits, MAX_KEPT_COMMITS } from './snapshot-content.ts';

/** Appended and not yet durable beyond this: blocks of peers are not taken until the disk has caught up. Below the log's own limit. */
const WRITABLE_PENDING_BYTES = 32 * 1024 * 1024;
const RESUME_INTERVAL_MS = 1_000;

interface FoundBlock {
  readonly id: BlockId;
  readonly position: LogPosition;
  readonly round: Round;
}

export interface BlockStoreModules {
  readonly hasher: Hasher;
  readonly timers: Timers;
  readonly logger: Logger;
}

/**
 * The log as the replica sees it: appends admitted blocks and commits in the order of admission, and finds a block again by id while it is in
 * the DAG or a member that fell behind may need it, or by commit while that commit is kept. Nothing is referenced, executed or answered that was not appended here first.
 */
export class BlockStore {
  readonly #log: BlockLog;
  readonly #modules: BlockStoreModules;
  readonly #recent: PayloadCache;
  /** Blocks that are found by id. */
  readonly #blocks = new Map<BlockId, FoundBlock>();
  /** The same, in the order of appending. */
  readonly #blocksOf = new Map<AuthorIndex, FoundBlock[]>();
  /** Positions of commit records from `#firstCommit` on. */
  #commits: LogPosition[] = [];
  #firstCommit: CommitIndex = 1;
  /** In the order of the commits. */
  readonly #digests = new Map<string, CommitIndex>();
  readonly #served = new ServedRounds();
  #forgottenRound: Round = 0;
  #newestCertificate: LogPosition | undefined;
  /** The first proof against each author. */
  readonly #evidence = new Map<AuthorIndex, Evidence>();
  #resuming: Promise<void> | undefined;
  #givenUp = false;
  /** Called when the disk takes writes again. */
  onResumed: () => void = () => undefined;

  constructor(log: BlockLog, payloadCacheBytes: number, modules: BlockStoreModules) {
    this.#log = log;
    this.#modules = modules;
    this.#recent = new PayloadCache(payloadCacheBytes);
  }

  get log(): BlockLog {
    return this.#log;
  }

  get oldestCommit(): CommitIndex {
    return this.#firstCommit;
  }

  appendBlock(header: VerifiedHeader, payload: Uint8Array, own: boolean): void {
    const { bytes, signature, ref } = header;
    const position = this.#log.append({
      type: own ? 'own-block' : 'admitted-block',
      header: bytes,
      signature,
      payload,
    });
    this.noteBlock(header, position);
    if (payload.length > 0) this.#recent.put(ref.id, payload);
  }

  appendCommit(commit: Commit, gcRoundAfter: Round, source: CommitEntry['source']): void {
    const blockPositions = commit.refs.map((ref) => this.#blocks.get(ref.id)?.position ?? LOG_START);
    const position = this.#log.append({ type: 'commit', source, commit, gcRoundAfter, blockPositions });
    this.noteCommit(commit, position);
  }

  /** Peers have it too: while the disk refuses it is not kept, which is no reason to stop. */
  appendCertificate(bytes: Uint8Array): void {
    if (this.writable) this.noteCertificate(this.#log.append({ type: 'certificate', bytes }));
  }

  /** Two certificates of one checkpoint, for the next start to find: both, for the first may lie in what was dropped. */
  appendContradiction(...certificates: readonly Uint8Array[]): void {
    if (!this.writable) return;
    for (const bytes of certificates) this.#log.append({ type: 'certificate', bytes });
  }

  /** While the disk refuses it is only remembered: peers, or the next snapshot, have it too. */
  appendEvidence(evidence: Evidence): void {
    const { first, second } = evidence;
    this.noteEvidence(evidence);
    if (!this.writable) return;
    const signed = (header: SignedHeader) => ({ header: header.bytes, signature: header.signature });
    this.#log.append({ type: 'evidence', first: signed(first), second: signed(second) });
  }

  /** The disk takes what is appended. When it does not, nothing may change state; `flush` tries again until it does. */
  get writable(): boolean {
    return this.#log.failure === undefined && this.#log.pendingBytes < WRITABLE_PENDING_BYTES;
  }

  /** Resolves when everything appended so far is durable, however long the disk refuses; rejects only for what time does not mend, or after `giveUp`. */
  async flush(): Promise<void> {
    for (;;) {
      try {
        return await this.#log.flush();
      } catch (error) {
        if (this.#givenUp || !isCoded<StorageErrorCode>(error, 'LOG_FAILED')) throw error;
        await this.#resumed();
      }
    }
  }

  /** The node stops: nobody waits for the disk any longer. */
  giveUp(): void {
    this.#givenUp = true;
  }

  /** One attempt a second, shared by all who wait. */
  #resumed(): Promise<void> {
    this.#resuming ??= this.#resume().finally(() => {
      this.#resuming = undefined;
    });
    return this.#resuming;
  }

  async #resume(): Promise<void> {
    this.#modules.logger.error('the disk refuses: no block is signed until it takes writes again', {
      reason: this.#log.failure?.message,
    });
    while (this.#log.failure !== undefined && !this.#givenUp) {
      await new Promise<void>((resolve) => this.#modules.timers.after(RESUME_INTERVAL_MS, resolve));
      await this.#log.resume().catch((error: unknown) => {
        if (!isCoded<StorageErrorCode | DiskErrorCode>(error, 'LOG_FAILED', 'DISK_FULL', 'READ_ONLY', 'IO_ERROR'))
          throw error;
      });
    }
    if (this.#log.failure !== undefined) return;
    this.#modules.logger.info('the disk takes writes again');
    this.onResumed();
  }

  /** The commits that are kept, for the next life of this node. */
  keptCommits(): KeptCommits {
    const positions = this.#commits.slice(-MAX_KEPT_COMMITS);
    return { first: this.#firstCommit + this.#commits.length - positions.length, positions };
  }

  /** What the life before kept and the log still holds; replay notes the rest. */
  restoreCommits({ first, positions }: KeptCommits): void {
    const gone = positions.filter((position) => position < this.#log.firstPosition).length;
    this.#firstCommit = first + gone;
    this.#commits = positions.slice(gone);
  }

  /** A block or commit that replay found in the log. */
  noteBlock(header: SignedHeader, position: LogPosition): void {
    const { author, round } = header;
    const block = { id: header.ref.id, position, round };
    this.#blocks.set(block.id, block);
    const others = this.#blocksOf.get(author);
    if (others === undefined) this.#blocksOf.set(author, [block]);
    else others.push(block);
  }

  noteCommit({ index, digest }: Pick<Commit, 'index' | 'digest'>, position: LogPosition): void {
    if (this.#commits.length === 0) this.#firstCommit = index;
    if (index < this.#firstCommit) return;
    this.#commits[index - this.#firstCommit] = position;
    this.#digests.set(digest, index);
  }

  noteCertificate(position: LogPosition): void {
    this.#newestCertificate = position;
  }

  /** Proof of equivocation that the log or a snapshot holds. */
  noteEvidence(evidence: Evidence): void {
    if (!this.#evidence.has(evidence.first.author)) this.#evidence.set(evidence.first.author, evidence);
  }

  /** One proof of equivocation an author, for good. */
  evidence(): readonly Evidence[] {
    return [...this.#evidence.values()];
  }

  holdsEvidence(author: AuthorIndex): boolean {
    return this.#evidence.has(author);
  }

  /** A commit was executed, after which blocks up to `gcRound` left the DAG. */
  executed(index: CommitIndex, gcRound: Round): void {
    this.#served.executed(index, gcRound);
    this.forgetBlocks(this.#served.forgottenRound);
  }

  /** A quorum certified the state after this commit. */
  certified(index: CommitIndex): void {
    this.#served.certified(index);
    this.forgetBlocks(this.#served.forgottenRound);
  }

  /** Blocks up to this round are found through their commit from here on. */
  forgetBlocks(gcRound: Round): void {
    if (gcRound === this.#forgottenRound) return;
    this.#forgottenRound = gcRound;
    for (const [author, blocks] of this.#blocksOf) {
      for (const { id: blockId, round } of blocks) if (round <= gcRound) this.#blocks.delete(blockId);
      this.#blocksOf.set(
        author,
        blocks.filter(({ round }) => round > gcRound),
      );
    }
  }

  /**
   * Commits below `index` are no longer served; their segments may go.
   * @returns the oldest record of those that stay
   */
  async forgetCommits(index: CommitIndex): Promise<LogPosition | undefined> {
    const count = Math.min(Math.max(0, index - this.#firstCommit), this.#commits.length);
    this.#commits = this.#commits.slice(count);
    this.#firstCommit += count;
    for (const [digest, kept] of this.#digests) {
      if (kept >= this.#firstCommit) break;
      this.#digests.delete(digest);
    }
    const oldest = await this.commit(this.#firstCommit);
    return oldest?.blockPositions.reduce(
      (first, position) => (position < first ? position : first),
      this.#commits[0] as LogPosition,
    );
  }

  /** The payload of a block that was appended and not forgotten. */
  async payload(header: SignedHeader): Promise<Uint8Array> {
    if (header.payload.bytes === 0) return EMPTY_BYTES;
    const recent = this.#recent.get(header.ref.id);
    if (recent !== undefined) return recent;
    const block = await this.block(header.ref.id);
    return assertDefined(block, 'a block stays in the log until it is executed').payload;
  }

  /** A block that was not forgotten, by id. */
  async block(blockId: BlockId): Promise<WireBlock | undefined> {
    const found = this.#blocks.get(blockId);
    return found === undefined ? undefined : this.blockAt(found.position);
  }

  /** The oldest `limit` blocks of an author in rounds above `above` and up to `through` that are found by id; some may have left the DAG. */
  blocksOf(author: AuthorIndex, above: Round, through: Round, limit: number): BlockId[] {
    const blocks = this.#blocksOf.get(author) ?? [];
    const found: BlockId[] = [];
    for (
      let i = blocks.findIndex(({ round }) => round > above);
      i >= 0 && i < blocks.length && found.length < limit;
      i++
    ) {
      const { id: blockId, round } = blocks[i] as FoundBlock;
      if (round > above && round <= through) found.push(blockId);
    }
    return found;
  }

  /** Index of a kept commit by its digest. */
  commitByDigest(digest: string): CommitIndex | undefined {
    return this.#digests.get(digest);
  }

  /** Of the record of a kept commit. */
  commitPosition(index: CommitIndex): LogPosition | undefined {
    return this.#commits[index - this.#firstCommit];
  }

  async commit(index: CommitIndex): Promise<CommitEntry | undefined> {
    const position = this.commitPosition(index);
    if (position === undefined) return undefined;
    const { entry } = await this.#log.read(position);
    return entry.type === 'commit' ? entry : undefined;
  }

  /** The oldest record that replay needs to rebuild the DAG above `gcRound`, and to know the newest certificate. */
  oldestPosition(): LogPosition | undefined {
    let oldest = this.#newestCertificate;
    for (const { position } of this.#blocks.values()) if (oldest === undefined || position < oldest) oldest = position;
    return oldest;
  }

  /** A block of a commit, by the position its record holds. */
  async blockAt(position: LogPosition): Promise<WireBlock | undefined> {
    const { entry } = await this.#log.read(position);
    if (entry.type !== 'admitted-block' && entry.type !== 'own-block') return undefined;
    return { header: decodeSignedHeader(this.#modules.hasher, entry.header, entry.signature), payload: entry.payload };
  }
}
