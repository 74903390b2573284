import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { channelOf } from '../../../src/replica/links.ts';
import { id, type NetworkId, type ParamsHash } from '../../../src/types/ids.ts';
import type { Hello, RefuseCode } from '../../../src/types/message.ts';
import { bootId, LinkedNode } from './linked-node.ts';

describe('greeting', () => {
  it('says who this is when a link comes up, and asks for a lease when the peer has greeted', async () => {
    const node = await new LinkedNode().start();
    node.links.linkUp(2);
    assert.deepEqual(
      node.transport.sent.map(({ message }) => message),
      [{ ...node.hello(0), bootId: bootId(1), receiverPeerId: 'peer-2' }],
    );
    assert.equal(node.links.isEstablished(2), false);
    assert.equal(node.links.send(2, { type: 'release' }), 'unlinked');
    node.receive(2, node.hello(2));
    assert.deepEqual(node.links.established(), [2]);
    assert.deepEqual(node.heard, ['established 2']);
    assert.deepEqual(node.takeSent(), ['hello > 2', 'lease > 2']);
  });

  const other = '0f'.repeat(32);
  const disagreements: readonly [name: string, changes: Partial<Hello>, code: RefuseCode][] = [
    ['another network', { networkId: id<NetworkId>(other) }, 'OTHER_NETWORK'],
    ['another version', { protocolVersion: 2 }, 'OTHER_VERSION'],
    ['other parameters', { paramsHash: id<ParamsHash>(other) }, 'OTHER_PARAMETERS'],
    ['another member', { author: 2 }, 'WRONG_PEER'],
    ['another sender', { senderPeerId: 'peer-2' }, 'WRONG_PEER'],
    ['another receiver', { receiverPeerId: 'peer-3' }, 'WRONG_PEER'],
  ];
  for (const [name, changes, code] of disagreements) {
    it(`is refused for ${name}: ${code}`, async () => {
      const node = await new LinkedNode().start();
      node.greet(1, changes);
      assert.deepEqual(node.sent('refuse'), [{ type: 'refuse', code }]);
      node.assertClosed(1, code, 1_000);
      assert.deepEqual([node.links.established(), node.heard], [[], []]);
    });
  }

  it('is refused when the peer counts another number of members', async () => {
    const node = await new LinkedNode().start();
    node.greet(1, { state: { ...node.state, highestRounds: [0, 0, 0] } });
    node.assertClosed(1, 'OTHER_PARAMETERS', 1_000);
  });

  it('accepts other parameters of another epoch', async () => {
    const node = await new LinkedNode().start();
    node.greet(1, { epoch: 2, paramsHash: id<ParamsHash>(other) });
    assert.deepEqual(node.links.established(), [1]);
  });

  it('names the network before anything else that differs', async () => {
    const node = await new LinkedNode().start();
    node.greet(1, Object.assign({}, ...disagreements.map(([, changes]) => changes)));
    assert.deepEqual(node.sent('refuse'), [{ type: 'refuse', code: 'OTHER_NETWORK' }]);
  });

  it('happens once a link', async () => {
    const node = await new LinkedNode().start();
    node.greet(1);
    node.receive(1, node.hello(1));
    node.assertClosed(1, 'UNEXPECTED_MESSAGE', 1_000);
    assert.deepEqual(node.heard, ['established 1', 'lost 1']);
  });

  it('is waited for, but not for ever', async () => {
    const node = await new LinkedNode().start();
    node.links.linkUp(1);
    node.time.advance(4_999);
    assert.deepEqual(node.transport.closed, []);
    node.time.advance(1);
    node.assertClosed(1, 'NO_HELLO', 1_000);
  });

  it('comes before every other message: what overtakes it on the other channel is ignored', async () => {
    const node = await new LinkedNode().start();
    node.links.linkUp(1);
    node.receive(1, { type: 'recovery', requestId: 1 });
    node.receive(1, { type: 'lease', timeMs: 0 });
    assert.deepEqual([node.messages, node.sent('lease-ok'), node.transport.closed], [[], [], []]);
  });

  it('of a peer that refuses ends nothing here: the peer closes', async () => {
    const node = await new LinkedNode().start();
    node.links.linkUp(1);
    node.receive(1, { type: 'refuse', code: 'OTHER_PARAMETERS' });
    assert.deepEqual([node.transport.closed, node.heard], [[], []]);
  });

  it('that was refused, here or there, is remembered until one succeeds', async () => {
    const node = await new LinkedNode().start();
    assert.equal(node.links.refusal(1), undefined);
    node.links.linkUp(1);
    node.receive(1, { type: 'refuse', code: 'OTHER_PARAMETERS' });
    assert.deepEqual([node.links.refusal(1), node.links.refusal(2)], ['OTHER_PARAMETERS', undefined]);
    node.links.linkDown(1, 'CONNECTION_LOST');
    node.greet(1);
    assert.equal(node.links.refusal(1), undefined);
  });

  it('of a peer that serves another process keeps this one away for longer than the peer does', async () => {
    const node = await new LinkedNode().start();
    node.time.advance(700);
    node.links.linkUp(1);
    node.time.advance(40);
    node.receive(1, { type: 'refuse', code: 'IDENTITY_IN_USE' });
    node.assertClosed(1, 'IDENTITY_IN_USE', 2_000);
    assert.deepEqual(node.heard, ['refused 1, asked 700, now 740']);
  });
});

