import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { LogPosition } from '../../../src/storage/index.ts';
import type { Evidence, VerifiedHeader } from '../../../src/types/block.ts';
import { type BlockId, id, type PayloadDigest } from '../../../src/types/ids.ts';
import { Universe } from '../../dag/universe.ts';
import { append, commitOf, openStore, signed, turns } from './stored.ts';

const UNKNOWN = id<BlockId>('00'.repeat(32));
const payloadOf = (bytes: number) => ({ payload: { digest: id<PayloadDigest>('00'.repeat(32)), bytes, txCount: 1 } });

async function filled(commits = 3) {
  const stored = await openStore(10);
  const universe = new Universe({ powers: [1, 1, 1, 1], leaders: 1 });
  const blocks = Array.from({ length: commits }, (_, i) => {
    const block = append(
      stored.store,
      universe.block(i % 4, i + 1, universe.roots, payloadOf(8)),
      new Uint8Array(8).fill(i),
    );
    stored.store.appendCommit(commitOf(i + 1, [block]), 0, 'decided');
    return block;
  });
  await stored.store.flush();
  return { ...stored, blocks };
}

describe('block store', () => {
  it('finds blocks by id and payloads by header, from memory or the log', async () => {
    const { store, blocks } = await filled();
    for (const [i, block] of blocks.entries()) {
      const found = (await store.block(block.ref.id)) ?? assert.fail();
      assert.deepEqual([found.header, found.payload], [block, new Uint8Array(8).fill(i)]);
      assert.deepEqual(await store.payload(block), new Uint8Array(8).fill(i));
    }
    assert.equal(await store.block(UNKNOWN), undefined);
  });

  it('no longer finds by id what left the DAG, but by its commit', async () => {
    const { store, blocks } = await filled();
    store.forgetBlocks(2);
    const found = await Promise.all(blocks.map(({ ref }) => store.block(ref.id)));
    assert.deepEqual(
      found.map((block) => block?.header.round),
      [undefined, undefined, 3],
    );
    const [position] = (await store.commit(1))?.blockPositions ?? assert.fail();
    assert.deepEqual((await store.blockAt(position as LogPosition))?.header, blocks[0]);
  });

  it('names the blocks of an author above a round, oldest first and within limits, as long as they are found by id', async () => {
    const { store } = await openStore();
    const universe = new Universe({ powers: [1, 1, 1, 1], leaders: 1 });
    const ids = [1, 2, 3, 4].map((round) => append(store, universe.block(1, round, universe.roots)).ref.id);
    append(store, universe.block(2, 5, universe.roots));
    assert.deepEqual(store.blocksOf(1, 1, 3, 9), [ids[1], ids[2]]);
    assert.deepEqual(store.blocksOf(1, 0, 9, 3), ids.slice(0, 3));
    assert.deepEqual([store.blocksOf(3, 0, 9, 9), store.blocksOf(1, 4, 9, 9)], [[], []]);
    store.forgetBlocks(2);
    assert.deepEqual(store.blocksOf(1, 0, 9, 9), ids.slice(2));
  });

  it('holds the first proof against each author, in its log too', async () => {
    const { store } = await openStore();
    const universe = new Universe({ powers: [1, 1, 1, 1], leaders: 1 });
    const [first, second, third] = [5, 6, 7].map((timestampMs) =>
      signed(universe.block(1, 1, universe.roots, { timestampMs })),
    ) as [VerifiedHeader, VerifiedHeader, VerifiedHeader];
    assert.deepEqual([store.evidence(), store.holdsEvidence(1)], [[], false]);
    store.appendEvidence({ first, second });
    store.noteEvidence({ first, second: third });
    assert.deepEqual([store.evidence(), store.holdsEvidence(1)], [[{ first, second }], true]);
  });

  it('finds commits by index and by digest, as long as they are kept', async () => {
    const { store, blocks } = await filled();
    const digests = blocks.map((block, i) => commitOf(i + 1, [block]).digest);
    assert.deepEqual(
      digests.map((digest) => store.commitByDigest(digest)),
      [1, 2, 3],
    );
    assert.deepEqual((await store.commit(2))?.commit.digest, digests[1]);
    for (const index of [0, 4]) assert.equal(await store.commit(index), undefined);
    const oldest = await store.forgetCommits(3);
    assert.equal(oldest, (await store.commit(3))?.blockPositions[0]);
    assert.deepEqual(
      [store.oldestCommit, await store.commit(2), store.commitByDigest(digests[1] as string)],
      [3, undefined, undefined],
    );
    assert.equal(store.commitByDigest(digests[2] as string), 3);
  });

  it('knows its commits again in the next life', async () => {
    const { store } = await filled();
    const kept = store.keptCommits();
    assert.deepEqual([kept.first, kept.positions.length], [1, 3]);
    const { store: other } = await openStore();
    other.restoreCommits({ ...kept, first: 7 });
    assert.deepEqual(other.keptCommits(), { first: 7, positions: kept.positions });
  });

  it('needs the log from the oldest block of the DAG on', async () => {
    const { store } = await openStore();
    assert.equal(store.oldestPosition(), undefined);
    const full = await filled();
    const first = full.store.oldestPosition() as LogPosition;
    full.store.forgetBlocks(1);
    assert.ok((full.store.oldestPosition() as LogPosition) > first);
  });

  it('waits for a disk that refuses, and goes on when it takes writes again', async () => {
    const { store, disk, time } = await filled();
    let resumed = 0;
    store.onResumed = () => {
      resumed += 1;
    };
    const universe = new Universe({ powers: [1, 1, 1, 1], leaders: 1 });
    append(store, universe.block(0, 9, universe.roots));
    disk.fail({ operation: 'sync', code: 'DISK_FULL' });
    const flushes = Promise.all([store.flush(), store.flush()]);
    await turns();
    assert.equal(store.writable, false);
    time.advance(1_000);
    await turns();
    assert.deepEqual([store.writable, resumed], [false, 0]);
    const [first, second] = [5, 6].map((timestampMs) => signed(universe.block(1, 1, universe.roots, { timestampMs })));
    const logged = store.log.endPosition;
    store.appendEvidence({ first, second } as Evidence);
    assert.deepEqual([store.holdsEvidence(1), store.log.endPosition], [true, logged], 'remembered, not logged');
    disk.healFaults();
    time.advance(1_000);
    await flushes;
    assert.deepEqual([store.writable, resumed], [true, 1]);
  });
});
