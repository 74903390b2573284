import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, it } from 'node:test';
import { nativeBackend } from '../../../src/crypto/native.ts';
import { NodeError } from '../../../src/node/errors.ts';
import { ACCOUNT_ROW_BYTES, readGenesisFiles } from '../../../src/node/genesis-files.ts';
import { encodeGenesis, MAX_GENESIS_BYTES } from '../../../src/params/genesis.ts';
import type { ErrorFields } from '../../../src/util/errors.ts';
import { sampleGenesis } from '../../vectors/wire/sample-genesis.ts';

const { hasher } = nativeBackend();
const ROWS = new Uint8Array(3 * ACCOUNT_ROW_BYTES).fill(7);
const BLAKE3 = hasher.plain(ROWS).toHex();
const CONTENT = sampleGenesis(hasher);

let folder = '';
const path = (name: string): string => join(folder, name);
const read = () => readGenesisFiles(hasher, path('genesis.json'));

const refusal = (fields: ErrorFields) => (error: unknown) => {
  assert.ok(error instanceof NodeError, String(error));
  assert.deepEqual({ code: error.code, fields: error.fields }, { code: 'GENESIS_FILES', fields });
  return true;
};

describe('genesis files', () => {
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'av10-genesis-'));
    writeFileSync(
      path('genesis.json'),
      encodeGenesis({ ...CONTENT, accounts: { ...CONTENT.accounts, blake3: BLAKE3 } }),
    );
    writeFileSync(path('accounts.bin'), ROWS);
  });
  afterEach(() => rmSync(folder, { recursive: true }));

  it('are a genesis and the accounts that it names', async () => {
    const { genesis, accountsFile } = await read();
    assert.deepEqual([genesis.name, accountsFile], ['golden', path('accounts.bin')]);
  });

  it('are refused without genesis', async () => {
    rmSync(path('genesis.json'));
    await assert.rejects(read, refusal({ path: path('genesis.json') }));
  });

  it('are refused with a genesis that is too long to be read', async () => {
    truncateSync(path('genesis.json'), MAX_GENESIS_BYTES + 1);
    await assert.rejects(read, refusal({ path: path('genesis.json') }));
  });

  it('are refused with a damaged genesis', async () => {
    truncateSync(path('genesis.json'), 100);
    await assert.rejects(read, { code: 'GENESIS_INVALID' });
  });

  it('are refused without accounts', async () => {
    rmSync(path('accounts.bin'));
    await assert.rejects(read, refusal({ path: path('accounts.bin') }));
  });

  it('are refused with accounts of another length', async () => {
    truncateSync(path('accounts.bin'), ROWS.length - 1);
    await assert.rejects(read, refusal({ path: path('accounts.bin'), bytes: ROWS.length - 1 }));
  });

  it('are refused with other accounts', async () => {
    const other = ROWS.with(5, 8);
    writeFileSync(path('accounts.bin'), other);
    const found = hasher.plain(other).toHex();
    await assert.rejects(read, refusal({ path: path('accounts.bin'), expected: BLAKE3, found }));
  });
});
