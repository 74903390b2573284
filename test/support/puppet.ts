import { signatureContext } from '../../src/crypto/domains.ts';
import { paramsHash } from '../../src/params/protocol-parameters.ts';
import { channelOf } from '../../src/replica/links.ts';
import { PROTOCOL_VERSION } from '../../src/replica/options.ts';
import type { BlockRef, Header, SignedHeader } from '../../src/types/block.ts';
import { blockId, encodeHeader } from '../../src/types/block-codec.ts';
import type { BlockId, Round } from '../../src/types/ids.ts';
import type { ExchangeState, Message, WireBlock } from '../../src/types/message.ts';
import { decodeMessage, encodeMessage } from '../../src/types/message-codec.ts';
import { encodePayload, parsePayload, type SignedBody } from '../../src/types/payload.ts';
import { fromHex } from '../../src/util/bytes.ts';
import type { Channel, Transport, TransportEvents } from '../../src/util/transport.ts';
import type { Cluster } from './cluster.ts';

const LEASE_INTERVAL_MS = 1_000;
/** Blocks of this many rounds are remembered: more than any private chain of `test/simulation/adversaries.ts`. */
const REMEMBERED_ROUNDS = 200;

/**
 * A member in the hands of an adversary: it has the keys and the links of a validator of the cluster, greets like one, and otherwise does what
 * the test tells it.
 */
export class Puppet implements TransportEvents {
  readonly index: number;
  /** First block heard of, by round and author. */
  readonly heard = new Map<Round, Map<number, BlockRef>>();
  /** What to do with a message, before the puppet's own manners. */
  onMessage: (peer: number, message: Message) => void = () => undefined;
  /** A block arrived that was not heard of before. */
  onHeard: () => void = () => undefined;
  /** Whether it gives others the blocks they miss, its own and those it heard. */
  answersFetches = false;
  readonly #cluster: Cluster;
  readonly #transport: Transport;
  readonly #blocks = new Map<BlockId, WireBlock>();
  #state: ExchangeState;
  #quorumRound = 0;

  constructor(cluster: Cluster, index: number) {
    this.index = index;
    this.#cluster = cluster;
    this.#transport = cluster.network.transport(index);
    const highestRounds = cluster.nodes.map(() => 0);
    this.#state = { lastOwnRound: 0, highestRounds, gcRound: 0, commitIndex: 0, certificateIndex: 0 };
  }

  async start(state: Partial<ExchangeState> = {}): Promise<void> {
    this.#state = { ...this.#state, ...state };
    await this.#transport.start(this);
    this.#askLeases();
  }

  send(peer: number, message: Message): void {
    this.#transport.send(peer, channelOf(message), encodeMessage(message));
  }

  sendBytes(peer: number, channel: Channel, bytes: Uint8Array): void {
    this.#transport.send(peer, channel, bytes);
  }

  /** Sends a block to these peers, or to all. */
  show(block: WireBlock, peers: readonly number[] = this.peers): void {
    for (const peer of peers) this.send(peer, { type: 'block', block });
  }

