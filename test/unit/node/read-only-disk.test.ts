import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { ReadOnlyDisk } from '../../../src/node/read-only-disk.ts';
import type { Disk } from '../../../src/util/disk.ts';
import { SimulatedDisk } from '../../support/simulated-disk.ts';

const BYTES = Uint8Array.of(1, 2, 3);

async function looked(): Promise<{ readonly disk: SimulatedDisk; readonly view: Disk }> {
  const disk = new SimulatedDisk();
  await disk.makeDirectory('folder');
  const file = await disk.open('folder/file', 'create');
  await file.write(0, BYTES);
  await file.close();
  return { disk, view: new ReadOnlyDisk(disk) };
}

suite('a disk that is only looked at', () => {
  test('reads what is there', async () => {
    const { view } = await looked();
    assert.deepEqual([await view.exists('folder/file'), await view.list('folder')], [true, ['file']]);
    const file = await view.open('folder/file', 'existing');
    assert.deepEqual([await file.size(), await file.read(0, 3)], [3, BYTES]);
    await file.close();
  });

  test('leaves what would be tidied up as it was', async () => {
    const { disk, view } = await looked();
    const file = await view.open('folder/file', 'existing');
    await file.truncate(0);
    await file.sync();
    await file.close();
    await view.remove('folder/file');
    await view.makeDirectory('folder');
    await view.syncDirectory('folder');
    const again = await disk.open('folder/file', 'existing');
    assert.equal(await again.size(), 3);
  });

  test('refuses to write', async () => {
    const { view } = await looked();
    const refusal = (path: string) => ({ code: 'READ_ONLY', fields: { path } });
    const file = await view.open('folder/file', 'existing');
    await assert.rejects(file.write(0, BYTES), refusal('folder/file'));
    await assert.rejects(view.open('folder/new', 'create'), refusal('folder/new'));
    await assert.rejects(view.rename('folder/file', 'folder/other'), refusal('folder/file'));
    await assert.rejects(view.makeDirectory('other'), refusal('other'));
  });
});
