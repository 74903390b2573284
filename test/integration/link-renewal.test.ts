import assert from 'node:assert/strict';
import { afterEach, describe, it } from 'node:test';
import { SecretBytes } from '../../src/crypto/secret-bytes.ts';
import { encodeFrame } from '../../src/network/frame-codec.ts';
import { LINK_MAX_AGE_MS, SIMULTANEOUS_DIAL_MS } from '../../src/network/limits.ts';
import type { Clock } from '../../src/util/clock.ts';
import { eventually } from '../support/eventually.ts';
import { certified, loopbackCommittee, memberSeed } from '../support/libp2p-network.ts';
import { addressOf, HANDSHAKES_REFUSED, isMesh, NetworkBed, PROTOCOLS, type Running } from '../support/network-bed.ts';

describe('protection of a link over its life', () => {
  const bed = new NetworkBed();

  afterEach(() => bed.stop());

  it('ends a link whose first frame is not the binding of its handshake', async () => {
    const committee = await loopbackCommittee(2);
    const node = await bed.run(committee, 0);
    const host = await bed.rawHost(committee, 1);
    const connection = await host.dial(addressOf(committee, 0));
    const consensus = await connection.newStream(PROTOCOLS.consensus);
    const sync = await connection.newStream(PROTOCOLS.sync);
    for (const chunk of encodeFrame([Uint8Array.of(1)]).chunks) sync.send(chunk);
    for (const chunk of encodeFrame([new Uint8Array(32)]).chunks) consensus.send(chunk);
    await eventually(() => node.recorder.downs.length === 1, 'its end');
    assert.deepEqual(node.recorder.downs, [{ peer: 1, reason: 'BINDING_MISMATCH' }]);
    assert.deepEqual(node.recorder.frames, []);
  });

  it('makes a link anew before it is worn, the new one up before the old one ends', async () => {
    let lateMs = 0;
    const clock: Clock = { wallMs: () => Date.now(), monotonicMs: () => performance.now() + lateMs };
    const committee = await loopbackCommittee(2);
    const run = (node: number) => bed.run(committee, node, { timing: { beatMs: 20 } }, { clock });
    const nodes = await Promise.all([run(0), run(1)]);
    for (let renewal = 1; renewal <= 3; renewal++) {
      await eventually(() => nodes.every(({ recorder }) => recorder.ups.length === renewal), `link ${renewal}`);
      lateMs += LINK_MAX_AGE_MS * 0.95;
    }
    const reasons = nodes.flatMap(({ recorder }) => recorder.downs.map(({ reason }) => reason));
    assert.deepEqual(new Set(reasons), new Set(['RENEWED', 'REPLACED']));
  });

  it('ends a link that is worn where nobody renews it', async () => {
    let lateMs = 0;
    const clock: Clock = { wallMs: () => Date.now(), monotonicMs: () => performance.now() + lateMs };
    const committee = await loopbackCommittee(2);
    const node = await bed.run(committee, 0, { timing: { beatMs: 20 } }, { clock });
    const host = await bed.rawHost(committee, 1);
    await bed.dialWithStreams(host, committee, 0);
    await eventually(() => node.recorder.isUp(1), 'the link');
    lateMs = LINK_MAX_AGE_MS;
    await eventually(() => node.recorder.downs.length > 0, 'its end');
    assert.deepEqual(node.recorder.downs, [{ peer: 1, reason: 'LINK_WORN' }]);
  });

  it('makes a link anew after so many bytes', async () => {
    const timing = { beatMs: 20, linkMaxBytes: 1024 * 1024 };
    const [a, b] = (await bed.runAll(await loopbackCommittee(2), { timing })) as [Running, Running];
    await eventually(() => isMesh([a, b]), 'the link');
    a.transport.send(1, 'consensus', new Uint8Array(960 * 1024));
    await eventually(() => a.recorder.downs.length > 0 && b.recorder.downs.length > 0, 'the renewal');
    assert.deepEqual([a, b].flatMap(({ recorder }) => recorder.downs.map(({ reason }) => reason)).sort(), [
      'RENEWED',
      'REPLACED',
    ]);
    await eventually(() => isMesh([a, b]), 'the link again');
  });

  it('takes another link key in use, and refuses the older one from then on', async () => {
    const committee = await loopbackCommittee(3);
    const seen: [string, number][] = [];
    const nodes = await Promise.all(
      committee.peers.map((_, node) => bed.run(committee, node, {}, { linkKeySeen: (...key) => void seen.push(key) })),
    );
    await eventually(() => isMesh(nodes), 'a full mesh');
    const seed = SecretBytes.random(32);
    const certificate = await certified(committee, 0, 1, seed);
    await nodes[0]?.transport.useLinkKey({ seed, certificate });
    await eventually(() => [1, 2].every((peer) => nodes[peer]?.transport.linkPosture(0)?.keySequence === 1), 'links');
    await eventually(() => isMesh(nodes), 'a full mesh by the new key');
    assert.deepEqual(
      seen.map(([, sequence]) => sequence),
      [1, 1],
    );
    const thief = await bed.rawHost(committee, 0);
    await bed.assertRefused(thief, committee, 1);
    assert.equal(nodes[1]?.instruments.total(HANDSHAKES_REFUSED, { code: 'KEY_CERTIFICATE_SUPERSEDED' }), 1);
  });

  it('refuses the dial of the higher end while its own is on its way, so that one of two renewals stays', async () => {
    let lateMs = 0;
    const clock: Clock = { wallMs: () => Date.now(), monotonicMs: () => performance.now() + lateMs };
    const committee = await loopbackCommittee(2);
    const [first, second] = committee.peers.map(({ peerId }) => peerId) as [string, string];
    const [lower, higher] = first < second ? [0, 1] : [1, 0];
    const host = await bed.rawHost(committee, higher, committee.peers[higher]?.address);
    const accepted = await bed.acceptStreams(host);
    const node = await bed.run(committee, lower, {}, { clock });
    await eventually(() => accepted.streams.length === 2, 'the dial');
    accepted.confirm();
    await eventually(() => node.recorder.isUp(higher), 'the link');
    lateMs += 2 * SIMULTANEOUS_DIAL_MS;
    await node.transport.useLinkKey({ seed: memberSeed(committee, lower, 'link') });
    await eventually(() => accepted.streams.length === 4, 'the renewal');
    await bed.dialWithStreams(host, committee, lower);
    const refused = () => node.instruments.total('av10_network_connections_refused_total', { reason: 'DUPLICATE' });
    await eventually(() => refused() === 1, 'the refusal');
    assert.deepEqual(node.recorder.downs, []);
    accepted.confirm();
    await eventually(() => node.recorder.ups.length === 2, 'the renewed link');
    assert.deepEqual(node.recorder.downs, [{ peer: higher, reason: 'RENEWED' }]);
  });

  it('makes a link anew that came up with the key of before', async () => {
    const committee = await loopbackCommittee(2);
    const host = await bed.rawHost(committee, 1, committee.peers[1]?.address);
    const accepted = await bed.acceptStreams(host);
    const node = await bed.run(committee, 0, { timing: { higherDialDelayMs: 0 } });
    await eventually(() => accepted.streams.length === 2, 'the dial');
    const seed = SecretBytes.random(32);
    await node.transport.useLinkKey({ seed, certificate: await certified(committee, 0, 1, seed) });
    accepted.confirm();
    await eventually(() => accepted.streams.length === 4, 'the renewal');
    accepted.confirm();
    await eventually(() => node.recorder.ups.length === 2, 'the renewed link');
    assert.deepEqual(node.recorder.downs, [{ peer: 1, reason: 'RENEWED' }]);
  });
});