describe('messages', () => {
  it('reach the replica, and tell when the peer was last heard', async () => {
    const node = await new LinkedNode().start();
    assert.deepEqual(node.links.activity(1), { lastSeenMs: undefined, queuedBytes: 0 });
    node.greet(1);
    node.receive(1, { type: 'follow', author: 2 });
    node.time.advance(250);
    node.transport.queued = 9;
    assert.deepEqual(node.messages, [{ peer: 1, message: { type: 'follow', author: 2 } }]);
    assert.deepEqual(node.links.activity(1), { lastSeenMs: 250, queuedBytes: 9 });
  });

  it('on the wrong channel, or malformed, end the link', async () => {
    const node = await new LinkedNode().start();
    node.greetAll();
    node.receive(1, { type: 'follow', author: 2 }, 'sync');
    node.assertClosed(1, 'UNEXPECTED_MESSAGE', 1_000);
    node.links.frame(2, 'consensus', Uint8Array.of(99));
    node.assertClosed(2, 'MALFORMED_FRAME', 1_000);
    assert.deepEqual(node.links.established(), [3]);
  });

  it('that are bulk travel apart', () => {
    assert.equal(channelOf({ type: 'commits-reply', requestId: 1, commits: [] }), 'sync');
    assert.equal(channelOf({ type: 'lease', timeMs: 1 }), 'consensus');
  });

  it('to all reach those that have greeted', async () => {
    const node = await new LinkedNode().start();
    node.greet(1);
    node.links.linkUp(2);
    node.takeSent();
    node.links.broadcast({ type: 'follow', author: 1 });
    assert.deepEqual(node.takeSent(), ['follow > 1']);
  });

  it('that did not fit the queue leave an exchange owed, which is paid when the queue is empty', async () => {
    const node = await new LinkedNode().start();
    node.greet(1);
    node.transport.outcome = 'dropped';
    assert.equal(node.links.send(1, { type: 'follow', author: 1 }), 'dropped');
    Object.assign(node.transport, { outcome: 'queued', queued: 1 });
    node.takeSent();
    node.time.advance(1_000);
    assert.deepEqual(node.takeSent(), ['lease > 1']);
    node.transport.queued = 0;
    node.time.advance(2_000);
    assert.deepEqual(node.takeSent(), ['lease > 1', 'lease > 1']);
    assert.deepEqual(
      node.heard.filter((event) => event.startsWith('owed')),
      ['owed 1'],
    );
  });
});

describe('penalties', () => {
  it('grow with every offence', async () => {
    const node = await new LinkedNode().start();
    for (const holdMs of [1_000, 5_000, 30_000, 300_000, 300_000]) {
      node.greet(1);
      node.links.penalise(1, 'INVALID_BLOCK', 'x');
      node.assertClosed(1, 'INVALID_BLOCK', holdMs);
    }
    node.greet(2);
    node.links.penalise(2, 'BAD_SIGNATURE', 'x');
    node.assertClosed(2, 'BAD_SIGNATURE', 1_000);
  });
});

