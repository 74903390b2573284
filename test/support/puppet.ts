import { signatureContext } from '../../src/crypto/domains.ts';
import { paramsHash } from '../../src/params/protocol-parameters.ts';
import { channelOf } from '../../src/replica/links.ts';
import { PROTOCOL_VERSION } from '../../src/replica/options.ts';
import type { BlockRef, Header, SignedHeader } from '../../src/types/block.ts';
import { blockId, encodeHeader } from '../../src/types/block-codec.ts';
import type { Round } from '../../src/types/ids.ts';
import type { ExchangeState, Message, WireBlock } from '../../src/types/message.ts';
import { decodeMessage, encodeMessage } from '../../src/types/message-codec.ts';
import { encodePayload, parsePayload } from '../../src/types/payload.ts';
import { fromHex } from '../../src/util/bytes.ts';
import type { Channel, Transport, TransportEvents } from '../../src/util/transport.ts';
import type { Cluster } from './cluster.ts';

const LEASE_INTERVAL_MS = 1_000;

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
  readonly #cluster: Cluster;
  readonly #transport: Transport;
  #state: ExchangeState;

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

  /** The newest round in which blocks with a quorum of the power were heard. */
  get quorumRound(): Round {
    const { committee } = this.#cluster.genesis;
    const power = (refs: Map<number, BlockRef>): number =>
      [...refs.keys()].reduce((sum, author) => sum + committee.power(author), 0);
    return Math.max(0, ...[...this.heard].flatMap(([round, refs]) => (power(refs) >= committee.quorum ? [round] : [])));
  }

  /** A block on everything heard of the round below, own block first; `changes` makes it another, or a wrong one. */
  async block(round: Round, changes: Partial<Header> = {}): Promise<WireBlock> {
    const { hasher, genesis, time } = this.#cluster;
    const payload = encodePayload([]);
    const { digest } = parsePayload(hasher, payload, 0);
    const header: Header = {
      version: 1,
      epoch: 1,
      round,
      author: this.index,
      timestampMs: time.wallMs(),
      executedCommit: 0,
      ancestors: this.#ancestors(round),
      payload: { digest, bytes: 0, txCount: 0 },
      attestations: [],
      ...changes,
    };
    const bytes = encodeHeader(header);
    const ref = { round, author: this.index, id: blockId(hasher, bytes) };
    const context = signatureContext('block', fromHex(genesis.networkId));
    const signature = await this.#cluster.signerOf(this.index).sign(context, bytes);
    return { header: { ...header, ref, bytes, signature }, payload };
  }

  /** As if it came from the network. */
  hear({ ref }: SignedHeader): void {
    const round = this.heard.get(ref.round) ?? new Map<number, BlockRef>();
    this.heard.set(ref.round, round);
    if (!round.has(ref.author)) round.set(ref.author, ref);
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
    if (message.type === 'block') this.hear(message.block.header);
    if (message.type === 'lease') this.send(peer, { type: 'lease-ok', timeMs: message.timeMs });
    this.onMessage(peer, message);
  }

  #ancestors(round: Round): BlockRef[] {
    const below = [...(this.heard.get(round - 1)?.values() ?? [])];
    const refs = round === 1 ? this.#genesis() : below;
    const own = refs.find(({ author }) => author === this.index) ?? this.#ownNewest(round);
    return [own, ...refs.filter(({ author }) => author !== this.index).sort((a, b) => a.author - b.author)];
  }

  #ownNewest(below: Round): BlockRef {
    for (let round = below - 1; round > 0; round--) {
      const own = this.heard.get(round)?.get(this.index);
      if (own !== undefined) return own;
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
