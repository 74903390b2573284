import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import type { NodeConfig } from '../../../src/node/config.ts';
import { openReadSources } from '../../../src/node/read-sources.ts';
import { id, type NetworkId } from '../../../src/types/ids.ts';
import { NO_INSTRUMENTS } from '../../../src/util/instruments.ts';
import { SILENT_LOGGER } from '../../../src/util/logger.ts';
import { shaHasher } from '../../support/sha-hasher.ts';
import { VirtualTime } from '../../support/virtual-time.ts';

const NETWORK = id<NetworkId>('ab'.repeat(32));
const NOBODY = '127.0.0.1:1';

let folder = '';
const at = (name: string): string => join(folder, name);

before(() => {
  folder = mkdtempSync(join(tmpdir(), 'av10-sources-'));
  writeFileSync(at('secret'), `${'s'.repeat(32)}\n`);
  writeFileSync(at('short'), `${'s'.repeat(31)}\n`);
  writeFileSync(at('large'), 's'.repeat(1_025));
  writeFileSync(at('empty'), '\n');
  writeFileSync(at('uri'), `mongodb://${NOBODY}/?directConnection=true`);
});
after(() => rmSync(folder, { recursive: true }));

function open(given: Partial<NodeConfig>) {
  const none = { redisNodes: [], redisCluster: false, redisTls: false, redisPasswordFile: '', cacheSecretFile: '' };
  const config = { archiveLevel: 'off', cacheBytes: 1_048_576, cacheTtlSeconds: 60, ...none, ...given } as NodeConfig;
  const time = new VirtualTime();
  const modules = { clock: time, timers: time, hasher: shaHasher, instruments: NO_INSTRUMENTS, logger: SILENT_LOGGER };
  return openReadSources(config, NETWORK, modules);
}

describe('where the API reads what does not change', () => {
  it('is memory alone unless more is configured', async () => {
    const sources = await open({});
    assert.equal(sources.archive, undefined);
    const value = Uint8Array.of(1);
    await sources.cache.getOrLoad('k', async () => value);
    const again = await sources.cache.getOrLoad('k', () => assert.fail('it is kept'));
    assert.deepEqual(again, value);
    await sources.close();
  });

  it('may be a Redis and an archive that are not there', async () => {
    const redis = { redisNodes: [NOBODY], cacheSecretFile: at('secret') };
    const archive = { archiveLevel: 'blocks', archiveUriFile: at('uri'), archiveDatabase: 'a' } as const;
    const sources = await open({ ...redis, ...archive });
    assert.equal(sources.archive?.hasReceipts, false, 'of this level');
    assert.equal(await sources.cache.getOrLoad('k', async () => undefined), undefined);
    await sources.close();
  });

  it('is no Redis without a secret, nor one with a file that cannot be used', async () => {
    for (const name of ['', 'short', 'large', 'nothing']) {
      const path = name === '' ? '' : at(name);
      const opening = open({ redisNodes: [NOBODY], cacheSecretFile: path });
      await assert.rejects(opening, { code: 'CONFIG_INVALID', fields: { path } });
    }
    const opening = open({ redisNodes: [NOBODY], cacheSecretFile: at('secret'), redisPasswordFile: at('empty') });
    await assert.rejects(opening, { code: 'CONFIG_INVALID', fields: { path: at('empty') } });
  });
});
