import assert from 'node:assert/strict';
import type { Connection, Stream } from '@libp2p/interface';
import type { Multiaddr } from '@multiformats/multiaddr';
import { parseAddress, toMultiaddr } from '../../src/network/address.ts';
import { encodeFrame } from '../../src/network/frame-codec.ts';
import { createHost } from '../../src/network/host.ts';
import type { Libp2pTransport, NetworkModules, NetworkOptions } from '../../src/network/index.ts';
import type { TlsEncrypter } from '../../src/network/tls-encrypter.ts';
import { Prng } from '../../src/util/prng.ts';
import { CountingInstruments } from './counting-instruments.ts';
import { eventually } from './eventually.ts';
import {
  type LoopbackCommittee,
  libp2pTransport,
  memberSeed,
  TEST_NETWORK_ID,
  testEncrypter,
} from './libp2p-network.ts';
import { TransportRecorder } from './transport-recorder.ts';

/** The name of the counter of refused handshakes. */
export const HANDSHAKES_REFUSED = 'av10_network_handshakes_refused_total';
export const PROTOCOLS = { consensus: `/av10/${TEST_NETWORK_ID}/consensus/1`, sync: `/av10/${TEST_NETWORK_ID}/sync/1` };

export type Host = Awaited<ReturnType<typeof createHost>>;

export interface Running {
  readonly transport: Libp2pTransport;
  readonly recorder: TransportRecorder;
  readonly instruments: CountingInstruments;
}

/** Nodes and bare hosts of a test on loopback, which all stop with it. */
export class NetworkBed {
  readonly stops: (() => Promise<unknown>)[] = [];
  readonly #encrypters = new Map<Host, TlsEncrypter>();

  async stop(): Promise<void> {
    await Promise.all(this.stops.splice(0).map((stop) => stop()));
  }

  async run(
    committee: LoopbackCommittee,
    node: number,
    options: Partial<NetworkOptions> = {},
    modules: Partial<NetworkModules> = {},
  ): Promise<Running> {
    const instruments = new CountingInstruments();
    const running = {
      transport: libp2pTransport(committee, node, options, { instruments, ...modules }),
      recorder: new TransportRecorder(),
      instruments,
    };
    this.stops.push(() => running.transport.stop());
    await running.transport.start(running.recorder);
    return running;
  }

  async runAll(committee: LoopbackCommittee, options: Partial<NetworkOptions> = {}): Promise<Running[]> {
    return await Promise.all(committee.peers.map((_, node) => this.run(committee, node, options)));
  }

  /** A host that speaks nothing by itself: the other end of whatever a test does to a node. */
  async rawHost(committee: LoopbackCommittee, node: number | 'stranger', listen = '127.0.0.1:0'): Promise<Host> {
    const isMember = node !== 'stranger';
    const peerKey = isMember ? (committee.peerKeys[node] ?? assert.fail()) : new Prng(99).bytes(32);
    const linkSeed = memberSeed(committee, isMember ? node : 99, 'link');
    const linkEncrypter = await testEncrypter(committee, peerKey, { seed: linkSeed });
    const host = await createHost({
      peerKey,
      listen,
      linkEncrypter,
      gater: {},
      knownHosts: new Set(['127.0.0.1']),
      members: 4,
    });
    this.#encrypters.set(host, linkEncrypter);
    await host.start();
    this.stops.push(async () => host.stop());
    return host;
  }

  /** Streams that a node opens to the host, which answers nothing before it confirms the link by its binding. */
  async acceptStreams(host: Host): Promise<{ readonly streams: Stream[]; confirm(): void }> {
    const streams: Stream[] = [];
    let confirm: () => void = () => assert.fail('no consensus stream yet');
    for (const protocol of Object.values(PROTOCOLS)) {
      await host.handle(protocol, (stream, connection) => {
        streams.push(stream);
        if (protocol === PROTOCOLS.consensus) confirm = () => this.sendBinding(host, connection, stream);
      });
    }
    return { streams, confirm: () => confirm() };
  }

  sendBinding(host: Host, connection: Connection, consensus: Stream): void {
    const { binding } = this.#encrypters.get(host)?.sessionOf(connection) ?? assert.fail('a session');
    for (const chunk of encodeFrame([binding]).chunks) consensus.send(chunk);
  }

  async dialWithStreams(host: Host, committee: LoopbackCommittee, node: number): Promise<Connection> {
    const connection = await host.dial(addressOf(committee, node), { force: true });
    await openStreams(connection);
    return connection;
  }

  async assertRefused(host: Host, committee: LoopbackCommittee, node: number): Promise<void> {
    let status = 'refused';
    try {
      const connection = await host.dial(addressOf(committee, node), { force: true });
      await eventually(() => connection.status !== 'open', 'the stranger sent away', 1_000);
      status = connection.status;
    } catch (error) {
      assert.ok(error instanceof Error);
    }
    assert.notEqual(status, 'open');
  }
}

export function addressOf(committee: LoopbackCommittee, node: number): Multiaddr {
  const peer = committee.peers[node] ?? assert.fail();
  return toMultiaddr(parseAddress(peer.address), peer.peerId);
}

/** Opens both streams, as far as the other end does not refuse the connection meanwhile. */
async function openStreams(connection: Connection): Promise<void> {
  await Promise.allSettled(Object.values(PROTOCOLS).map((protocol) => connection.newStream(protocol)));
}

export function isLinked(node: Running, peer: number): boolean {
  return node.recorder.isUp(peer);
}

export function isMesh(nodes: readonly Running[]): boolean {
  return nodes.every((node, index) => nodes.every((_, peer) => index === peer || isLinked(node, peer)));
}
