import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { MissingBlock } from '../../../src/consensus/index.ts';
import { Fetcher } from '../../../src/replica/fetcher.ts';
import type { ReplicaOptions } from '../../../src/replica/options.ts';
import type { BlockRef, VerifiedHeader } from '../../../src/types/block.ts';
import type { FetchRequest, WireBlock } from '../../../src/types/message.ts';
import { refsOf } from '../../dag/refs.ts';
import { Universe } from '../../dag/universe.ts';
import { LinkedNode } from './linked-node.ts';

const EQUAL = (members: number): number[] => Array.from({ length: members }, () => 1);
const wire = (header: VerifiedHeader): WireBlock => ({ header, payload: new Uint8Array(0) });

/** The fetcher of member 0; all others have greeted. `missing` is what it is told to get. */
async function fetching(members = 4, options: Partial<ReplicaOptions> = {}) {
  const node = await new LinkedNode(EQUAL(members), options).start();
  node.greetAll();
  node.takeSent();
  const universe = new Universe({ powers: EQUAL(members), leaders: 1 });
  const missing: MissingBlock[] = [];
  const received: WireBlock[] = [];
  const faults: string[] = [];
  const fetcher = new Fetcher(
    { own: 0, committee: node.committee, options: node.options },
    { links: node.links, clock: node.time },
    {
      missing: () => missing,
      state: () => ({ ...node.state, gcRound: 3 }),
      received: (peer, block) => {
        received.push(block);
        const at = missing.findIndex(({ ref }) => ref.id === block.header.ref.id);
        if (at >= 0) missing.splice(at, 1);
        assert.ok(peer > 0);
      },
      penalise: (peer, fault, detail) => faults.push(`${peer} ${fault} ${detail}`),
    },
  );
  const want = (ref: BlockRef, ...namers: number[]): void => {
    missing.push({ ref, namers } as MissingBlock);
  };
  const newlySent = reader(node);
  /** Whom it asks now, with how many ids. */
  const pump = (): string[] => {
    fetcher.pump();
    return newlySent().flatMap(({ peer, message }) => {
      if (message.type !== 'fetch') return [];
      requests.push({ peer, request: message });
      return [`${peer}: ${message.ids.length}`];
    });
  };
  const requests: { readonly peer: number; readonly request: FetchRequest }[] = [];
  return { node, universe, fetcher, want, pump, requests, received, faults, missing };
}

/** What was sent since its last call. */
function reader(node: LinkedNode): () => typeof node.transport.sent {
  let read = 0;
  return () => {
    const from = read;
    read = node.transport.sent.length;
    return node.transport.sent.slice(from);
  };
}

const someBlock = (universe: Universe, author = 1, round = 1): VerifiedHeader =>
  universe.block(author, round, universe.roots);

