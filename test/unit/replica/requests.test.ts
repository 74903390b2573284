import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { Requests } from '../../../src/replica/requests.ts';
import type { CertificateReply } from '../../../src/types/message.ts';
import { LinkedNode } from './linked-node.ts';

async function asking() {
  const node = await new LinkedNode().start();
  node.greetAll();
  const requests = new Requests(2_000, { links: node.links, timers: node.time });
  const ask = (peer: number) =>
    requests.ask(peer, 'certificate-reply', (requestId) => ({ type: 'certificate', requestId, index: 5 }));
  const reply = (requestId: number): CertificateReply => ({
    type: 'certificate-reply',
    requestId,
    certificate: Uint8Array.of(1),
  });
  return { node, requests, ask, reply };
}

/** What a promise holds by now; `open` while it waits. */
const now = <T>(promise: Promise<T>): Promise<T | 'open'> => Promise.race([promise, Promise.resolve('open' as const)]);

describe('requests', () => {
  it('give the answer to the question', async () => {
    const { node, requests, ask, reply } = await asking();
    const [first, second] = [ask(1), ask(2)];
    assert.deepEqual(
      node.sent('certificate').map(({ requestId }) => requestId),
      [1, 2],
    );
    requests.reply(2, reply(2));
    assert.deepEqual(await second, reply(2));
    assert.equal(await now(first), 'open');
    requests.stop();
  });

  it('are answered by the peer that was asked, with what it was asked for, once', async () => {
    const { requests, ask, reply } = await asking();
    const answer = ask(1);
    requests.reply(2, reply(1));
    requests.reply(1, reply(9));
    requests.reply(1, { type: 'commits-reply', requestId: 1, commits: [] });
    assert.equal(await now(answer), 'open');
    requests.reply(1, reply(1));
    requests.reply(1, { ...reply(1), certificate: Uint8Array.of(2) });
    assert.deepEqual(await answer, reply(1));
  });

  it('end without an answer after their time', async () => {
    const { node, ask } = await asking();
    const answer = ask(1);
    node.time.advance(1_999);
    assert.equal(await now(answer), 'open');
    node.time.advance(1);
    assert.equal(await answer, undefined);
  });

  it('end without an answer when the peer is lost, or the node stops', async () => {
    const { requests, ask } = await asking();
    const [lost, stopped] = [ask(1), ask(2)];
    requests.peerLost(1);
    assert.equal(await lost, undefined);
    assert.equal(await now(stopped), 'open');
    requests.stop();
    assert.equal(await stopped, undefined);
  });

  it('end at once when they cannot be sent', async () => {
    const { node, ask } = await asking();
    node.transport.outcome = 'dropped';
    assert.equal(await ask(1), undefined);
    node.links.linkDown(2, 'gone');
    assert.equal(await ask(2), undefined);
  });
});
