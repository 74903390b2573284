import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, unlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { BlockLog } from '../../src/storage/block-log.ts';
import { NodeDisk } from '../../src/storage/node-disk.ts';
import { SqliteReceiptIndex } from '../../src/storage/sqlite-receipt-index.ts';
import { id, type TransactionId } from '../../src/types/ids.ts';
import { isCoded } from '../../src/util/errors.ts';
import { block, LOG_OPTIONS, openLog, readAll, refusal, storageModules } from '../unit/storage/fixture.ts';

function mount(...args: string[]): boolean {
  return spawnSync('mount', args).status === 0;
}

/** Reason to skip, if this machine cannot mount. */
function cannotMount(): string | false {
  if (process.platform !== 'linux') return 'mounting a small tmpfs needs Linux';
  if (process.getuid?.() !== 0) return 'mounting a small tmpfs needs root';
  return false;
}

describe('a full or read-only disk', { skip: cannotMount() }, () => {
  const withTmpfs = async (test: (folder: string) => Promise<void>): Promise<void> => {
    const folder = mkdtempSync(join(tmpdir(), 'av10-full-'));
    assert.ok(mount('-t', 'tmpfs', '-o', 'size=1m', 'none', folder), 'tmpfs mounted');
    try {
      await test(folder);
    } finally {
      spawnSync('umount', [folder]);
      rmSync(folder, { recursive: true });
    }
  };

  it('stops the log with DISK_FULL, and lets it resume once space returns', async () => {
    await withTmpfs(async (folder) => {
      const ballast = join(folder, 'ballast');
      writeFileSync(ballast, Buffer.alloc(600 * 1024));
      const modules = storageModules(new NodeDisk(folder));
      const log = await BlockLog.create(LOG_OPTIONS, modules);
      let appended = 0;
      const fill = async (): Promise<void> => {
        for (;;) {
          log.append(block(appended + 1));
          appended += 1;
          await log.flush();
        }
      };
      await assert.rejects(fill(), (error: Error) => {
        assert.ok(isCoded(error.cause, 'DISK_FULL'), String(error.cause));
        return refusal('LOG_FAILED')(error);
      });
      assert.ok(appended > 20);
      await assert.rejects(log.resume());
      unlinkSync(ballast);
      await log.resume();
      log.append(block(appended + 1));
      await log.close();
      const { log: reopened, damage, tail } = await openLog(modules);
      assert.deepEqual([damage, tail.cut, reopened.lastSequence], [[], false, appended + 1]);
      assert.equal((await readAll(reopened)).records.length, appended + 1);
      await reopened.close();
    });
  });

  it('leaves the receipt index as it was, and its process alive, until space returns', async () => {
    await withTmpfs(async (folder) => {
      const path = join(folder, 'receipts');
      const options = { retainCommits: 10_000, maxPendingBytes: 8 * 1024 * 1024 };
      const index = SqliteReceiptIndex.open(path, options);
      const receipts = (commit: number) =>
        Array.from({ length: 200 }, (_, i) => ({
          id: id<TransactionId>((commit * 1_000 + i).toString(16).padStart(64, '0')),
          receipt: new Uint8Array(60),
        }));
      let commit = 0;
      const fill = async (): Promise<void> => {
        for (;;) {
          commit += 1;
          index.add(commit, receipts(commit));
          await index.flush();
        }
      };
      await assert.rejects(fill(), refusal('INDEX_FAILED'));
      await assert.rejects(index.flush(), refusal('INDEX_FAILED'));
      assert.ok(mount('-o', 'remount,size=8m', folder));
      await index.flush();
      await index.close();
      const reopened = SqliteReceiptIndex.open(path, options);
      assert.equal(reopened.cursor, commit);
      for (const kept of [1, commit])
        for (const { id: txId } of receipts(kept)) assert.equal(reopened.get(txId)?.commitIndex, kept);
      await reopened.close();
    });
  });

  it('can be read where nothing can be written, and says READ_ONLY', async () => {
    await withTmpfs(async (folder) => {
      const disk = new NodeDisk(folder);
      const modules = storageModules(disk);
      const log = await BlockLog.create(LOG_OPTIONS, modules);
      const position = log.append(block(1));
      await log.close();
      assert.ok(mount('-o', 'remount,ro', folder));
      assert.equal((await log.read(position)).sequence, 1);
      const file = await disk.open('log/segment-0000000.log', 'existing');
      await assert.rejects(file.write(0, new Uint8Array(1)), { code: 'READ_ONLY' });
      await file.close();
      await assert.rejects(disk.open('log/new', 'create'), { code: 'READ_ONLY' });
      await assert.rejects(openLog(modules), { code: 'READ_ONLY' });
      assert.ok(mount('-o', 'remount,rw', folder));
      const { log: reopened } = await openLog(modules);
      assert.equal(reopened.lastSequence, 1);
      await reopened.close();
    });
  });
});
