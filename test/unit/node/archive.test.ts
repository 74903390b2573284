import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { NodeArchive } from '../../../src/node/archive.ts';
import type { NodeConfig } from '../../../src/node/config.ts';
import { NO_INSTRUMENTS } from '../../../src/util/instruments.ts';
import { SILENT_LOGGER } from '../../../src/util/logger.ts';

let folder = '';
let uriFile = '';

before(() => {
  folder = mkdtempSync(join(tmpdir(), 'av10-archive-'));
  uriFile = join(folder, 'uri');
  writeFileSync(uriFile, 'mongodb://127.0.0.1:1/\n');
});
after(() => rmSync(folder, { recursive: true }));

function open(given: Partial<NodeConfig>): Promise<NodeArchive> {
  const base = { archiveLevel: 'blocks', archiveUriFile: uriFile, archiveDatabase: 'a', archiveHoldSeconds: 5_400 };
  const config = { ...base, retainCommits: 1_000, ...given } as NodeConfig;
  return NodeArchive.open(config, { instruments: NO_INSTRUMENTS, logger: SILENT_LOGGER });
}

describe('the archive of a node', () => {
  it('keeps the whole log until it is started, and none of it where nothing is archived', async () => {
    assert.equal((await open({})).hold.commitsNeededFrom(), 1);
    assert.equal((await open({ archiveLevel: 'off' })).hold.commitsNeededFrom(), Number.POSITIVE_INFINITY);
  });

  it('keeps receipts of as many commits as the log waits for', async () => {
    const retained = async (given: Partial<NodeConfig>) => (await open(given)).receiptOptions.retainCommits;
    assert.equal(await retained({}), 1_350_000);
    assert.equal(await retained({ archiveHoldSeconds: 0 }), 100_000);
    assert.equal(await retained({ retainCommits: 2_000_000 }), 2_000_000);
    assert.equal(await retained({ archiveLevel: 'off' }), 100_000);
  });

  it('is refused without a file that names the server', async () => {
    const path = join(folder, 'nothing');
    await assert.rejects(open({ archiveUriFile: path }), { code: 'CONFIG_INVALID', fields: { path } });
    await assert.rejects(open({ archiveUriFile: '' }), { code: 'CONFIG_INVALID', fields: { path: '' } });
  });
});
