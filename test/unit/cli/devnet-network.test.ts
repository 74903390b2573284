import assert from 'node:assert/strict';
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { suite, test } from 'node:test';
import { accountName, DevnetLayout, devnetPorts, validatorName } from '../../../src/cli/devnet/layout.ts';
import { prepareNetwork, writeConfigs } from '../../../src/cli/devnet/network.ts';
import { resolveConfig } from '../../../src/node/config.ts';
import { withFolder } from './scratch-folder.ts';

const anyNumbers = { validators: undefined, accounts: undefined, fresh: false };

suite('the network of a devnet', () => {
  test('is made once, used again, and made anew only when fresh is asked for', () =>
    withFolder(async (folder) => {
      const layout = new DevnetLayout(join(folder, 'net'));
      const made = await prepareNetwork(layout, { ...anyNumbers, validators: 2, accounts: 3 });
      assert.deepEqual(
        [made.validators, made.accounts.map(({ name, handle }) => `${name} ${handle}`)],
        [2, ['alice 0', 'bob 1', 'carol 2']],
      );
      assert.deepEqual(await prepareNetwork(layout, anyNumbers), made);
      await assert.rejects(prepareNetwork(layout, { ...anyNumbers, validators: 4 }), {
        code: 'USAGE',
        fields: { option: '--validators' },
      });
      await assert.rejects(prepareNetwork(layout, { ...anyNumbers, accounts: 4 }), {
        code: 'USAGE',
        fields: { option: '--accounts' },
      });
      const fresh = await prepareNetwork(layout, { ...anyNumbers, validators: 1, accounts: 1, fresh: true });
      assert.notEqual(fresh.networkId, made.networkId);
      assert.deepEqual(readdirSync(folder), ['net'], 'nothing half-made is left beside it');
    }));

  test('takes no folder that holds something else, not even with fresh', () =>
    withFolder(async (folder) => {
      const layout = new DevnetLayout(join(folder, 'precious'));
      mkdirSync(layout.baseDir);
      writeFileSync(join(layout.baseDir, 'thesis'), '');
      await assert.rejects(prepareNetwork(layout, { ...anyNumbers, fresh: true }), {
        code: 'USAGE',
        fields: { option: '--base-dir' },
      });
      assert.deepEqual(readdirSync(layout.baseDir), ['thesis']);
    }));

  test('its settings are valid, on loopback, with all addresses moved by the offset', () =>
    withFolder(async (folder) => {
      const layout = new DevnetLayout(folder);
      await writeConfigs(layout, { networkId: '', validators: 2, accounts: [] }, 7);
      const path = layout.validator(1).config;
      const file = { path, content: JSON.parse(readFileSync(path, 'utf8')) as unknown };
      const { config } = resolveConfig({ flags: {}, environment: {}, file });
      assert.deepEqual(
        [config.nodeId, config.p2pListen, config.apiListen, config.metricsListen, config.guardDir],
        ['validator-2', '127.0.0.1:30319', '127.0.0.1:8189', '127.0.0.1:9099', join(folder, 'guard', 'validator-2')],
      );
      assert.deepEqual(
        [...config.peerAddresses],
        [
          ['validator-1', '127.0.0.1:30318'],
          ['validator-2', '127.0.0.1:30319'],
        ],
      );
    }));
});

test('names and ports count from the first', () => {
  assert.deepEqual([validatorName(0), accountName(3), accountName(4)], ['validator-1', 'dave', 'account-5']);
  assert.deepEqual(devnetPorts(0, 0), { p2p: 30_311, api: 8_181, metrics: 9_091 });
});
