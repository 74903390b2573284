import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { Checkpoints } from '../../../src/replica/checkpoints.ts';
import { PeerServer } from '../../../src/replica/peer-server.ts';
import type { VerifiedHeader } from '../../../src/types/block.ts';
import { encodeCommit } from '../../../src/types/commit.ts';
import { type BlockId, id, type PayloadDigest } from '../../../src/types/ids.ts';
import { MAX_FRAME_BYTES } from '../../../src/types/limits.ts';
import type { FetchRequest } from '../../../src/types/message.ts';
import { encodeMessage } from '../../../src/types/message-codec.ts';
import { SILENT_LOGGER } from '../../../src/util/logger.ts';
import { refsOf } from '../../dag/refs.ts';
import { Universe } from '../../dag/universe.ts';
import { LinkedNode } from './linked-node.ts';
import { append, commitOf, openStore, signed, turns } from './stored.ts';

/** Member 0 with `rounds` complete rounds in store and core, each also a commit. */
async function serving(options: { rounds?: number; payloadBytes?: number; servedBytesPerSecond?: number } = {}) {
  const { rounds = 4, payloadBytes = 0, servedBytesPerSecond = 1e9 } = options;
  const node = await new LinkedNode([1, 1, 1, 1], { servedBytesPerSecond }).start();
  node.greetAll();
  node.takeSent();
  const stored = await openStore(0);
  const universe = new Universe({ powers: [1, 1, 1, 1], leaders: 1 });
  const core = universe.core(0);
  const payload = { digest: id<PayloadDigest>('00'.repeat(32)), bytes: payloadBytes, txCount: 0 };
  const layers: VerifiedHeader[][] = [];
  for (let round = 1; round <= rounds; round++) {
    const below = layers.at(-1) === undefined ? universe.roots : refsOf(layers.at(-1) as VerifiedHeader[]);
    const layer = universe.committee.members.map((_, author) =>
      append(stored.store, universe.block(author, round, below, { payload }), new Uint8Array(payloadBytes)),
    );
    for (const block of layer) core.insert(block, 0);
    stored.store.appendCommit(commitOf(round, layer), 0, 'decided');
    await stored.store.flush();
    layers.push(layer);
  }
  const certificates = new Map([
    [2, Uint8Array.of(2)],
    [3, Uint8Array.of(3)],
  ]);
  const checkpoints = {
    certified: 3,
    certificate: (index: number) => {
      const bytes = certificates.get(index);
      return bytes === undefined ? undefined : { bytes };
    },
  } as unknown as Checkpoints;
  const server = new PeerServer(
    { members: 4, options: node.options },
    { core: () => core, store: stored.store, checkpoints, links: node.links, clock: node.time, logger: SILENT_LOGGER },
  );
  const block = (round: number, author: number): VerifiedHeader => layers[round - 1]?.[author] ?? assert.fail();
  const serve = async (peer: number, request: Parameters<PeerServer['serve']>[1]): Promise<void> => {
    server.serve(peer, request);
    await turns();
  };
  return { ...stored, node, universe, core, server, serve, layers, block };
}

const request = (ids: readonly BlockId[], changes: Partial<FetchRequest> = {}): FetchRequest => ({
  type: 'fetch',
  requestId: 7,
  gcRound: 0,
  highestRounds: [0, 0, 0, 0],
  ids,
  ...changes,
});
const text = ({ round, author }: VerifiedHeader): string => `${author}@${round}`;

