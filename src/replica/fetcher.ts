import type { MissingBlock } from '../consensus/index.ts';
import type { Committee } from '../params/committee.ts';
import type { AuthorIndex, BlockId, Round } from '../types/ids.ts';
import type { ExchangeState, FetchReply, WireBlock } from '../types/message.ts';
import { FOLLOW_ROUNDS, MAX_FETCH_IDS } from '../types/message-codec.ts';
import type { Clock } from '../util/clock.ts';
import type { PeerFault } from './errors.ts';
import type { Links } from './links.ts';
import type { ReplicaOptions } from './options.ts';

const FOLLOWED_PER_AUTHOR = 2;

interface Request {
  readonly peer: AuthorIndex;
  readonly ids: readonly BlockId[];
  readonly sentMs: number;
}

interface Wanted {
  readonly firstAskedMs: number;
  /** When each peer was asked last; it may be asked again after the request's timeout, for it may have the block by then. */
  readonly askedMs: Map<AuthorIndex, number>;
  inFlight: number;
}

export interface FetcherEvents {
  missing(): readonly MissingBlock[];
  state(): ExchangeState;
  received(peer: AuthorIndex, block: WireBlock): void;
  penalise(peer: AuthorIndex, fault: PeerFault, detail: string): void;
}

/**
 * Asks peers for the blocks that verified headers name and this node lacks (docs/spec/wire.md, "Fetching"). Every namer is asked at once, because
 * a namer has what it names; others after a round trip; so that no single peer can slow the node down.
 */
export class Fetcher {
  readonly #own: AuthorIndex;
  readonly #committee: Committee;
  readonly #options: ReplicaOptions;
  readonly #modules: { readonly links: Links; readonly clock: Clock };
  readonly #events: FetcherEvents;
  readonly #requests = new Map<number, Request>();
  readonly #wanted = new Map<BlockId, Wanted>();
  readonly #lastFetchRound: Round[];
  readonly #following = new Map<AuthorIndex, { readonly peers: Set<AuthorIndex>; untilRound: Round }>();
  #nextRequestId = 1;

  constructor(
    setup: { readonly own: AuthorIndex; readonly committee: Committee; readonly options: ReplicaOptions },
    modules: { readonly links: Links; readonly clock: Clock },
    events: FetcherEvents,
  ) {
    this.#own = setup.own;
    this.#committee = setup.committee;
    this.#options = setup.options;
    this.#modules = modules;
    this.#events = events;
    this.#lastFetchRound = setup.committee.members.map(() => -FOLLOW_ROUNDS);
  }

  /**
   * Sends what may be asked now. Called after every change of what is missing, and at `nextMs`.
   * @returns when to call again although nothing changed; undefined when nothing is missing
   */
  pump(): number | undefined {
    const now = this.#modules.clock.monotonicMs();
    this.#expire(now);
    const missing = this.#events.missing();
    this.#forgetFound(missing);
    const batches = new Map<AuthorIndex, BlockId[]>();
    for (const block of missing) this.#assign(block, now, batches);
    for (const [peer, ids] of batches) this.#request(peer, ids, now);
    return missing.length === 0 ? undefined : now + this.#options.fetchRetryMs;
  }

  reply(peer: AuthorIndex, reply: FetchReply): void {
    const request = this.#requests.get(reply.requestId);
    if (request === undefined || request.peer !== peer) return;
    this.#close(reply.requestId, request);
    const unasked = unrequested(request.ids, reply.blocks);
    if (unasked !== undefined) {
      this.#events.penalise(peer, 'UNREQUESTED_BLOCK', unasked.header.ref.id);
      return;
    }
    for (const block of reply.blocks) {
      this.#noteFetched(peer, block);
      this.#events.received(peer, block);
    }
  }

  /** The peer was asked to send this author's blocks. */
  follows(peer: AuthorIndex, author: AuthorIndex): boolean {
    return this.#following.get(author)?.peers.has(peer) ?? false;
  }