describe('fetching', () => {
  it('asks every namer at once, and nobody else yet', async () => {
    const { universe, want, pump, requests } = await fetching(5);
    const block = someBlock(universe);
    want(block.ref, 2, 3);
    assert.deepEqual(pump(), ['2: 1', '3: 1']);
    assert.deepEqual(requests[0]?.request, {
      type: 'fetch',
      requestId: 1,
      gcRound: 3,
      highestRounds: [0, 0, 0, 0, 0],
      ids: [block.ref.id],
    });
    assert.deepEqual(pump(), []);
  });

  it('asks the others after a round trip, the author last', async () => {
    const { node, universe, want, pump } = await fetching(5);
    want(someBlock(universe).ref, 1, 2);
    assert.deepEqual(pump(), ['2: 1']);
    node.time.advance(149);
    assert.deepEqual(pump(), []);
    node.time.advance(1);
    assert.deepEqual(pump(), ['3: 1', '4: 1', '1: 1']);
  });

  it('asks everybody at once for what nobody but the author names', async () => {
    const { universe, want, pump } = await fetching();
    want(someBlock(universe).ref, 1);
    assert.deepEqual(pump(), ['2: 1', '3: 1', '1: 1']);
  });

  it('asks nobody who has not greeted', async () => {
    const { node, universe, want, pump } = await fetching();
    node.links.linkDown(2, 'gone');
    want(someBlock(universe).ref, 2, 3);
    assert.deepEqual(pump(), ['3: 1']);
  });

  it('has at most four requests for one block under way', async () => {
    const { node, universe, want, pump } = await fetching(8);
    want(someBlock(universe).ref, 2, 3, 4, 5, 6);
    assert.deepEqual(pump(), ['2: 1', '3: 1', '4: 1', '5: 1']);
    node.time.advance(150);
    assert.deepEqual(pump(), []);
  });

  it('puts up to 64 ids into a request, and has at most so many requests to one peer under way', async () => {
    const { universe, want, pump } = await fetching(4, { fetchesPerPeer: 2 });
    for (let i = 0; i < 200; i++) want(someBlock(universe).ref, 2);
    assert.deepEqual([pump(), pump(), pump()], [['2: 64'], ['2: 64'], []]);
  });

  it('frees the places of an unanswered request after its time, and asks again', async () => {
    const { node, universe, want, pump } = await fetching(4, { fetchesPerPeer: 1 });
    want(someBlock(universe).ref, 2);
    assert.deepEqual(pump(), ['2: 1']);
    node.time.advance(1_999);
    assert.deepEqual(pump(), ['3: 1', '1: 1']);
    node.time.advance(1);
    assert.deepEqual(pump(), ['2: 1']);
  });

  it('asks somebody else when the peer is lost', async () => {
    const { node, fetcher, universe, want, pump } = await fetching(4, { fetchesPerBlock: 1 });
    want(someBlock(universe).ref, 2);
    assert.deepEqual(pump(), ['2: 1']);
    node.links.linkDown(2, 'gone');
    fetcher.peerLost(2);
    node.time.advance(150);
    assert.deepEqual(pump(), ['3: 1']);
  });

  it('says when to be called again, as long as something is missing', async () => {
    const { node, fetcher, universe, want, missing } = await fetching();
    assert.equal(fetcher.pump(), undefined);
    want(someBlock(universe).ref, 2);
    node.time.advance(10);
    assert.equal(fetcher.pump(), 160);
    missing.length = 0;
    assert.equal(fetcher.pump(), undefined);
  });
});

describe('fetch replies', () => {
  it('bring the asked block and ancestors of it, in any order', async () => {
    const { universe, fetcher, want, pump, received, faults } = await fetching();
    const one = universe.layer(1, universe.roots);
    const two = universe.block(1, 2, refsOf(one));
    const three = universe.block(2, 3, [two.ref, one[2]?.ref as BlockRef]);
    want(three.ref, 3);
    pump();
    fetcher.reply(3, { type: 'fetch-reply', requestId: 1, blocks: [one[3] as VerifiedHeader, three, two].map(wire) });
    assert.deepEqual(faults, []);
    assert.deepEqual(
      received.map(({ header }) => header.round),
      [1, 3, 2],
    );
  });

  it('with a block that nobody asked for are a fault, and nothing of them is taken', async () => {
    const { universe, fetcher, want, pump, received, faults } = await fetching();
    const [asked, other] = [someBlock(universe, 1), someBlock(universe, 3)];
    want(asked.ref, 2);
    pump();
    fetcher.reply(2, { type: 'fetch-reply', requestId: 1, blocks: [asked, other].map(wire) });
    assert.deepEqual([faults, received], [[`2 UNREQUESTED_BLOCK ${other.ref.id}`], []]);
  });

  it('of another peer, or to a question that is over, are ignored', async () => {
    const { node, universe, fetcher, want, pump, received, faults } = await fetching();
    const block = someBlock(universe);
    want(block.ref, 2);
    pump();
    const reply = { type: 'fetch-reply', requestId: 1, blocks: [wire(block)] } as const;
    fetcher.reply(3, reply);
    fetcher.reply(2, { ...reply, requestId: 5 });
    assert.deepEqual(received, []);
    node.time.advance(2_000);
    pump();
    fetcher.reply(2, reply);
    assert.deepEqual([received, faults], [[], []]);
  });

  it('without the block let others be asked, and the same peer only after a while', async () => {
    const { node, universe, fetcher, want, pump } = await fetching();
    want(someBlock(universe).ref, 2);
    pump();
    fetcher.reply(2, { type: 'fetch-reply', requestId: 1, blocks: [] });
    assert.deepEqual(pump(), []);
    node.time.advance(150);
    assert.deepEqual(pump(), ['3: 1', '1: 1']);
    node.time.advance(1_850);
    assert.deepEqual(pump(), ['2: 1']);
  });
});

