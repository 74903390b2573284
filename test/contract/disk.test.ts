import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { NodeDisk } from '../../src/storage/node-disk.ts';
import { utf8 } from '../../src/util/bytes.ts';
import type { Disk, DiskErrorCode } from '../../src/util/disk.ts';
import { SimulatedDisk } from '../support/simulated-disk.ts';

const root = mkdtempSync(join(tmpdir(), 'av10-disk-'));
after(() => rmSync(root, { recursive: true }));

const implementations: Readonly<Record<string, () => Disk>> = {
  NodeDisk: () => new NodeDisk(mkdtempSync(join(root, 'disk-'))),
  SimulatedDisk: () => new SimulatedDisk(),
};

const refusal = (code: DiskErrorCode, path: string) => (error: unknown) => {
  const { name, code: found, fields } = error as { name: string; code: string; fields: { path: string } };
  assert.deepEqual([name, found, fields.path], ['CodedError', code, path]);
  return true;
};

for (const [name, make] of Object.entries(implementations)) {
  describe(`Disk contract: ${name}`, () => {
    let disk: Disk;
    before(async () => {
      disk = make();
      await disk.makeDirectory('a/b');
    });

    it('writes several parts at an offset, extends, and reads back exactly', async () => {
      const file = await disk.open('a/parts', 'create');
      await file.write(3, utf8('abc'), new Uint8Array(0), utf8('defg'));
      assert.equal(await file.size(), 10);
      assert.deepEqual([...(await file.read(0, 10))], [0, 0, 0, ...utf8('abcdefg')]);
      await file.write(4, utf8('X'));
      await file.sync();
      assert.deepEqual([...(await file.read(3, 3))], [...utf8('aXc')]);
      await file.close();
    });

    it('writes more parts than one system call takes', async () => {
      const file = await disk.open('a/many', 'create');
      const parts = Array.from({ length: 3_000 }, (_, i) => Uint8Array.of(i & 0xff, i >> 8));
      await file.write(0, ...parts);
      assert.deepEqual(Buffer.from(await file.read(0, 6_000)), Buffer.concat(parts));
      await file.close();
    });

    it('refuses to read beyond the end', async () => {
      const file = await disk.open('a/short', 'create');
      await file.write(0, utf8('1234'));
      await assert.rejects(file.read(2, 3), refusal('SHORT_READ', 'a/short'));
      assert.equal((await file.read(4, 0)).length, 0);
      await file.close();
    });

    it('truncates and extends with zeros', async () => {
      const file = await disk.open('a/cut', 'create');
      await file.write(0, utf8('123456'));
      await file.truncate(2);
      await file.truncate(4);
      assert.deepEqual([...(await file.read(0, 4))], [0x31, 0x32, 0, 0]);
      await file.close();
    });

    it('creates only what is not there and opens only what is', async () => {
      await (await disk.open('a/once', 'create')).close();
      await assert.rejects(disk.open('a/once', 'create'), refusal('EXISTS', 'a/once'));
      await assert.rejects(disk.open('a/never', 'existing'), refusal('NOT_FOUND', 'a/never'));
      await assert.rejects(disk.open('no/folder', 'create'), refusal('NOT_FOUND', 'no/folder'));
      assert.equal(await disk.exists('a/once'), true);
      assert.equal(await disk.exists('a'), true);
      assert.equal(await disk.exists('a/never'), false);
    });

    it('lists names in byte order, and a missing folder as empty', async () => {
      for (const file of ['b', 'a', 'B', 'é']) await (await disk.open(`a/b/${file}`, 'create')).close();
      assert.deepEqual(await disk.list('a/b'), ['B', 'a', 'b', 'é']);
      assert.deepEqual(await disk.list('a/missing'), []);
      assert.ok((await disk.list('a')).includes('b'));
    });

    it('renames over an existing file, and removes', async () => {
      const from = await disk.open('a/from', 'create');
      await from.write(0, utf8('new'));
      await (await disk.open('a/to', 'create')).close();
      await disk.rename('a/from', 'a/to');
      await disk.syncDirectory('a');
      assert.equal(await disk.exists('a/from'), false);
      await from.write(3, utf8('er'));
      const to = await disk.open('a/to', 'existing');
      assert.deepEqual(await to.read(0, 5), utf8('newer'));
      await disk.remove('a/to');
      assert.equal(await disk.exists('a/to'), false);
      await assert.rejects(disk.remove('a/to'), refusal('NOT_FOUND', 'a/to'));
      await assert.rejects(disk.rename('a/to', 'a/x'), refusal('NOT_FOUND', 'a/to'));
      await from.close();
      await to.close();
    });

    it('makes folders that exist already', async () => {
      await disk.makeDirectory('a/b');
      await disk.makeDirectory('a/b/c/d');
      assert.equal(await disk.exists('a/b/c/d'), true);
    });

    it('locks a folder once, until released', async () => {
      const lock = await disk.lock('a');
      await assert.rejects(disk.lock('a'), refusal('LOCKED', 'a'));
      const other = await disk.lock('a/b');
      await lock.release();
      const again = await disk.lock('a');
      await again.release();
      await other.release();
    });

    it('knows its free space', async () => {
      assert.ok((await disk.freeBytes()) > 1024);
    });
  });
}

describe('NodeDisk', () => {
  it('is locked by another process, and free again once that was killed', async () => {
    const folder = mkdtempSync(join(root, 'locked-'));
    const source = new URL('../../src/storage/node-disk.ts', import.meta.url).href;
    const script = `const { NodeDisk } = await import('${source}');
      await new NodeDisk(${JSON.stringify(folder)}).lock('.');
      process.stdout.write('locked');
      setInterval(() => {}, 1_000);`;
    const child = spawn(process.execPath, ['--input-type=module', '-e', script], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    await new Promise((resolve) => child.stdout.once('data', resolve));
    const disk = new NodeDisk(folder);
    await assert.rejects(disk.lock('.'), refusal('LOCKED', '.'));
    child.kill('SIGKILL');
    await new Promise((resolve) => child.once('exit', resolve));
    const lock = await disk.lock('.');
    await lock.release();
  });

  it('never leaves its root', async () => {
    const disk = new NodeDisk(mkdtempSync(join(root, 'jail-')));
    await assert.rejects(async () => disk.open('../outside', 'create'), { name: 'AssertionFailure' });
  });
});