  peerLost(peer: AuthorIndex): void {
    for (const [requestId, request] of this.#requests) if (request.peer === peer) this.#close(requestId, request);
    for (const wanted of this.#wanted.values()) wanted.askedMs.delete(peer);
    for (const follow of this.#following.values()) follow.peers.delete(peer);
  }

  #assign(block: MissingBlock, now: number, batches: Map<AuthorIndex, BlockId[]>): void {
    const { id, author } = block.ref;
    const wanted = this.#wanted.get(id) ?? { firstAskedMs: now, askedMs: new Map(), inFlight: 0 };
    this.#wanted.set(id, wanted);
    const namers = block.namers.filter((peer) => peer !== author);
    const secondCircle = now - wanted.firstAskedMs >= this.#options.fetchRetryMs || namers.length === 0;
    const others = secondCircle ? this.#modules.links.established().filter((peer) => peer !== author) : [];
    for (const peer of [...namers, ...others, ...(secondCircle ? [author] : [])]) {
      if (wanted.inFlight >= this.#options.fetchesPerBlock) return;
      if (peer === this.#own || !this.#modules.links.isEstablished(peer)) continue;
      if (now - (wanted.askedMs.get(peer) ?? -Infinity) < this.#options.requestTimeoutMs) continue;
      const batch = batches.get(peer) ?? [];
      if (batch.length >= MAX_FETCH_IDS || (batch.length === 0 && this.#inFlight(peer) >= this.#options.fetchesPerPeer))
        continue;
      batches.set(peer, [...batch, id]);
      wanted.askedMs.set(peer, now);
      wanted.inFlight += 1;
    }
  }

  #request(peer: AuthorIndex, ids: readonly BlockId[], now: number): void {
    const requestId = this.#nextRequestId++;
    const { gcRound, highestRounds } = this.#events.state();
    this.#requests.set(requestId, { peer, ids, sentMs: now });
    this.#modules.links.send(peer, { type: 'fetch', requestId, gcRound, highestRounds, ids });
  }

  #expire(now: number): void {
    for (const [requestId, request] of this.#requests) {
      if (now - request.sentMs >= this.#options.requestTimeoutMs) this.#close(requestId, request);
    }
  }

  #close(requestId: number, request: Request): void {
    this.#requests.delete(requestId);
    for (const blockId of request.ids) {
      const wanted = this.#wanted.get(blockId);
      if (wanted !== undefined) wanted.inFlight -= 1;
    }
  }

  #forgetFound(missing: readonly MissingBlock[]): void {
    const open = new Set(missing.map((block) => block.ref.id));
    for (const [blockId, wanted] of this.#wanted)
      if (!open.has(blockId) && wanted.inFlight === 0) this.#wanted.delete(blockId);
  }

  #inFlight(peer: AuthorIndex): number {
    let count = 0;
    for (const request of this.#requests.values()) if (request.peer === peer) count += 1;
    return count;
  }

  /** Fetching costs two delays on every round; a peer that answered then sends the author's blocks unasked. */
  #noteFetched(peer: AuthorIndex, block: WireBlock): void {
    const { author, round } = block.header.ref;
    const previous = this.#lastFetchRound[author];
    if (previous === undefined || author === this.#own) return;
    this.#lastFetchRound[author] = Math.max(previous, round);
    if (round <= previous || round - previous > FOLLOW_ROUNDS) return;
    const follow = this.#following.get(author) ?? { peers: new Set(), untilRound: 0 };
    if (round > follow.untilRound) follow.peers.clear();
    if (
      follow.peers.has(peer) ||
      follow.peers.size >= FOLLOWED_PER_AUTHOR ||
      this.#followedThrough(peer, round) >= Math.max(1, this.#committee.f)
    )
      return;
    follow.peers.add(peer);
    follow.untilRound = round + FOLLOW_ROUNDS;
    this.#following.set(author, follow);
    this.#modules.links.send(peer, { type: 'follow', author });
  }

  /** Authors that the peer sends at this round; a follow that ran out holds no place. */
  #followedThrough(peer: AuthorIndex, round: Round): number {
    let authors = 0;
    for (const { peers, untilRound } of this.#following.values())
      if (untilRound >= round && peers.has(peer)) authors += 1;
    return authors;
  }
}

/** A reply holds the asked blocks and ancestors of blocks in it, nothing else. */
function unrequested(ids: readonly BlockId[], blocks: readonly WireBlock[]): WireBlock | undefined {
  const allowed = new Set<BlockId>(ids);
  let pending = [...blocks];
  while (pending.length > 0) {
    const rest = pending.filter((block) => !allowed.has(block.header.ref.id));
    if (rest.length === pending.length) return rest[0];
    for (const block of pending) {
      if (!allowed.has(block.header.ref.id)) continue;
      for (const ancestor of block.header.ancestors) allowed.add(ancestor.id);
    }
    pending = rest;
  }
  return undefined;
}
