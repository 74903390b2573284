import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { Prng } from '../../../src/util/prng.ts';
import type { Transport } from '../../../src/util/transport.ts';
import { MemoryNetwork, type MemoryNetworkOptions } from '../../support/memory-transport.ts';
import { TransportRecorder } from '../../support/transport-recorder.ts';
import { VirtualTime } from '../../support/virtual-time.ts';

function build(options: Partial<MemoryNetworkOptions> = {}, nodes = 3, seed = 1) {
  const time = new VirtualTime();
  const network = new MemoryNetwork({ nodes, time, prng: new Prng(seed), ...options });
  const recorders = Array.from({ length: nodes }, () => new TransportRecorder());
  const transports: Transport[] = recorders.map((_, node) => network.transport(node));
  transports.forEach((transport, node) => void transport.start(recorders[node] as TransportRecorder));
  const isMesh = () =>
    recorders.every((recorder, node) => recorders.every((_, peer) => node === peer || recorder.isUp(peer)));
  assert.ok(time.runUntil(isMesh, 1_000));
  const [a, b] = transports as [Transport, Transport];
  const [atA, atB] = recorders as [TransportRecorder, TransportRecorder];
  return { time, network, recorders, transports, isMesh, a, b, atA, atB };
}

const BYTE = new Uint8Array(1);

describe('memory network', () => {
  it('gives the same run for the same seed', () => {
    const run = (seed: number) => {
      const { time, recorders, transports, network } = build({ frameLoss: 0.2 }, 3, seed);
      const log: string[] = [];
      recorders.forEach((recorder, node) => {
        recorder.changed = () =>
          log.push(`${time.monotonicMs()} ${node} ${recorder.frames.length} ${recorder.downs.length}`);
      });
      for (let i = 0; i < 100; i++) {
        transports[i % 3]?.send((i + 1) % 3, i % 2 === 0 ? 'consensus' : 'sync', new Uint8Array(1 + i));
        if (i === 50) network.kill(2);
        time.advance(1);
      }
      time.advance(1_000);
      return log;
    };
    assert.deepEqual(run(5), run(5));
    assert.notDeepEqual(run(5), run(6));
  });

  it('delays each frame by the latency and the rate, in order', () => {
    const { time, a, atB } = build({ latencyMs: () => 10, bytesPerMs: 104 });
    const startMs = time.monotonicMs();
    const arrivals: number[] = [];
    atB.onFrame = () => arrivals.push(time.monotonicMs() - startMs);
    a.send(1, 'sync', new Uint8Array(100));
    a.send(1, 'sync', new Uint8Array(100));
    time.advance(100);
    assert.deepEqual(arrivals, [11, 12]);
  });

  it('holds frames on a blocked path, one way, and delivers them when it heals', () => {
    const { time, network, a, b, atA, atB } = build();
    network.block(0, 1);
    a.send(1, 'sync', BYTE);
    b.send(0, 'sync', BYTE);
    time.advance(5_000);
    assert.deepEqual([atA.frames.length, atB.frames.length], [1, 0]);
    network.heal();
    time.advance(10);
    assert.equal(atB.frames.length, 1);
    time.advance(20_000);
    assert.deepEqual(atA.downs, []);
  });

  it('ends links across a long partition and links again after it', () => {
    const { time, network, recorders, isMesh, atA, atB } = build();
    network.partition([0]);
    time.advance(10_100);
    assert.deepEqual(
      atA.downs,
      [1, 2].map((peer) => ({ peer, reason: 'PEER_SILENT' })),
    );
    assert.ok(atB.isUp(2), 'the others stay linked');
    time.advance(60_000);
    assert.ok(!atA.isUp(1));
    network.heal();
    assert.ok(time.runUntil(isMesh, 10_000));
    assert.equal(recorders[2]?.downs.length, 1);
  });

  it('keeps frames and timers from a paused process until it is resumed', () => {
    const { time, network, a, atB } = build();
    let ticks = 0;
    network.timers(1).after(100, () => {
      ticks += 1;
    });
    network.pause(1);
    a.send(1, 'sync', BYTE);
    time.advance(5_000);
    assert.deepEqual([ticks, atB.frames.length], [0, 0]);
    network.resume(1);
    time.advance(1);
    assert.deepEqual([ticks, atB.frames.length], [1, 1]);
  });

  it('drops what does not fit while a peer is paused, and ends the link of one paused for long', () => {
    const { time, network, a, atA, atB } = build({ sendQueueBytes: 25 });
    network.pause(1);
    assert.deepEqual(
      [1, 2, 3, 4, 5, 6].map(() => a.send(1, 'sync', BYTE)),
      [...Array(5).fill('queued'), 'dropped'],
    );
    assert.equal(a.queuedBytes(1), 25);
    time.advance(20_000);
    assert.deepEqual(atA.downs, [{ peer: 1, reason: 'PEER_SILENT' }]);
    assert.deepEqual(atB.downs, []);
    network.resume(1);
    assert.equal(atB.downs.length, 2);
    assert.ok(time.runUntil(() => atA.isUp(1) && atB.isUp(0), 10_000));
  });

  it('ends timers and links with a killed process', () => {
    const { time, network, atA } = build();
    network.timers(1).after(5, () => assert.fail('a timer of a dead process'));
    network.kill(1);
    time.advance(1_000);
    assert.deepEqual(atA.downs, [{ peer: 1, reason: 'CONNECTION_LOST' }]);
    const again = new TransportRecorder();
    void network.transport(1).start(again);
    assert.ok(time.runUntil(() => again.isUp(0) && atA.isUp(1), 10_000));
  });

  it('loses the given share of frames', () => {
    const { time, a, atB } = build({ frameLoss: 0.3 });
    for (let i = 0; i < 1_000; i++) assert.equal(a.send(1, 'sync', BYTE), 'queued');
    time.advance(1_000);
    assert.ok(Math.abs(atB.frames.length - 700) < 60, `${atB.frames.length} of 1,000 arrived`);
  });

  it('slows a node by the extra delay', () => {
    const { time, network, a, atB } = build({ latencyMs: () => 1 });
    network.slow(0, 500);
    a.send(1, 'sync', BYTE);
    time.advance(500);
    assert.equal(atB.frames.length, 0);
    time.advance(10);
    assert.equal(atB.frames.length, 1);
  });
});
