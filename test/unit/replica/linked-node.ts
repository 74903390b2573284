import assert from 'node:assert/strict';
import type { Committee } from '../../../src/params/committee.ts';
import type { PeerFault } from '../../../src/replica/errors.ts';
import { channelOf, type LinkEvents, Links } from '../../../src/replica/links.ts';
import { DEFAULT_REPLICA_OPTIONS, PROTOCOL_VERSION, type ReplicaOptions } from '../../../src/replica/options.ts';
import { id, type NetworkId, type ParamsHash } from '../../../src/types/ids.ts';
import type { ExchangeState, Hello, Message } from '../../../src/types/message.ts';
import { decodeMessage, encodeMessage } from '../../../src/types/message-codec.ts';
import { concatBytes } from '../../../src/util/bytes.ts';
import { SILENT_LOGGER } from '../../../src/util/logger.ts';
import type { Channel, PeerIndex, SendOutcome, Transport, TransportEvents } from '../../../src/util/transport.ts';
import { committeeOf } from '../../support/committees.ts';
import { shaHasher } from '../../support/sha-hasher.ts';
import { VirtualTime } from '../../support/virtual-time.ts';

export const NETWORK = id<NetworkId>('4e'.repeat(32));
export const PARAMS = id<ParamsHash>('9a'.repeat(32));
const OWN = 0;

export const bootId = (number: number): string => number.toString(16).padStart(32, '0');

/** Takes every frame and shows what was sent; says `outcome` to whoever sends. */
export class FakeTransport implements Transport {
  readonly sent: { readonly peer: PeerIndex; readonly channel: Channel; readonly message: Message }[] = [];
  readonly closed: { readonly peer: PeerIndex; readonly reason: string; readonly holdMs: number }[] = [];
  outcome: SendOutcome = 'queued';
  queued = 0;
  stopped = false;
  events: TransportEvents | undefined;

  async start(events: TransportEvents): Promise<void> {
    this.events = events;
  }

  async stop(): Promise<void> {
    this.stopped = true;
  }

  send(peer: PeerIndex, channel: Channel, ...frame: readonly Uint8Array[]): SendOutcome {
    if (this.outcome === 'queued') {
      this.sent.push({ peer, channel, message: decodeMessage(shaHasher, concatBytes(...frame)) });
    }
    return this.outcome;
  }

  close(peer: PeerIndex, reason: string, holdMs: number): void {
    this.closed.push({ peer, reason, holdMs });
    this.events?.linkDown(peer, reason);
  }

  queuedBytes(): number {
    return this.queued;
  }
}

/** The links of member 0 over a transport that the test plays. */
export class LinkedNode {
  readonly committee: Committee;
  readonly options: ReplicaOptions;
  readonly time = new VirtualTime();
  readonly transport = new FakeTransport();
  readonly links: Links;
  /** What the links told the replica, in order. */
  readonly heard: string[] = [];
  readonly messages: { readonly peer: number; readonly message: Message }[] = [];

  constructor(powers: readonly number[] = [1, 1, 1, 1], options: Partial<ReplicaOptions> = {}) {
    this.committee = committeeOf(powers);
    this.options = { ...DEFAULT_REPLICA_OPTIONS, ...options };
    const identity = { networkId: NETWORK, epoch: 1, own: OWN, bootId: bootId(1) };
    const { time, transport, committee } = this;
    const events: LinkEvents = {
      established: (peer) => this.heard.push(`established ${peer}`),
      lost: (peer) => this.heard.push(`lost ${peer}`),
      message: (peer, message) => this.messages.push({ peer, message }),
      leaseRenewed: () => this.heard.push('lease renewed'),
      identityRefused: (peer, askedMs, nowMs) => this.heard.push(`refused ${peer}, asked ${askedMs}, now ${nowMs}`),
      owed: (peer) => this.heard.push(`owed ${peer}`),
      pulse: (peer) => this.heard.push(`pulse ${peer}`),
      state: () => this.state,
    };
    this.links = new Links(
      { identity, committee, paramsHash: PARAMS, options: this.options },
      { transport, hasher: shaHasher, clock: time, timers: time, logger: SILENT_LOGGER },
      events,
    );
  }

  get state(): ExchangeState {
    const highestRounds = this.committee.members.map(() => 0);
    return { lastOwnRound: 0, highestRounds, gcRound: 0, commitIndex: 0, certificateIndex: 0 };
  }

  async start(mayHaveGranted = false): Promise<this> {
    await this.links.start(mayHaveGranted);
    return this;
  }

  /** What that peer says first, with changes. */
  hello(peer: number, changes: Partial<Hello> = {}): Hello {
    return {
      type: 'hello',
      networkId: NETWORK,
      epoch: 1,
      paramsHash: PARAMS,
      protocolVersion: PROTOCOL_VERSION,
      author: peer,
      bootId: bootId(100 + peer),
      senderPeerId: `peer-${peer}`,
      receiverPeerId: `peer-${OWN}`,
      state: this.state,
      ...changes,
    };
  }

  /** A link comes up and the peer greets. */
  greet(peer: number, changes: Partial<Hello> = {}): void {
    this.links.linkUp(peer);
    this.receive(peer, this.hello(peer, changes));
  }

  greetAll(): void {
    for (let peer = 1; peer < this.committee.size; peer++) this.greet(peer);
  }

  receive(peer: number, message: Message, channel = channelOf(message)): void {
    this.links.frame(peer, channel, encodeMessage(message));
  }

  sent<Type extends Message['type']>(type: Type, peer?: number): Extract<Message, { type: Type }>[] {
    return this.transport.sent
      .filter((entry) => peer === undefined || entry.peer === peer)
      .map(({ message }) => message)
      .filter((message) => message.type === type) as Extract<Message, { type: Type }>[];
  }

  /** What was sent since the last call, as `type > peer`. */
  takeSent(): string[] {
    return this.transport.sent.splice(0).map(({ peer, message }) => `${message.type} > ${peer}`);
  }

  assertClosed(peer: number, reason: PeerFault | string, holdMs: number): void {
    assert.deepEqual(this.transport.closed.at(-1), { peer, reason, holdMs });
  }
}
