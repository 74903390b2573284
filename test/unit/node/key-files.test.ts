import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { encodeKeystore, MAX_KEYSTORE_BYTES } from '../../../src/crypto/keystore.ts';
import { nativeBackend } from '../../../src/crypto/native.ts';
import { SecretBytes } from '../../../src/crypto/secret-bytes.ts';
import { NodeError } from '../../../src/node/errors.ts';
import { keystoreFile, openConsensusKey, PEER_KEY_FILE, readPeerKey } from '../../../src/node/key-files.ts';
import type { Member } from '../../../src/params/committee.ts';
import { utf8 } from '../../../src/util/bytes.ts';
import { type ErrorFields, isCoded } from '../../../src/util/errors.ts';
import { committeeOf } from '../../support/committees.ts';

const CHEAP = { memoryKiB: 8_192, passes: 1, lanes: 1 };
const crypto = nativeBackend();
const passphrase = (text = 'open'): SecretBytes => new SecretBytes(utf8(text));

const refusal = (fields: ErrorFields) => (error: unknown) => {
  assert.ok(error instanceof NodeError, String(error));
  assert.deepEqual({ code: error.code, fields: error.fields }, { code: 'KEY_MISMATCH', fields });
  return true;
};

describe('key files', () => {
  let folder = '';
  let consensus = '';
  let member: Member;

  before(async () => {
    folder = mkdtempSync(join(tmpdir(), 'av10-keys-'));
    consensus = keystoreFile(folder, 'consensus');
    const { publicKey, seed } = crypto.generateKeyPair(new SecretBytes(new Uint8Array(32).fill(3)));
    member = { ...committeeOf([1]).member(0), consensusKey: publicKey };
    const content = { purpose: 'consensus', publicKey, id: member.validatorId, seed } as const;
    writeFileSync(consensus, await encodeKeystore(content, passphrase(), CHEAP));
  });
  after(() => rmSync(folder, { recursive: true }));

  it('hold the consensus key that the genesis names', async () => {
    const signer = await openConsensusKey(crypto, folder, member, passphrase());
    assert.deepEqual(signer.publicKey, member.consensusKey);
  });

  it('are refused when the genesis names another key', async () => {
    const other = { ...member, consensusKey: new Uint8Array(2_592) };
    const fields = { path: consensus, validator: 'A' };
    await assert.rejects(openConsensusKey(crypto, folder, other, passphrase()), refusal(fields));
  });

  it('are refused with another passphrase', async () => {
    const opening = openConsensusKey(crypto, folder, member, passphrase('shut'));
    await assert.rejects(opening, (error) => isCoded(error, 'KEYSTORE_PASSPHRASE'));
  });

  it('are refused when there are none, or too long ones', async () => {
    const missing = join(folder, 'nowhere');
    await assert.rejects(
      openConsensusKey(crypto, missing, member, passphrase()),
      refusal({ path: keystoreFile(missing, 'consensus') }),
    );
    const long = mkdtempSync(join(folder, 'long-'));
    writeFileSync(keystoreFile(long, 'consensus'), new Uint8Array(MAX_KEYSTORE_BYTES + 1));
    await assert.rejects(
      openConsensusKey(crypto, long, member, passphrase()),
      refusal({ path: keystoreFile(long, 'consensus') }),
    );
  });

  it('hold the seed of the peer id as a line of text', async () => {
    const path = join(folder, PEER_KEY_FILE);
    writeFileSync(path, `${'5a'.repeat(32)}\n`);
    assert.deepEqual(await readPeerKey(folder), new Uint8Array(32).fill(0x5a));
    for (const wrong of ['', '5A'.repeat(32), '5a'.repeat(31), `${'5a'.repeat(33)}`]) {
      writeFileSync(path, wrong);
      await assert.rejects(readPeerKey(folder), refusal({ path }), wrong);
    }
  });
});