describe('serving blocks', () => {
  it('answers with the asked ones, then breadth first with their ancestors', async () => {
    const { node, serve, block, layers } = await serving({ rounds: 3 });
    await serve(1, request([block(3, 2).ref.id]));
    const [reply] = node.sent('fetch-reply', 1);
    const blocks = reply?.blocks.map(({ header }) => header as VerifiedHeader) ?? [];
    assert.equal(reply?.requestId, 7);
    assert.deepEqual(
      blocks.map(({ round }) => round),
      [3, 2, 2, 2, 2, 1, 1, 1, 1],
    );
    assert.equal(new Set(blocks.map(({ ref }) => ref.id)).size, 9);
    assert.deepEqual(new Set(blocks.slice(1).map(text)), new Set(layers.slice(0, 2).flat().map(text)));
  });

  it('leaves out what the peer has', async () => {
    const { node, serve, block } = await serving({ rounds: 3 });
    const ids = [block(3, 2).ref.id];
    await serve(1, request(ids, { highestRounds: [2, 1, 2, 0] }));
    await serve(1, request(ids, { gcRound: 2 }));
    const replies = node
      .sent('fetch-reply')
      .map(({ blocks }) => blocks.map(({ header }) => `${header.author}@${header.round}`));
    assert.deepEqual(replies, [['2@3', '1@2', '3@2', '3@1'], ['2@3']]);
  });

  it('leaves out what it does not have, and answers at any rate', async () => {
    const { node, serve, block } = await serving();
    await serve(1, request([id<BlockId>('00'.repeat(32)), block(1, 3).ref.id]));
    await serve(2, request([id<BlockId>('00'.repeat(32))]));
    assert.deepEqual(
      node.sent('fetch-reply').map(({ blocks }) => blocks.length),
      [1, 0],
    );
  });

  it('sends no more than a frame holds', async () => {
    const large = await serving({ rounds: 6, payloadBytes: 200 * 1024 });
    await large.serve(1, request([large.block(6, 0).ref.id]));
    assert.equal(large.node.sent('fetch-reply')[0]?.blocks.length, 19);
    assert.ok(encodeMessage(large.node.sent('fetch-reply')[0] ?? assert.fail()).length <= MAX_FRAME_BYTES);
  });

  it('sends at most 64 blocks', async () => {
    const many = await serving({ rounds: 20 });
    await many.serve(1, request([many.block(20, 0).ref.id]));
    assert.equal(many.node.sent('fetch-reply')[0]?.blocks.length, 64);
  });

  it('serves a peer no more bytes a second than allowed, another one meanwhile', async () => {
    const { node, serve, block } = await serving({ servedBytesPerSecond: 1_000 });
    const ask = (peer: number) => serve(peer, request([block(1, 0).ref.id]));
    await ask(1);
    await ask(1);
    await ask(2);
    assert.deepEqual([node.sent('fetch-reply', 1).length, node.sent('fetch-reply', 2).length], [1, 1]);
    node.time.advance(10_000);
    await ask(1);
    assert.equal(node.sent('fetch-reply', 1).length, 2);
  });

  it('prepares at most 16 answers for a peer at a time', async () => {
    const { node, serve, block } = await serving();
    await Promise.all(Array.from({ length: 20 }, () => serve(1, request([block(1, 0).ref.id]))));
    assert.equal(node.sent('fetch-reply', 1).length, 16);
    await serve(1, request([block(1, 0).ref.id]));
    assert.equal(node.sent('fetch-reply', 1).length, 17);
  });
});

describe('serving commits', () => {
  const ask = (changes: object = {}) =>
    ({ type: 'commits', requestId: 9, from: 2, to: 3, withBlocks: false, skipBlocks: 0, ...changes }) as const;

  it('gives the records, without blocks', async () => {
    const { node, serve, layers } = await serving();
    await serve(1, ask());
    const expected = [2, 3].map((index) => encodeCommit(commitOf(index, layers[index - 1] ?? [])));
    assert.deepEqual(node.sent('commits-reply'), [
      { type: 'commits-reply', requestId: 9, commits: expected.map((commit) => ({ commit, blocks: [] })) },
    ]);
  });

  it('gives the blocks, without records, from where the peer stands', async () => {
    const { node, serve } = await serving();
    await serve(1, ask({ withBlocks: true, skipBlocks: 3 }));
    const [reply] = node.sent('commits-reply');
    assert.deepEqual(
      reply?.commits.map(({ commit, blocks }) => [
        commit.length,
        blocks.map(({ header }) => text(header as VerifiedHeader)),
      ]),
      [
        [0, ['3@2']],
        [0, ['0@3', '1@3', '2@3', '3@3']],
      ],
    );
  });

  it('ends with the last commit there is', async () => {
    const { node, serve } = await serving();
    for (const from of [4, 5, 0]) await serve(1, ask({ from, to: Number.MAX_SAFE_INTEGER }));
    assert.deepEqual(
      node.sent('commits-reply').map(({ commits }) => commits.length),
      [1, 0, 0],
    );
  });
});

describe('serving certificates', () => {
  it('gives the asked one, the newest for 0, none when there is none', async () => {
    const { node, serve } = await serving({ rounds: 1 });
    for (const [requestId, index] of [2, 0, 9].entries()) await serve(1, { type: 'certificate', requestId, index });
    assert.deepEqual(
      node.sent('certificate-reply').map(({ certificate }) => [...certificate]),
      [[2], [3], []],
    );
  });
});

describe('being followed', () => {
  it('sends an author’s blocks for 64 rounds to those who asked, and not to the author', async () => {
    const { node, server, serve, universe } = await serving({ rounds: 2 });
    for (const peer of [1, 3]) await serve(peer, { type: 'follow', author: 3 });
    const admit = (author: number, round: number): void =>
      server.admitted({ header: signed(universe.block(author, round, universe.roots)), payload: new Uint8Array(0) });
    node.takeSent();
    admit(3, 3);
    admit(2, 3);
    assert.deepEqual(node.takeSent(), ['block > 1']);
    admit(3, 67);
    admit(3, 4);
    assert.deepEqual(node.takeSent(), []);
  });

  it('ends with the link, and knows members only', async () => {
    const { node, server, serve, universe } = await serving({ rounds: 2 });
    await serve(1, { type: 'follow', author: 9 });
    await serve(1, { type: 'follow', author: 3 });
    server.peerLost(1);
    server.admitted({ header: signed(universe.block(3, 3, universe.roots)), payload: new Uint8Array(0) });
    assert.deepEqual(node.takeSent(), []);
  });
});
