import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { nativeBackend } from '../../../src/crypto/native.ts';
import { nobleBackend } from '../../../src/crypto/noble.ts';
import { decodeGenesis, encodeGenesis } from '../../../src/params/genesis.ts';
import { decodeHeader } from '../../../src/types/block-codec.ts';
import { decodeCommit } from '../../../src/types/commit.ts';
import { decodeMessage, encodeMessage } from '../../../src/types/message-codec.ts';
import { sampleCommit, sampleHeaders, sampleMessages, wireVectors } from './golden.ts';
import { sampleGenesis } from './sample-genesis.ts';

const load = (file: string) => JSON.parse(readFileSync(join(import.meta.dirname, file), 'utf8'));

for (const { name, hasher } of [nativeBackend(), nobleBackend()]) {
  describe(`golden vectors of the wire, hashed by ${name}`, () => {
    for (const [file, made] of Object.entries(wireVectors(hasher))) {
      it(`${file} is what the codecs make`, () => {
        assert.deepEqual(made, load(file), 'a format changed: see test/vectors/wire/make-golden.ts');
      });
    }
  });
}

describe('golden vectors of the wire', () => {
  const { hasher } = nativeBackend();

  it('decode to what they were made of', () => {
    const headers = load('headers.json').map((vector: { name: string; bytes: string }) => {
      return [vector.name, decodeHeader(Uint8Array.fromHex(vector.bytes))];
    });
    assert.deepEqual(Object.fromEntries(headers), sampleHeaders(hasher));
    const { bytes, digest } = load('commit.json');
    assert.deepEqual(decodeCommit(hasher, Uint8Array.fromHex(bytes)), { ...sampleCommit(), digest });
    for (const message of Object.values(sampleMessages(hasher))) {
      assert.deepEqual(decodeMessage(hasher, encodeMessage(message)), message);
    }
  });

  it('name the network of the sample genesis', () => {
    assert.equal(decodeGenesis(hasher, encodeGenesis(sampleGenesis(hasher))).networkId, load('genesis.json').networkId);
  });
});
