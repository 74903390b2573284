import type { Core } from '../consensus/index.ts';
import { encodeCommit } from '../types/commit.ts';
import type { AuthorIndex, BlockId, Round } from '../types/ids.ts';
import type {
  CertificateRequest,
  CommitRequest,
  FetchRequest,
  Follow,
  WireBlock,
  WireCommit,
} from '../types/message.ts';
import { FOLLOW_ROUNDS, MAX_FETCH_BLOCKS } from '../types/message-codec.ts';
import { EMPTY_BYTES } from '../util/bytes.ts';
import type { Clock } from '../util/clock.ts';
import { errorText } from '../util/errors.ts';
import type { Logger } from '../util/logger.ts';
import { TokenBucket } from '../util/token-bucket.ts';
import type { BlockStore } from './block-store.ts';
import type { Checkpoints } from './checkpoints.ts';
import type { Links } from './links.ts';
import type { ReplicaOptions } from './options.ts';

/** Bytes of blocks in one reply: what one frame carries beside its framing. */
const REPLY_BYTES = 4 * 1024 * 1024 - 64 * 1024;
const COMMITS_PER_REPLY = 1_024;
/** Answers being prepared for one peer; more requests are ignored, the peer asks again. */
const REQUESTS_PER_PEER = 16;

interface ServerModules {
  /** The core is replaced by a commit sync. */
  readonly core: () => Core;
  readonly store: BlockStore;
  readonly checkpoints: Checkpoints;
  readonly links: Links;
  readonly clock: Clock;
  readonly logger: Logger;
}

/** Answers what peers ask: blocks of the DAG, commits of the log, certificates. Bounded per peer in requests at a time and in bytes a second. */
export class PeerServer {
  readonly #modules: ServerModules;
  readonly #budgets: readonly TokenBucket[];
  readonly #active: number[];
  /** By author: which peers asked for its blocks, and up to which round. */
  readonly #followers = new Map<AuthorIndex, Map<AuthorIndex, Round>>();

