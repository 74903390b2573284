import assert from 'node:assert/strict';
import { generateKeyPairSync } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, it } from 'node:test';
import type { NodeConfig } from '../../../src/node/config.ts';
import { readTlsFiles } from '../../../src/node/tls-files.ts';
import { certificateOf, EC_KEY, pemOf } from '../../support/test-certificate.ts';

let folder = '';
const at = (name: string): string => join(folder, name);
const config = (tlsCert: string, tlsKey: string): NodeConfig => ({ tlsCert, tlsKey }) as NodeConfig;

before(() => {
  folder = mkdtempSync(join(tmpdir(), 'av10-tls-'));
  writeFileSync(at('cert'), certificateOf(EC_KEY));
  writeFileSync(at('key'), pemOf(EC_KEY.key));
  writeFileSync(at('other'), pemOf(generateKeyPairSync('ec', { namedCurve: 'P-384' }).privateKey));
});
after(() => rmSync(folder, { recursive: true }));

it('certificate and key of the API are used together or not at all', async () => {
  assert.equal(await readTlsFiles(config('', '')), undefined);
  const tls = await readTlsFiles(config(at('cert'), at('key')));
  assert.equal(tls?.key.toString(), pemOf(EC_KEY.key));
  const unusable = [
    [at('cert'), ''],
    ['', at('key')],
    [at('cert'), at('nothing')],
    [at('cert'), at('other')],
    [at('key'), at('key')],
  ] as const;
  for (const [cert, key] of unusable)
    await assert.rejects(readTlsFiles(config(cert, key)), { code: 'TLS_FILES', fields: { cert, key } });
});