  get peers(): number[] {
    return [...this.#cluster.nodes.keys()].filter((peer) => peer !== this.index);
  }

  /** The newest round in which blocks with a quorum of the power were heard. */
  get quorumRound(): Round {
    return this.#quorumRound;
  }

  /** What an honest member in its place would say of itself: peers then send what it lacks. */
  get heardState(): ExchangeState {
    const highestRounds = this.#cluster.nodes.map((_, author) =>
      Math.max(0, ...[...this.heard].flatMap(([round, refs]) => (refs.has(author) ? round : []))),
    );
    return { ...this.#state, highestRounds, lastOwnRound: highestRounds[this.index] as Round };
  }

  /** Whether a block of this round may name no more than these below it. */
  isQuorum(round: Round, ancestors: Iterable<BlockRef>): boolean {
    const { committee } = this.#cluster.genesis;
    let power = 0;
    for (const ref of ancestors) if (ref.round === round - 1) power += committee.power(ref.author);
    return power >= committee.quorum;
  }

  /** A block on everything heard of the round below, own block first; `changes` makes it another, or a wrong one. */
  async block(
    round: Round,
    changes: Partial<Header> = {},
    transactions: readonly SignedBody[] = [],
  ): Promise<WireBlock> {
    const { hasher, genesis, time } = this.#cluster;
    const payload = encodePayload(transactions);
    const txCount = transactions.length;
    const { digest } = parsePayload(hasher, payload, txCount);
    const header: Header = {
      version: 1,
      epoch: 1,
      round,
      author: this.index,
      timestampMs: time.wallMs(),
      executedCommit: 0,
      ancestors: this.ancestors(round),
      payload: { digest, bytes: payload.length, txCount },
      attestations: [],
      ...changes,
    };
    const bytes = encodeHeader(header);
    const ref = { round, author: this.index, id: blockId(hasher, bytes) };
    const context = signatureContext('block', fromHex(genesis.networkId));
    const signature = await this.#cluster.signerOf(this.index).sign(context, bytes);
    const block = { header: { ...header, ref, bytes, signature }, payload };
    this.#blocks.set(ref.id, block);
    return block;
  }

  /** As if it came from the network. */
  hear({ ref }: SignedHeader): void {
    const round = this.heard.get(ref.round) ?? new Map<number, BlockRef>();
    this.heard.set(ref.round, round);
    if (round.has(ref.author)) return;
    round.set(ref.author, ref);
    if (ref.round <= this.#quorumRound || !this.isQuorum(ref.round + 1, round.values())) return;
    this.#quorumRound = ref.round;
    this.#forget(ref.round - REMEMBERED_ROUNDS);
  }

  /** Everything heard of the round below, own newest block first. */
  ancestors(round: Round): BlockRef[] {
    const below = [...(this.heard.get(round - 1)?.values() ?? [])];
    const refs = round === 1 ? this.#genesis() : below;
    const own = refs.find(({ author }) => author === this.index) ?? this.#ownNewest(round);
    return [own, ...refs.filter(({ author }) => author !== this.index).sort((a, b) => a.author - b.author)];
  }

  linkUp(peer: number): void {
    const { committee, networkId, parameters } = this.#cluster.genesis;
    const [sender, receiver] = [committee.member(this.index), committee.member(peer)];
    this.send(peer, {
      type: 'hello',
      networkId,
      epoch: 1,
      paramsHash: paramsHash(this.#cluster.hasher, parameters),
      protocolVersion: PROTOCOL_VERSION,
      author: this.index,
      bootId: '0b'.repeat(16),
      senderPeerId: sender.peerId,
      receiverPeerId: receiver.peerId,
      state: this.#state,
    });
  }

  linkDown(): void {
    // It comes up again by itself.
  }

  frame(peer: number, _channel: Channel, frame: Uint8Array): void {
    const message = decodeMessage(this.#cluster.hasher, frame);
    if (message.type === 'block') {
      this.#blocks.set(message.block.header.ref.id, message.block);
      this.hear(message.block.header);
      this.onHeard();
    }
    if (message.type === 'fetch' && this.answersFetches) this.#answer(peer, message);
    if (message.type === 'lease') this.send(peer, { type: 'lease-ok', timeMs: message.timeMs });
    this.onMessage(peer, message);
  }

  #answer(peer: number, { requestId, ids }: Extract<Message, { type: 'fetch' }>): void {
    this.send(peer, { type: 'fetch-reply', requestId, blocks: ids.flatMap((id) => this.#blocks.get(id) ?? []) });
  }

  #forget(below: Round): void {
    for (const round of this.heard.keys()) if (round < below) this.heard.delete(round);
    for (const [id, { header }] of this.#blocks) if (header.round < below) this.#blocks.delete(id);
  }

  #ownNewest(below: Round): BlockRef {
    for (let round = below - 1; round > 0; round--) {
      const own = this.heard.get(round)?.get(this.index);
      if (own !== undefined) return own;
      if (round < this.#quorumRound - REMEMBERED_ROUNDS) break;
    }
    return this.#genesis()[this.index] as BlockRef;
  }

  #genesis(): BlockRef[] {
    const running = this.#cluster.nodes.find(({ validator }) => validator !== undefined)?.validator;
    if (running === undefined) throw new Error('some validator runs');
    return this.#cluster.nodes.map((_, author) => running.replica.core.genesisRef(author));
  }

  #askLeases(): void {
    const timeMs = Math.floor(this.#cluster.time.monotonicMs());
    for (const peer of this.#cluster.nodes.keys()) if (peer !== this.index) this.send(peer, { type: 'lease', timeMs });
    this.#cluster.time.after(LEASE_INTERVAL_MS, () => this.#askLeases());
  }
}
