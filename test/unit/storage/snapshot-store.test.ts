import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { logPosition } from '../../../src/storage/log-position.ts';
import { MAX_CHUNK_BYTES } from '../../../src/storage/snapshot-file.ts';
import { SnapshotStore } from '../../../src/storage/snapshot-store.ts';
import { type CommitDigest, id, type NetworkId } from '../../../src/types/ids.ts';
import { concatBytes } from '../../../src/util/bytes.ts';
import { Prng } from '../../../src/util/prng.ts';
import { SimulatedDisk } from '../../support/simulated-disk.ts';
import { refusal, storageModules } from './fixture.ts';

const NETWORK = id<NetworkId>('11'.repeat(32));
const nameOf = (commitIndex: number): string => `snapshot-${String(commitIndex).padStart(16, '0')}.snap`;
const pathOf = (commitIndex: number): string => `snapshots/${nameOf(commitIndex)}`;

function newStore(disk: SimulatedDisk, networkId = NETWORK): SnapshotStore {
  return new SnapshotStore({ directory: 'snapshots', networkId }, storageModules(disk));
}

const metadata = (commitIndex: number) => ({
  commitIndex,
  commitDigest: id<CommitDigest>('22'.repeat(32)),
  checkpointIndex: 3,
  logPosition: logPosition(1, commitIndex),
});

const content = (commitIndex: number, length = 3_000): Uint8Array => new Prng(commitIndex).bytes(length);

async function gather(chunks: AsyncIterable<Uint8Array>): Promise<Uint8Array> {
  const parts: Uint8Array[] = [];
  for await (const chunk of chunks) parts.push(chunk);
  return concatBytes(...parts);
}

async function newestContent(store: SnapshotStore) {
  const { snapshot, rejected } = await store.newest();
  assert.ok(snapshot !== undefined);
  return { ...snapshot, bytes: await gather(snapshot.read()), rejected };
}

describe('SnapshotStore', () => {
  it('gives the newest back, with its metadata, cut into chunks', async () => {
    const disk = new SimulatedDisk();
    const store = newStore(disk);
    assert.deepEqual(await store.newest(), { snapshot: undefined, rejected: [] });
    const big = content(7, MAX_CHUNK_BYTES + 10);
    await store.write(metadata(7), [content(1), new Uint8Array(0), big]);
    disk.restart('power-cut', 'everything');
    const found = await newestContent(store);
    assert.deepEqual(found.metadata, { ...metadata(7), networkId: NETWORK });
    assert.deepEqual(found.bytes, concatBytes(content(1), big));
  });

  it('keeps two, and tells from where the log is needed', async () => {
    const disk = new SimulatedDisk();
    const store = newStore(disk);
    for (const commitIndex of [5, 10, 20]) await store.write(metadata(commitIndex), [content(commitIndex)]);
    assert.deepEqual(await disk.list('snapshots'), [nameOf(10), nameOf(20)]);
    assert.equal((await store.oldest())?.logPosition, metadata(10).logPosition);
  });

  it('falls back to the older when a bit of the newest is flipped, wherever it is', async () => {
    const disk = new SimulatedDisk();
    const store = newStore(disk);
    await store.write(metadata(1), [content(1, 100)]);
    await store.write(metadata(2), [content(2, 100), content(3, 50)]);
    const bytes = disk.contents(pathOf(2));
    for (let offset = 0; offset < bytes.length; offset++) {
      disk.plant(pathOf(2), bytes);
      disk.flip(pathOf(2), offset, 1 << (offset % 8));
      const found = await newestContent(store);
      assert.equal(found.metadata.commitIndex, 1, `byte ${offset}`);
      assert.deepEqual(
        found.rejected.map(({ code, fields }) => [code, fields.file]),
        [['SNAPSHOT_DAMAGED', nameOf(2)]],
      );
    }
  });

  it('refuses truncated, extended, swapped and renamed files', async () => {
    const disk = new SimulatedDisk();
    const store = newStore(disk);
    await store.write(metadata(1), [content(1, 64), content(2, 64)]);
    const bytes = disk.contents(pathOf(1));
    const headBytes = bytes.length - 3 * 36 - 128;
    const [first, second] = [bytes.slice(headBytes, headBytes + 100), bytes.slice(headBytes + 100, headBytes + 200)];
    const rest = bytes.slice(headBytes + 200);
    const head = bytes.slice(0, headBytes);
    const cases = {
      truncated: bytes.slice(0, bytes.length - 36),
      short: bytes.slice(0, 10),
      trailing: concatBytes(bytes, Uint8Array.of(0)),
      swapped: concatBytes(head, second, first, rest),
      dropped: concatBytes(head, second, rest),
    };
    assert.deepEqual(concatBytes(head, first, second, rest), bytes);
    for (const [name, planted] of Object.entries(cases)) {
      disk.plant(pathOf(1), planted);
      const { snapshot, rejected } = await store.newest();
      assert.deepEqual([snapshot, rejected.map(({ code }) => code)], [undefined, ['SNAPSHOT_DAMAGED']], name);
    }
    await disk.remove(pathOf(1));
    disk.plant(pathOf(9), bytes);
    assert.deepEqual((await store.newest()).rejected[0]?.fields, { file: nameOf(9), offset: 0, cause: 'head' });
  });

  it('stops at a snapshot of another network', async () => {
    const disk = new SimulatedDisk();
    await newStore(disk).write(metadata(1), [content(1)]);
    const other = id<NetworkId>('99'.repeat(32));
    await assert.rejects(
      newStore(disk, other).newest(),
      refusal('SNAPSHOT_FOREIGN', { file: nameOf(1), expected: other, found: NETWORK }),
    );
  });

  it('leaves the older ones in place when it cannot be written', async () => {
    const disk = new SimulatedDisk();
    const store = newStore(disk);
    await store.write(metadata(1), [content(1)]);
    for (const operation of ['write', 'sync', 'rename'] as const) {
      disk.fail({ operation, code: 'DISK_FULL' });
      await assert.rejects(store.write(metadata(2), [content(2)]), { code: 'DISK_FULL' });
      disk.healFaults();
      assert.deepEqual((await newestContent(store)).bytes, content(1));
    }
    await store.write(metadata(2), [content(2)]);
    assert.deepEqual((await newestContent(store)).bytes, content(2));
    assert.deepEqual(await disk.list('snapshots'), [nameOf(1), nameOf(2)]);
  });
});
