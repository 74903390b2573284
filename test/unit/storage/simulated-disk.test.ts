import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { type LossModel, PowerCut, SimulatedDisk } from '../../support/simulated-disk.ts';

const SECTORS = 8;
const SYNCED = new Uint8Array(SECTORS * 512).fill(1);
const UNSYNCED = new Uint8Array(SECTORS * 512).fill(2);

/** One character a sector after the cut: what was synced, what was not, anything else. */
async function sectorsAfterCut(seed: number, loss: LossModel): Promise<string> {
  const disk = new SimulatedDisk(seed);
  const file = await disk.open('f', 'create');
  await file.write(0, SYNCED);
  await file.sync();
  await disk.syncDirectory('');
  await file.write(0, UNSYNCED);
  disk.restart('power-cut', loss);
  const content = disk.contents('f');
  return Array.from({ length: SECTORS }, (_, i) => {
    const sector = content.subarray(i * 512, (i + 1) * 512);
    if (sector.every((byte) => byte === 1)) return 's';
    return sector.every((byte) => byte === 2) ? 'u' : '?';
  }).join('');
}

async function outcomes(loss: LossModel): Promise<Set<string>> {
  const seen = new Set<string>();
  for (let seed = 1; seed <= 200; seed++) seen.add(await sectorsAfterCut(seed, loss));
  return seen;
}

describe('SimulatedDisk at a power cut', () => {
  it('loses, keeps, cuts short, scatters and damages what was not synced, and nothing else', async () => {
    assert.deepEqual([...(await outcomes('everything'))], ['ssssssss']);
    assert.deepEqual([...(await outcomes('nothing'))], ['uuuuuuuu']);
    const prefixes = await outcomes('prefix');
    assert.equal(prefixes.size, SECTORS + 1);
    for (const seen of prefixes) assert.match(seen, /^u*s*$/);
    const scattered = await outcomes('scattered');
    assert.ok(scattered.size > 50);
    for (const seen of scattered) assert.match(seen, /^[us]{8}$/);
    assert.ok(
      [...scattered].some((seen) => seen.includes('su')),
      'a later sector without an earlier one',
    );
    assert.ok([...(await outcomes('damaged'))].some((seen) => seen.includes('?')));
  });

  it('does the same for the same seed', async () => {
    for (let seed = 1; seed <= 20; seed++) {
      assert.equal(await sectorsAfterCut(seed, 'any'), await sectorsAfterCut(seed, 'any'));
    }
  });

  it('forgets names, renames and removals whose folder was not synced', async () => {
    const disk = new SimulatedDisk();
    await disk.makeDirectory('d');
    for (const name of ['d/old', 'd/gone']) await (await disk.open(name, 'create')).close();
    await disk.syncDirectory('d');
    await disk.open('d/new', 'create');
    await disk.rename('d/old', 'd/renamed');
    await disk.remove('d/gone');
    assert.deepEqual(await disk.list('d'), ['new', 'renamed']);
    disk.restart('power-cut', 'everything');
    assert.deepEqual(await disk.list('d'), ['gone', 'old']);
  });

  it('takes back truncation and growth that were not synced', async () => {
    const disk = new SimulatedDisk();
    const file = await disk.open('f', 'create');
    await file.write(0, Uint8Array.of(1, 2, 3, 4));
    await file.sync();
    await disk.syncDirectory('');
    await file.truncate(1);
    await file.write(1, Uint8Array.of(9, 9, 9, 9, 9));
    disk.restart('power-cut', 'everything');
    assert.deepEqual([...disk.contents('f')], [1, 2, 3, 4]);
  });

  it('cuts before or after the planned operation, and is dead until restarted', async () => {
    for (const when of ['before', 'after'] as const) {
      const disk = new SimulatedDisk();
      const file = await disk.open('f', 'create');
      await disk.syncDirectory('');
      disk.crashAt(2, when);
      await file.write(0, Uint8Array.of(7));
      await assert.rejects(file.sync(), PowerCut);
      await assert.rejects(file.size(), PowerCut);
      await assert.rejects(disk.open('f', 'existing'), PowerCut);
      disk.restart('power-cut', 'everything');
      assert.equal(disk.contents('f').length, when === 'before' ? 0 : 1);
      await assert.rejects(file.write(0, Uint8Array.of(8)), PowerCut);
    }
  });

  it('keeps what a killed process had written', async () => {
    const disk = new SimulatedDisk();
    await disk.lock('');
    const file = await disk.open('f', 'create');
    await file.write(0, Uint8Array.of(7));
    disk.restart('killed');
    assert.deepEqual([...disk.contents('f')], [7]);
    await (await disk.lock('')).release();
  });

  it('fails a planned operation, then heals, and never syncs a file again whose sync failed', async () => {
    const disk = new SimulatedDisk();
    const file = await disk.open('f', 'create');
    disk.fail({ operation: 'sync', code: 'IO_ERROR', after: 1, times: 1 });
    await file.sync();
    await assert.rejects(file.sync(), { code: 'IO_ERROR' });
    await assert.rejects(file.sync(), { code: 'IO_ERROR' });
    const reopened = await disk.open('f', 'existing');
    await reopened.sync();
    disk.capacityBytes = 10;
    await assert.rejects(reopened.write(0, new Uint8Array(11)), { code: 'DISK_FULL' });
    await reopened.write(0, new Uint8Array(10));
    assert.equal(await disk.freeBytes(), 0);
  });
});