describe('own lease', () => {
  /** The peer answers the question that was sent at this time. */
  const answer = (node: LinkedNode, peer: number, timeMs: number): void =>
    node.receive(peer, { type: 'lease-ok', timeMs });

  it('allows signing once a quorum answered, counting this node', async () => {
    const node = await new LinkedNode().start();
    node.greetAll();
    assert.equal(node.links.maySign(), false);
    answer(node, 1, 0);
    assert.equal(node.links.maySign(), false);
    answer(node, 2, 0);
    assert.equal(node.links.maySign(), true);
    assert.equal(node.heard.filter((line) => line === 'lease renewed').length, 2);
  });

  it('counts power, not heads', async () => {
    const node = await new LinkedNode([1, 5, 1, 1]).start();
    node.greetAll();
    for (const peer of [2, 3]) answer(node, peer, 0);
    assert.equal(node.links.maySign(), false);
    answer(node, 1, 0);
    assert.equal(node.links.maySign(), true);
  });

  it('is always there for a single validator', async () => {
    assert.equal((await new LinkedNode([1]).start()).links.maySign(), true);
  });

  it('counts from when the question was sent, however late the answer', async () => {
    const node = await new LinkedNode().start();
    node.greetAll();
    node.time.advance(2_999);
    for (const peer of [1, 2]) answer(node, peer, 0);
    assert.equal(node.links.maySign(), true);
    node.time.advance(1);
    assert.equal(node.links.maySign(), false);
  });

  it('is not renewed by an answer to an older question', async () => {
    const node = await new LinkedNode().start();
    node.greetAll();
    node.time.advance(2_000);
    for (const peer of [1, 2]) answer(node, peer, 2_000);
    for (const peer of [1, 2]) answer(node, peer, 0);
    node.time.advance(2_999);
    assert.equal(node.links.maySign(), true);
  });

  it('is not renewed by a time that has not come: another clock, or a lie', async () => {
    const node = await new LinkedNode().start();
    node.greetAll();
    for (const peer of [1, 2, 3]) answer(node, peer, 1);
    assert.equal(node.links.maySign(), false);
    assert.ok(!node.heard.includes('lease renewed'));
  });

  it('asks every second, of all that have greeted', async () => {
    const node = await new LinkedNode().start();
    node.greet(1);
    node.links.linkUp(2);
    node.takeSent();
    node.time.advance(2_000);
    assert.deepEqual(node.sent('lease'), [
      { type: 'lease', timeMs: 1_000 },
      { type: 'lease', timeMs: 2_000 },
    ]);
    assert.deepEqual(node.takeSent(), ['lease > 1', 'lease > 1']);
    assert.deepEqual(
      node.heard.filter((line) => line.startsWith('pulse')),
      ['pulse 1', 'pulse 1'],
    );
  });
});

describe('leases of others', () => {
  const asked = (node: LinkedNode, peer: number): number => {
    const before = node.sent('lease-ok', peer).length;
    node.receive(peer, { type: 'lease', timeMs: 77 });
    return node.sent('lease-ok', peer).length - before;
  };

  it('are granted by saying the asked time again', async () => {
    const node = await new LinkedNode().start();
    node.greet(1);
    node.receive(1, { type: 'lease', timeMs: 123_456 });
    assert.deepEqual(node.sent('lease-ok'), [{ type: 'lease-ok', timeMs: 123_456 }]);
  });

  it('are granted by a node that ran before only when its earlier grants are over', async () => {
    const node = await new LinkedNode().start(true);
    node.greet(1);
    node.time.advance(4_999);
    assert.equal(asked(node, 1), 0);
    node.time.advance(1);
    assert.equal(asked(node, 1), 1);
  });

  it('belong to one process: another is refused until the hold is over', async () => {
    const node = await new LinkedNode().start();
    node.greet(1);
    node.time.advance(3_000);
    assert.equal(asked(node, 1), 1);
    node.links.linkDown(1, 'gone');
    node.time.advance(4_999);
    node.greet(1, { bootId: bootId(999) });
    assert.deepEqual(node.sent('refuse'), [{ type: 'refuse', code: 'IDENTITY_IN_USE' }]);
    node.assertClosed(1, 'IDENTITY_IN_USE', 250);
    node.time.advance(1);
    node.greet(1, { bootId: bootId(999) });
    assert.deepEqual(node.links.established(), [1]);
  });

  it('stay with the process that comes back', async () => {
    const node = await new LinkedNode().start();
    node.greet(1);
    node.links.linkDown(1, 'gone');
    node.greet(1);
    assert.deepEqual(node.links.established(), [1]);
  });

  it('are free at once after a clean stop', async () => {
    const node = await new LinkedNode().start();
    node.greet(1);
    node.receive(1, { type: 'release' });
    assert.equal(asked(node, 1), 0);
    node.links.linkDown(1, 'gone');
    node.greet(1, { bootId: bootId(999) });
    assert.deepEqual(node.links.established(), [1]);
  });

  it('are released by this node when it stops', async () => {
    const node = await new LinkedNode().start();
    node.greet(1);
    node.takeSent();
    await node.links.stop();
    assert.deepEqual(node.takeSent(), ['release > 1']);
    assert.equal(node.transport.stopped, true);
    node.time.advance(10_000);
    assert.deepEqual(node.takeSent(), []);
  });
});