describe('following', () => {
  /** That peer answers a request for a block of this author and round. */
  async function following(members: number) {
    const context = await fetching(members);
    const { universe, fetcher, want, pump, requests, node } = context;
    const fetch = (peer: number, author: number, round: number): void => {
      const block = someBlock(universe, author, round);
      want(block.ref, peer);
      pump();
      const last = requests.at(-1) ?? assert.fail('nothing was asked');
      assert.equal(last.peer, peer);
      fetcher.reply(peer, { type: 'fetch-reply', requestId: last.request.requestId, blocks: [wire(block)] });
    };
    const newlySent = reader(node);
    const asked = (): string[] =>
      newlySent().flatMap(({ peer, message }) => {
        return message.type === 'follow' ? [`${message.author} through ${peer}`] : [];
      });
    return { ...context, fetch, asked };
  }

  it('is asked of a peer that answered, when an author had to be fetched twice within 64 rounds', async () => {
    const { fetcher, fetch, asked } = await following(4);
    fetch(2, 1, 10);
    assert.deepEqual(asked(), []);
    assert.equal(fetcher.follows(2, 1), false);
    fetch(2, 1, 74);
    assert.deepEqual(asked(), ['1 through 2']);
    assert.deepEqual([fetcher.follows(2, 1), fetcher.follows(3, 1)], [true, false]);
  });

  it('is not asked for fetches further apart, or of the same round', async () => {
    const { fetch, asked } = await following(4);
    for (const round of [10, 75, 75, 140]) fetch(2, 1, round);
    assert.deepEqual(asked(), []);
  });

  it('is asked of two peers at most', async () => {
    const { fetch, asked } = await following(7);
    fetch(2, 1, 9);
    for (const [i, peer] of [2, 2, 3, 4].entries()) fetch(peer, 1, 10 + i);
    assert.deepEqual(asked(), ['1 through 2', '1 through 3']);
  });

  it('goes for at most f authors through one peer, as long as it lasts', async () => {
    const { fetch, asked } = await following(4);
    for (const round of [10, 11]) fetch(2, 1, round);
    for (const round of [10, 11]) fetch(2, 3, round);
    assert.deepEqual(asked(), ['1 through 2']);
    for (const round of [70, 76]) fetch(2, 3, round);
    assert.deepEqual(asked(), ['3 through 2'], 'a follow that ran out holds no place');
  });

  it('is asked anew when it ran out', async () => {
    const { fetch, asked } = await following(4);
    for (const round of [10, 11, 60, 75]) fetch(2, 1, round);
    assert.deepEqual(asked(), ['1 through 2']);
    fetch(2, 1, 76);
    assert.deepEqual(asked(), ['1 through 2']);
  });

  it('ends with the link', async () => {
    const { fetcher, fetch } = await following(4);
    for (const round of [10, 11]) fetch(2, 1, round);
    fetcher.peerLost(2);
    assert.equal(fetcher.follows(2, 1), false);
  });
});
