import assert from 'node:assert/strict';
import { afterEach, beforeEach, describe, it } from 'node:test';
import { MAX_FRAME_BYTES } from '../../src/types/limits.ts';
import { AssertionFailure } from '../../src/util/assert.ts';
import { Prng } from '../../src/util/prng.ts';
import type { Channel, PeerIndex, Transport } from '../../src/util/transport.ts';
import { eventually } from '../support/eventually.ts';
import { type LoopbackCommittee, libp2pTransport, loopbackCommittee } from '../support/libp2p-network.ts';
import { MemoryNetwork } from '../support/memory-transport.ts';
import { TransportRecorder } from '../support/transport-recorder.ts';
import { VirtualTime } from '../support/virtual-time.ts';

const NODES = 3;
const SEND_QUEUE_BYTES = 5 * 1024 * 1024;

/** What the suite needs of an implementation. */
interface Harness {
  readonly name: string;
  create(): Promise<void>;
  /** A new process of the node. */
  transport(node: PeerIndex): Transport;
  until(condition: () => boolean, what: string): Promise<void>;
}

function memoryHarness(): Harness {
  let time: VirtualTime;
  let network: MemoryNetwork;
  return {
    name: 'in memory',
    create: async () => {
      time = new VirtualTime();
      network = new MemoryNetwork({ nodes: NODES, time, prng: new Prng(7), sendQueueBytes: SEND_QUEUE_BYTES });
    },
    transport: (node) => network.transport(node),
    until: async (condition, what) => {
      // Microtasks of the test run between steps.
      for (let i = 0; i < 100_000 && !condition(); i++) {
        time.step(Number.MAX_SAFE_INTEGER);
        await Promise.resolve();
      }
      assert.ok(condition(), what);
    },
  };
}

function libp2pHarness(): Harness {
  let committee: LoopbackCommittee;
  return {
    name: 'libp2p',
    create: async () => {
      committee = await loopbackCommittee(NODES);
    },
    transport: (node) => libp2pTransport(committee, node, { sendQueueBytes: SEND_QUEUE_BYTES }),
    until: eventually,
  };
}

