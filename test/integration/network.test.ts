import assert from 'node:assert/strict';
import { fork } from 'node:child_process';
import { once } from 'node:events';
import { connect } from 'node:net';
import { afterEach, describe, it } from 'node:test';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import type { Connection } from '@libp2p/interface';
import { parseAddress } from '../../src/network/address.ts';
import { NetworkError, type NetworkOptions } from '../../src/network/index.ts';
import type { Clock } from '../../src/util/clock.ts';
import { Prng } from '../../src/util/prng.ts';
import { eventually } from '../support/eventually.ts';
import {
  committeeArgument,
  type LoopbackCommittee,
  libp2pTransport,
  loopbackCommittee,
} from '../support/libp2p-network.ts';
import {
  addressOf,
  HANDSHAKES_REFUSED,
  isLinked,
  isMesh,
  NetworkBed,
  PROTOCOLS,
  type Running,
} from '../support/network-bed.ts';
import { TransportRecorder } from '../support/transport-recorder.ts';

const REFUSED = 'av10_network_connections_refused_total';

/** 21 handshakes at both ends in one process take a second or two; a loaded machine needs more. */
const MESH_LIMIT_MS = 60_000;

describe('libp2p transport on loopback', () => {
  const bed = new NetworkBed();

  afterEach(() => bed.stop());

  /** A committee of two, and which of them has the lower (or higher) peer id. */
  async function orderedPair(isLower: boolean): Promise<{ committee: LoopbackCommittee; self: number; other: number }> {
    const committee = await loopbackCommittee(2);
    const [a, b] = committee.peers.map((peer) => peer.peerId) as [string, string];
    const self = a < b === isLower ? 0 : 1;
    return { committee, self, other: 1 - self };
  }

  for (const size of [4, 7]) {
    it(`brings up the full mesh of ${size} from one address, each link once`, async () => {
      const nodes = await bed.runAll(await loopbackCommittee(size));
      await eventually(() => isMesh(nodes), 'a full mesh', MESH_LIMIT_MS);
      assert.deepEqual(
        new Set(nodes.map((node) => node.recorder.ups.length)),
        new Set([size - 1]),
        'each link came up once',
      );
    });
  }

  it('keeps exactly one link where both ends dial at the same moment', async () => {
    for (let seed = 1; seed <= 5; seed++) {
      const nodes = await bed.runAll(await loopbackCommittee(2, seed), { timing: { higherDialDelayMs: 0 } });
      await eventually(() => isMesh(nodes), 'the link');
      const [a, b] = nodes as [Running, Running];
      for (let round = 1; round <= 3; round++) {
        a.transport.send(1, 'consensus', new Uint8Array([round]));
        await eventually(() => b.recorder.of(0, 'consensus').length === round, 'a frame there');
        b.transport.send(0, 'consensus', new Uint8Array([round]));
        await eventually(() => a.recorder.of(1, 'consensus').length === round, 'a frame back');
      }
      assert.deepEqual([a.recorder.ups, b.recorder.ups], [[1], [0]]);
      assert.deepEqual([a.recorder.downs, b.recorder.downs], [[], []]);
    }
  });

  it('lets the dial of the lower peer id win while neither link is up', async () => {
    for (const isLower of [true, false]) {
      const { committee, self, other } = await orderedPair(isLower);
      const host = await bed.rawHost(committee, other, committee.peers[other]?.address);
      const { streams: opened, confirm } = await bed.acceptStreams(host);
      const node = await bed.run(committee, self);
      await eventually(() => opened.length === 2, 'the streams that the node opened');
      const connection = await bed.dialWithStreams(host, committee, self);
      if (isLower) {
        await eventually(() => connection.status !== 'open', 'the dial of the higher refused');
        confirm();
      }
      await eventually(() => node.recorder.isUp(other), 'the link');
      assert.equal(node.instruments.total(REFUSED, { reason: 'DUPLICATE' }), isLower ? 1 : 0);
      if (isLower) assert.equal(opened[0]?.status, 'open');
      else await eventually(() => opened[0]?.status !== 'open', 'the own dial of the higher given up');
    }
  });

  it('takes a second connection for a lost link, except one dialled at the same moment', async () => {
    const { committee, self, other } = await orderedPair(true);
    const host = await bed.rawHost(committee, other, committee.peers[other]?.address);
    const { streams: opened, confirm } = await bed.acceptStreams(host);
    let lateMs = 0;
    const clock: Clock = { wallMs: () => Date.now(), monotonicMs: () => performance.now() + lateMs };
    const node = await bed.run(committee, self, {}, { clock });
    await eventually(() => opened.length === 2, 'the streams that the node opened');
    confirm();
    await eventually(() => node.recorder.isUp(other), 'the link');
    const early = await bed.dialWithStreams(host, committee, self);
    await eventually(() => early.status !== 'open', 'the simultaneous dial refused');
    assert.deepEqual(node.recorder.downs, []);
    lateMs = 60_000;
    await bed.dialWithStreams(host, committee, self);
    await eventually(() => node.recorder.ups.length === 2, 'the new link');
    assert.deepEqual(node.recorder.downs, [{ peer: other, reason: 'REPLACED' }]);
  });

  it("admits many connections a second from the committee's addresses", async () => {
    const committee = await loopbackCommittee(4);
    await bed.run(committee, 0);
    const host = await bed.rawHost(committee, 1);
    for (let i = 0; i < 12; i++) await host.dial(addressOf(committee, 0), { force: true });
  });

  it('says where it listens', async () => {
    const committee = await loopbackCommittee(1);
    const { transport } = await bed.run(committee, 0, { listen: '127.0.0.1:0' });
    assert.match(transport.listenAddresses.join(), /^127\.0\.0\.1:[1-9]\d*$/);
  });

  it('reports how a link is protected from what was negotiated', async () => {
    const [a] = (await bed.runAll(await loopbackCommittee(2))) as [Running, Running];
    assert.equal(a.transport.linkPosture(1), undefined);
    await eventually(() => a.recorder.isUp(1), 'the link');
    const { sinceMs, ...posture } = a.transport.linkPosture(1) ?? assert.fail('a posture');
    assert.deepEqual(posture, {
      encryption: '/av10/tls/1',
      keyExchange: 'SecP384r1MLKEM1024',
      authentication: 'ML-DSA-87',
      cipher: 'TLS_AES_256_GCM_SHA384',
      category: 5,
      keySequence: 0,
    });
    assert.ok(Math.abs(Date.now() - sinceMs) < 10_000);
  });

  it('takes addresses from overrides', async () => {
    const committee = await loopbackCommittee(2);
    const unreachable = {
      ...committee,
      peers: committee.peers.map((peer) => ({ ...peer, address: 'no-such-host.invalid:1' })),
    };
    const overrides = new Map(committee.peers.map((peer) => [peer.name, peer.address]));
    const nodes = await Promise.all(
      committee.peers.map((peer, node) =>
        bed.run(unreachable, node, { listen: peer.address, addressOverrides: overrides }),
      ),
    );
    await eventually(() => isMesh(nodes), 'the link');
  });

  it('starts only with the key and the peer ids of the genesis, on a free address', async () => {
    const committee = await loopbackCommittee(3);
    const refused = async (options: Partial<NetworkOptions>, expected: object): Promise<void> => {
      const transport = libp2pTransport(committee, 0, options);
      bed.stops.push(() => transport.stop());
      await assert.rejects(transport.start(new TransportRecorder()), (error) => {
        assert.ok(error instanceof NetworkError);
        assert.deepEqual({ code: error.code, ...error.fields }, expected);
        return true;
      });
    };
    const [self, other] = committee.peers;
    assert.ok(self !== undefined && other !== undefined);
    const peerKey = committee.peerKeys[1] ?? assert.fail();
    await refused({ peerKey }, { code: 'PEER_KEY_MISMATCH', peerId: other.peerId, expected: self.peerId });
    await refused({ peerKey: new Uint8Array(31) }, { code: 'PEER_KEY_INVALID', bytes: 31 });
    await refused({ peers: [self, { ...other, peerId: 'Qm' }] }, { code: 'PEER_ID_INVALID', peerId: 'Qm' });
    await refused({ peers: [self, { ...other, address: 'host' }] }, { code: 'ADDRESS_INVALID', address: 'host' });
    await bed.run(committee, 0);
    await refused({}, { code: 'LISTEN_FAILED', address: self.address });
  });

  it('refuses a stranger, and a member that connects to itself', async () => {
    const committee = await loopbackCommittee(2);
    const nodes = await bed.runAll(committee);
    const stranger = await bed.rawHost(committee, 'stranger');
    await bed.assertRefused(stranger, committee, 0);
    assert.equal(nodes[0]?.instruments.total(HANDSHAKES_REFUSED, { code: 'NOT_A_MEMBER' }), 1);
    const self = await bed.rawHost(committee, 0);
    await assert.rejects(self.dial(addressOf(committee, 0)), 'libp2p does not dial the own id');
    await eventually(() => isMesh(nodes), 'the link of the members');
  });

  it('refuses a member that was sent away, by the gate and on a connection it already had', async () => {
    const committee = await loopbackCommittee(2);
    const node = await bed.run(committee, 0);
    const host = await bed.rawHost(committee, 1);
    const connection = await host.dial(addressOf(committee, 0));
    await connection.newStream(PROTOCOLS.sync);
    node.transport.close(1, 'BAD_SIGNATURE', 60_000);
    await Promise.allSettled([connection.newStream(PROTOCOLS.consensus)]);
    await eventually(() => connection.status !== 'open', 'the open connection refused', 1_000);
    await bed.assertRefused(host, committee, 0);
    assert.equal(node.instruments.total(REFUSED, { reason: 'DUPLICATE' }), 1);
    assert.equal(node.instruments.total(REFUSED, { reason: 'NOT_ADMITTED' }), 1);
    assert.deepEqual(node.recorder.ups, []);
  });

  it('ends only the link on which garbage arrives', async () => {
    const committee = await loopbackCommittee(3);
    const nodes = await Promise.all([bed.run(committee, 0), bed.run(committee, 1)]);
    await eventually(() => nodes[0].recorder.isUp(1), 'the link of the honest members');
    const villain = await bed.rawHost(committee, 2);
    const connection = await villain.dial(addressOf(committee, 0));
    const consensus = await connection.newStream(PROTOCOLS.consensus);
    await connection.newStream(PROTOCOLS.sync);
    await eventually(() => nodes[0].recorder.isUp(2), 'the link of the villain');
    bed.sendBinding(villain, connection, consensus);
    consensus.send(new Prng(5).bytes(50_000).fill(0xff, 0, 4));
    await eventually(() => nodes[0].recorder.downs.length === 1, 'its end');
    assert.deepEqual(nodes[0].recorder.downs, [{ peer: 2, reason: 'FRAME_TOO_LARGE' }]);
    await eventually(() => connection.status !== 'open', 'the connection closed');
    assert.ok(isLinked(nodes[0], 1) && isLinked(nodes[1], 0));
  });

  it('gives up connections that do not open both streams', async () => {
    const committee = await loopbackCommittee(2);
    const node = await bed.run(committee, 0);
    const lazy = await bed.rawHost(committee, 1);
    const connections: Connection[] = [];
    for (let i = 0; i < 3; i++) connections.push(await lazy.dial(addressOf(committee, 0), { force: true }));
    await eventually(() => connections[0]?.status !== 'open', 'the oldest of three pending connections closed', 1_000);
    await connections[2]?.newStream(PROTOCOLS.sync);
    await eventually(() => connections.every((connection) => connection.status !== 'open'), 'all given up', 5_000);
    assert.equal(node.instruments.total(REFUSED, { reason: 'INCOMPLETE' }), 3);
    assert.deepEqual(node.recorder.ups, []);
  });

  it('ends a connection on which a third stream is opened', async () => {
    const committee = await loopbackCommittee(2);
    const node = await bed.run(committee, 0);
    const host = await bed.rawHost(committee, 1);
    const connection = await bed.dialWithStreams(host, committee, 0);
    await eventually(() => node.recorder.isUp(1), 'the link');
    await Promise.allSettled([connection.newStream(PROTOCOLS.sync)]);
    await eventually(() => !node.recorder.isUp(1), 'its end');
    assert.deepEqual(node.recorder.downs, [{ peer: 1, reason: 'CONNECTION_LOST' }]);
  });

  it('lets a member that lost its link replace it', async () => {
    const committee = await loopbackCommittee(2);
    const node = await bed.run(committee, 0);
    for (const process of [1, 2]) {
      await bed.dialWithStreams(await bed.rawHost(committee, 1), committee, 0);
      await eventually(() => node.recorder.ups.length === process, 'the link of the process');
    }
    assert.deepEqual(node.recorder.downs, [{ peer: 1, reason: 'REPLACED' }]);
    assert.ok(node.recorder.isUp(1));
  });

  it('ends a link that stays silent', async () => {
    const committee = await loopbackCommittee(2);
    const node = await bed.run(committee, 0, { timing: { beatMs: 50 } });
    const mute = await bed.rawHost(committee, 1);
    await bed.dialWithStreams(mute, committee, 0);
    await eventually(() => node.recorder.downs.length > 0, 'the end of the link', 2_000);
    assert.deepEqual(node.recorder.downs[0], { peer: 1, reason: 'PEER_SILENT' });
  });

  it('keeps idle links up', async () => {
    const nodes = await bed.runAll(await loopbackCommittee(2), { timing: { beatMs: 20 } });
    await eventually(() => isMesh(nodes), 'the link');
    const writes = () => nodes[0]?.instruments.total('av10_network_writes_total') ?? 0;
    const before = writes();
    await eventually(() => writes() >= before + 20, 'twenty keep-alives');
    assert.ok(isMesh(nodes) && nodes.every((node) => node.recorder.downs.length === 0));
  });

  it('keeps its promises through random closes and restarts, and comes back', async () => {
    const prng = new Prng(11);
    const committee = await loopbackCommittee(4, 11);
    const nodes = await bed.runAll(committee, { timing: { higherDialDelayMs: 0 } });
    for (let step = 0; step < 400; step++) {
      const node = prng.below(4);
      const transport = nodes[node]?.transport;
      if (step % 40 === 0) {
        await transport?.stop();
        nodes[node] = await bed.run(committee, node, { timing: { higherDialDelayMs: 0 } });
      } else if (prng.chance(0.1)) transport?.close(prng.below(4), 'TEST', prng.below(100));
      for (let i = 0; i < 10; i++)
        transport?.send(prng.below(4), prng.pick(['consensus', 'sync']), prng.bytes(1 + prng.below(5_000)));
      await new Promise<void>((resolve) => setImmediate(resolve));
    }
    await eventually(() => isMesh(nodes), 'the full mesh again', 20_000);
    assert.ok(nodes.some((node) => node.recorder.frames.length > 0));
  });

  it('spends bounded memory on a stopped process, ends its link, and takes it back', async (context) => {
    const committee = await loopbackCommittee(2);
    const { transport, recorder } = await bed.run(committee, 0, { timing: { beatMs: 1_000 } });
    const argument = committeeArgument(committee);
    const child = fork(new URL('./stalling-peer.ts', import.meta.url), [argument]);
    bed.stops.push(async () => {
      child.kill('SIGKILL');
      if (child.exitCode === null && child.signalCode === null) await once(child, 'exit');
    });
    await eventually(() => recorder.isUp(1), 'the link');
    const rssBefore = process.memoryUsage.rss();
    const before = memoryBytes();
    child.kill('SIGSTOP');
    let dropped = 0;
    for (let i = 0; i < 256; i++) {
      for (const channel of ['consensus', 'sync'] as const) {
        if (transport.send(1, channel, new Uint8Array(512 * 1024).fill(i)) === 'dropped') dropped += 1;
      }
      await new Promise<void>((resolve) => setImmediate(resolve));
    }
    const grown = memoryBytes() - before;
    const rssGrown = process.memoryUsage.rss() - rssBefore;
    context.diagnostic(
      `256 MiB offered, ${dropped} of 512 frames dropped, ${mebibytes(grown)} MiB held, RSS +${mebibytes(rssGrown)} MiB`,
    );
    assert.ok(dropped > 400, `${dropped} frames dropped`);
    assert.ok(grown < 64 * 1024 * 1024, `${grown} bytes held for one stopped peer`);
    await eventually(() => recorder.downs.length === 1, 'the end of the link');
    assert.deepEqual(recorder.downs, [{ peer: 1, reason: 'SLOW_PEER' }]);
    await eventually(() => memoryBytes() - before < 8 * 1024 * 1024, 'the memory given back');
    child.kill('SIGCONT');
    await eventually(() => recorder.isUp(1), 'the link again', 20_000);
  });

  it('keeps validator links through a flood of connections', async () => {
    const committee = await loopbackCommittee(4);
    const nodes = await bed.runAll(committee);
    await eventually(() => isMesh(nodes), 'a full mesh');
    const [target] = nodes as [Running];
    const { host, port } = parseAddress(committee.peers[0]?.address ?? '');
    const sockets = Array.from({ length: 200 }, () => connect(port, host).on('error', () => undefined));
    const stranger = await bed.rawHost(committee, 'stranger');
    for (let i = 0; i < 20; i++) {
      const dials = Array.from({ length: 5 }, () => bed.assertRefused(stranger, committee, 0));
      target.transport.send(1, 'consensus', new Uint8Array([i]));
      await Promise.all(dials);
    }
    const received = () => nodes[1]?.recorder.of(0, 'consensus').length;
    await eventually(() => received() === 20, 'the frames sent meanwhile');
    await eventually(() => sockets.every((socket) => socket.destroyed), 'half-open connections closed', 5_000);
    assert.ok(isMesh(nodes));
    assert.deepEqual(
      nodes.flatMap((node) => node.recorder.downs),
      [],
    );
    assert.ok(target.instruments.total(REFUSED, { reason: 'RATE' }) >= 100);
  });
});

function mebibytes(bytes: number): string {
  return (bytes / 2 ** 20).toFixed(1);
}

/** Buffers that are in use, after a collection; the second one waits until the first has swept what it found. */
function memoryBytes(): number {
  setFlagsFromString('--expose-gc');
  const gc = runInNewContext('gc') as () => void;
  gc();
  gc();
  return process.memoryUsage().arrayBuffers;
}
