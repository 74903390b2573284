import assert from 'node:assert/strict';
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { suite, test } from 'node:test';
import { type FundedAccount, writeGenesis } from '../../../src/cli/genesis-writer.ts';
import { decodeValidatorFile, encodeValidatorFile } from '../../../src/cli/validator-file.ts';
import { nodeBackend } from '../../../src/crypto/node.ts';
import { SecretBytes } from '../../../src/crypto/secret-bytes.ts';
import { peerIdOf } from '../../../src/network/index.ts';
import { readGenesisFiles } from '../../../src/node/genesis-files.ts';
import { type Member, validatorId } from '../../../src/params/committee.ts';
import { defaultParameters } from '../../../src/params/protocol-parameters.ts';
import { utf8 } from '../../../src/util/bytes.ts';
import { withFolder } from './scratch-folder.ts';

const crypto = nodeBackend();
const key = (byte: number): Uint8Array =>
  crypto.generateKeyPair(new SecretBytes(new Uint8Array(32).fill(byte))).publicKey;

async function member(index: number): Promise<Member> {
  const identityKey = key(10 + index);
  return {
    validatorId: validatorId(crypto.hasher, identityKey),
    name: `validator-${index}`,
    power: 1,
    peerId: await peerIdOf(new Uint8Array(32).fill(index + 1)),
    address: `127.0.0.1:${30_311 + index}`,
    identityKey,
    consensusKey: key(20 + index),
    linkKey: key(30 + index),
  };
}

const members = await Promise.all([0, 1, 2].map(member));
const content = {
  name: 'test',
  timeMs: 1,
  parameters: defaultParameters(3),
  assets: [{ symbol: 'T', decimals: 0 }],
  members,
};

suite('genesis writer', () => {
  test('the files read back as what was written, many rows in one pass', () =>
    withFolder(async (folder) => {
      const publicKey = key(1);
      const rows = function* (): Generator<FundedAccount> {
        for (let i = 0; i < 1_000; i++) yield { publicKey, balance: BigInt(i) };
      };
      const { genesis, warnings } = await writeGenesis(crypto.hasher, folder, content, rows());
      const read = await readGenesisFiles(crypto.hasher, join(folder, 'genesis.json'));
      assert.equal(read.genesis.networkId, genesis.networkId);
      assert.equal(read.genesis.accounts.count, 1_000);
      const file = readFileSync(read.accountsFile);
      assert.equal(file.length, 1_000 * 2_600);
      assert.deepEqual(new Uint8Array(file.subarray(999 * 2_600, 999 * 2_600 + 2_592)), publicKey);
      assert.equal(file.readBigUInt64LE(999 * 2_600 + 2_592), 999n);
      assert.match(warnings.join(), /3 validators tolerate no fault/);
    }));

  test('a file that is there is never overwritten', () =>
    withFolder(async (folder) => {
      writeFileSync(join(folder, 'accounts.bin'), 'mine');
      await assert.rejects(writeGenesis(crypto.hasher, folder, content, []), { code: 'FILE_EXISTS' });
      assert.deepEqual(readdirSync(folder), ['accounts.bin']);
      assert.equal(readFileSync(join(folder, 'accounts.bin'), 'utf8'), 'mine');
    }));
});

suite('validator.json', () => {
  const valid = encodeValidatorFile(members[0] as Member);
  const changed = (change: (file: Record<string, unknown>) => void): Uint8Array => {
    const file = JSON.parse(valid) as Record<string, unknown>;
    change(file);
    return utf8(JSON.stringify(file));
  };

  test('reads back as the member that was written', () => {
    assert.deepEqual(decodeValidatorFile(crypto.hasher, 'v.json', utf8(valid)), members[0]);
  });

  for (const [field, change] of [
    ['(file)', undefined],
    ['more', (file) => Object.assign(file, { more: 1 })],
    ['name', (file) => delete file.name],
    ['power', (file) => Object.assign(file, { power: 0 })],
    ['power', (file) => Object.assign(file, { power: '1' })],
    ['identityKey', (file) => Object.assign(file, { identityKey: 'AB' })],
    ['linkKey', (file) => Object.assign(file, { linkKey: `${file.linkKey}00` })],
    ['peerId', (file) => Object.assign(file, { peerId: 'Qm' })],
  ] as [string, ((file: Record<string, unknown>) => void) | undefined][]) {
    test(`a wrong ${field} is named`, () => {
      const bytes = change === undefined ? utf8('[') : changed(change);
      assert.throws(() => decodeValidatorFile(crypto.hasher, 'v.json', bytes), {
        code: 'FILE_INVALID',
        fields: { path: 'v.json', field },
      });
    });
  }
});