for (const harness of [memoryHarness(), libp2pHarness()]) {
  describe(`transport contract, ${harness.name}`, () => {
    let transports: Transport[];
    let nodes: TransportRecorder[];

    const start = async (node: PeerIndex): Promise<void> => {
      nodes[node] = new TransportRecorder();
      transports[node] = harness.transport(node);
      await at(transports, node).start(at(nodes, node));
    };
    /** A round trip of node 2 with each other node: what was on its way before has had its time. */
    const roundTrips = async (): Promise<void> => {
      for (const node of [0, 1]) {
        const [there, back] = [at(nodes, node).of(2, 'sync').length, at(nodes, 2).of(node, 'sync').length];
        at(transports, node).send(2, 'sync', new Uint8Array([1]));
        await harness.until(() => at(nodes, 2).of(node, 'sync').length > back, 'a frame at node 2');
        at(transports, 2).send(node, 'sync', new Uint8Array([1]));
        await harness.until(() => at(nodes, node).of(2, 'sync').length > there, 'a frame from node 2');
      }
    };
    const linked = (a: PeerIndex, b: PeerIndex) => at(nodes, a).isUp(b) && at(nodes, b).isUp(a);

    beforeEach(async () => {
      transports = [];
      nodes = [];
      await harness.create();
      for (let node = 0; node < NODES; node++) await start(node);
      await harness.until(() => linked(0, 1) && linked(0, 2) && linked(1, 2), 'a full mesh');
    });
    afterEach(async () => {
      await Promise.all(transports.map((transport) => transport.stop()));
    });

    it('delivers the frames of each channel whole and in order', async () => {
      const prng = new Prng(3);
      const sent: Record<Channel, Uint8Array[]> = { consensus: [], sync: [] };
      for (let i = 0; i < 200; i++) {
        const channel = prng.pick<Channel>(['consensus', 'sync']);
        const frame = prng.bytes(1 + prng.below(3_000));
        const cut = prng.below(frame.length + 1);
        assert.equal(at(transports, 0).send(1, channel, frame.subarray(0, cut), frame.subarray(cut)), 'queued');
        sent[channel].push(frame);
      }
      await harness.until(() => at(nodes, 1).frames.length === 200, '200 frames');
      for (const channel of ['consensus', 'sync'] as const)
        assert.deepEqual(at(nodes, 1).of(0, channel), sent[channel]);
      assert.equal(at(nodes, 2).frames.length, 0);
    });

    it('carries frames both ways at once, up to the largest', async () => {
      const large = new Prng(4).bytes(MAX_FRAME_BYTES);
      at(transports, 0).send(1, 'sync', large);
      at(transports, 1).send(0, 'sync', large);
      const arrived = () => [0, 1].every((node) => at(nodes, node).frames.length === 1);
      await harness.until(arrived, 'the largest frame both ways');
      assert.deepEqual(at(nodes, 0).of(1, 'sync'), [large]);
      assert.deepEqual(at(nodes, 1).of(0, 'sync'), [large]);
    });

    it('delivers nothing while send runs', async () => {
      at(nodes, 1).onFrame = ({ frame }) => {
        if (frame.length >= 10) return;
        const before = at(nodes, 1).frames.length;
        at(transports, 1).send(0, 'consensus', new Uint8Array(frame.length + 1));
        assert.equal(at(nodes, 1).frames.length, before);
      };
      at(nodes, 0).onFrame = ({ frame }) =>
        void at(transports, 0).send(1, 'consensus', new Uint8Array(frame.length + 1));
      at(transports, 0).send(1, 'consensus', new Uint8Array(1));
      await harness.until(() => at(nodes, 1).frames.some(({ frame }) => frame.length >= 10), 'the ball to come back');
    });

    it('drops frames beyond the queue, and only those', async () => {
      const frame = new Uint8Array(1024 * 1024);
      const outcomes = Array.from({ length: 12 }, () => at(transports, 0).send(1, 'sync', frame));
      const queued = outcomes.filter((outcome) => outcome === 'queued').length;
      assert.deepEqual(new Set(outcomes.slice(queued)), new Set(['dropped']));
      assert.equal(queued, 4, 'four frames and their headers fit into 5 MiB');
      assert.ok(at(transports, 0).queuedBytes(1) <= SEND_QUEUE_BYTES);
      assert.equal(at(transports, 0).send(1, 'consensus', frame), 'queued', 'the other channel has a queue of its own');
      await harness.until(() => at(nodes, 1).frames.length === queued + 1, 'the queued frames');
      assert.equal(at(transports, 0).queuedBytes(1), 0);
      assert.equal(at(transports, 0).send(1, 'sync', frame), 'queued');
      await harness.until(() => at(nodes, 1).frames.length === queued + 2, 'one more');
    });

    it('refuses frames that are empty or too large', () => {
      assert.throws(() => at(transports, 0).send(1, 'sync'), AssertionFailure);
      assert.throws(
        () => at(transports, 0).send(1, 'sync', new Uint8Array(MAX_FRAME_BYTES), new Uint8Array(1)),
        AssertionFailure,
      );
    });

    it('is linked to nobody but the other members', () => {
      assert.equal(at(transports, 0).send(0, 'sync', new Uint8Array(1)), 'unlinked');
      assert.equal(at(transports, 0).send(NODES, 'sync', new Uint8Array(1)), 'unlinked');
      assert.equal(at(transports, 0).queuedBytes(NODES), 0);
    });

    it('ends a link at both ends, keeps it down for the hold, and brings it back', async () => {
      at(transports, 0).send(1, 'sync', new Uint8Array(1));
      at(transports, 0).close(1, 'BAD_SIGNATURE', 1_500);
      assert.equal(at(transports, 0).send(1, 'sync', new Uint8Array(1)), 'unlinked');
      assert.deepEqual(at(nodes, 0).downs, [], 'not during the call');
      await harness.until(() => !at(nodes, 0).isUp(1) && !at(nodes, 1).isUp(0), 'both ends down');
      assert.deepEqual(at(nodes, 0).downs, [{ peer: 1, reason: 'BAD_SIGNATURE' }]);
      assert.deepEqual(at(nodes, 1).downs, [{ peer: 0, reason: 'CONNECTION_LOST' }]);
      assert.ok(linked(0, 2) && linked(1, 2), 'other links stay');
      await roundTrips();
      assert.ok(!at(nodes, 0).isUp(1), 'still held');
      await harness.until(() => linked(0, 1), 'the link again');
      at(transports, 1).send(0, 'sync', new Uint8Array([7]));
      await harness.until(() => at(nodes, 0).of(1, 'sync').length === 1, 'a frame over the new link');
    });

    it('delivers no frame of a link that the receiver closed while reading', async () => {
      at(nodes, 1).onFrame = ({ peer }) => {
        if (peer === 0) at(transports, 1).close(0, 'ENOUGH', 60_000);
      };
      for (let i = 0; i < 50; i++) at(transports, 0).send(1, 'consensus', new Uint8Array(10));
      await harness.until(() => !at(nodes, 0).isUp(1), 'the link down');
      await roundTrips();
      assert.equal(at(nodes, 1).of(0, 'consensus').length, 1);
    });

    it('links again with a member that stopped and came back', async () => {
      await at(transports, 1).stop();
      assert.deepEqual(
        at(nodes, 1).downs.map((down) => down.reason),
        ['STOPPED', 'STOPPED'],
      );
      await harness.until(() => !at(nodes, 0).isUp(1) && !at(nodes, 2).isUp(1), 'the links down');
      await start(1);
      await harness.until(() => linked(0, 1) && linked(1, 2), 'the links again');
      at(transports, 1).send(0, 'consensus', new Uint8Array([1, 2]));
      await harness.until(() => at(nodes, 0).of(1, 'consensus').length === 1, 'a frame of the new process');
    });

    it('sends what was queued before it stops', async () => {
      at(transports, 1).send(0, 'consensus', new Uint8Array([9]));
      await roundTrips();
      at(transports, 1).send(0, 'consensus', new Uint8Array([10]));
      await at(transports, 1).stop();
      await harness.until(() => at(nodes, 0).of(1, 'consensus').length === 2, 'the last frame');
    });
  });
}

function at<T>(items: readonly T[], index: number): T {
  const item = items[index];
  assert.ok(item !== undefined);
  return item;
}