  constructor(setup: { readonly members: number; readonly options: ReplicaOptions }, modules: ServerModules) {
    this.#modules = modules;
    const { servedBytesPerSecond } = setup.options;
    const now = modules.clock.monotonicMs();
    this.#budgets = Array.from(
      { length: setup.members },
      () => new TokenBucket(servedBytesPerSecond, 2 * servedBytesPerSecond, now),
    );
    this.#active = Array.from({ length: setup.members }, () => 0);
  }

  serve(peer: AuthorIndex, request: FetchRequest | CommitRequest | CertificateRequest | Follow): void {
    if (request.type === 'fetch') void this.#fetch(peer, request);
    else if (request.type === 'commits') void this.#commits(peer, request);
    else if (request.type === 'certificate') this.#certificate(peer, request);
    else this.#follow(peer, request.author);
  }

  #fetch(peer: AuthorIndex, request: FetchRequest): Promise<void> {
    return this.#serve(peer, async () => {
      const blocks = await this.#blocksFor(request);
      this.budget(peer).spend(totalBytes(blocks), this.#modules.clock.monotonicMs());
      this.#modules.links.send(peer, { type: 'fetch-reply', requestId: request.requestId, blocks });
    });
  }

  #commits(peer: AuthorIndex, request: CommitRequest): Promise<void> {
    return this.#serve(peer, async () => {
      const commits = request.withBlocks ? await this.#commitsWithBlocks(request) : await this.#commitRecords(request);
      const bytes = commits.reduce((sum, { commit, blocks }) => sum + commit.length + totalBytes(blocks), 0);
      this.budget(peer).spend(bytes, this.#modules.clock.monotonicMs());
      this.#modules.links.send(peer, { type: 'commits-reply', requestId: request.requestId, commits });
    });
  }

  #certificate(peer: AuthorIndex, request: CertificateRequest): void {
    const { checkpoints, links } = this.#modules;
    const index = request.index === 0 ? checkpoints.certified : request.index;
    const certificate = checkpoints.certificate(index)?.bytes ?? new Uint8Array(0);
    links.send(peer, { type: 'certificate-reply', requestId: request.requestId, certificate });
  }

  #follow(peer: AuthorIndex, author: AuthorIndex): void {
    const highest = this.#modules.core().highestRounds[author];
    if (highest === undefined) return;
    const followers = this.#followers.get(author) ?? new Map<AuthorIndex, Round>();
    followers.set(peer, highest + FOLLOW_ROUNDS);
    this.#followers.set(author, followers);
  }

  /** Sends a block of another author to those who follow it. */
  admitted(block: WireBlock): void {
    const { author, round } = block.header;
    const followers = this.#followers.get(author);
    if (followers === undefined) return;
    for (const [peer, untilRound] of followers) {
      if (round > untilRound) followers.delete(peer);
      else if (peer !== author) this.#modules.links.send(peer, { type: 'block', block });
    }
  }

  peerLost(peer: AuthorIndex): void {
    for (const followers of this.#followers.values()) followers.delete(peer);
  }

  async #serve(peer: AuthorIndex, answer: () => Promise<void>): Promise<void> {
    if ((this.#active[peer] as number) >= REQUESTS_PER_PEER) return;
    if (!this.budget(peer).take(0, this.#modules.clock.monotonicMs())) return;
    this.#active[peer] = (this.#active[peer] as number) + 1;
    try {
      await answer();
    } catch (error) {
      this.#modules.logger.error('a peer was not answered', { peer, error: errorText(error) });
    } finally {
      this.#active[peer] = (this.#active[peer] as number) - 1;
    }
  }

  /** The asked blocks, then breadth first their ancestors that the asker lacks, within one reply. */
  async #blocksFor({ ids, gcRound, highestRounds }: FetchRequest): Promise<WireBlock[]> {
    const blocks: WireBlock[] = [];
    const seen = new Set<BlockId>(ids);
    const queue: BlockId[] = [...ids];
    let bytes = 0;
    for (let next = 0; next < queue.length && blocks.length < MAX_FETCH_BLOCKS; next++) {
      const block = await this.#modules.store.block(queue[next] as BlockId);
      if (block === undefined) continue;
      bytes += wireBytes(block);
      if (blocks.length > 0 && bytes > REPLY_BYTES) break;
      blocks.push(block);
      for (const ref of block.header.ancestors) {
        if (ref.round <= Math.max(gcRound, highestRounds[ref.author] ?? 0) || seen.has(ref.id)) continue;
        seen.add(ref.id);
        queue.push(ref.id);
      }
    }
    return blocks;
  }

  async #commitRecords({ from, to }: CommitRequest): Promise<WireCommit[]> {
    const commits: WireCommit[] = [];
    let bytes = 0;
    for (let index = from; index <= to && commits.length < COMMITS_PER_REPLY; index++) {
      const entry = await this.#modules.store.commit(index);
      if (entry === undefined) break;
      const commit = encodeCommit(entry.commit);
      bytes += commit.length;
      if (commits.length > 0 && bytes > REPLY_BYTES) break;
      commits.push({ commit, blocks: [] });
    }
    return commits;
  }

  /** Blocks commit by commit until the frame is full, which may be in the middle of one; the asker skips what it has and asks on. */
  async #commitsWithBlocks({ from, to, skipBlocks }: CommitRequest): Promise<WireCommit[]> {
    const commits: WireCommit[] = [];
    let bytes = 0;
    for (let index = from; index <= to && commits.length < COMMITS_PER_REPLY && bytes < REPLY_BYTES; index++) {
      const entry = await this.#modules.store.commit(index);
      if (entry === undefined) break;
      const blocks: WireBlock[] = [];
      for (const position of entry.blockPositions.slice(index === from ? skipBlocks : 0)) {
        const block = await this.#modules.store.blockAt(position);
        if (block === undefined) return commits;
        bytes += wireBytes(block);
        if (bytes > REPLY_BYTES && commits.length + blocks.length > 0) break;
        blocks.push(block);
      }
      commits.push({ commit: EMPTY_BYTES, blocks });
    }
    return commits;
  }

  /** Bytes a second for whatever this peer asks for. */
  budget(peer: AuthorIndex): TokenBucket {
    return this.#budgets[peer] as TokenBucket;
  }
}

function totalBytes(blocks: readonly WireBlock[]): number {
  return blocks.reduce((sum, block) => sum + wireBytes(block), 0);
}

export function wireBytes({ header, payload }: WireBlock): number {
  return header.bytes.length + header.signature.length + payload.length + 16;
}
