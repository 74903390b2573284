import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { HASH_DOMAINS, SIGNATURE_PURPOSES, signatureContext } from '../../../src/crypto/domains.ts';
import { nativeBackend } from '../../../src/crypto/native.ts';
import { nobleBackend } from '../../../src/crypto/noble.ts';
import { nodeBackend } from '../../../src/crypto/node.ts';
import { SecretBytes } from '../../../src/crypto/secret-bytes.ts';
import { fromHex, toHex, utf8 } from '../../../src/util/bytes.ts';
import { readGoldenDigests, readGoldenSignatures } from './golden.ts';

for (const backend of [nativeBackend(), nodeBackend(), nobleBackend()]) {
  suite(`golden values on ${backend.name}`, () => {
    test('the digest of every hash domain', () => {
      const { input, digests } = readGoldenDigests();
      assert.deepEqual(Object.keys(digests), [...HASH_DOMAINS]);
      for (const domain of HASH_DOMAINS) {
        assert.equal(toHex(backend.hasher.hash(domain, fromHex(input))), digests[domain], domain);
      }
    });

    test('the signature of every purpose, valid under its own context only', async () => {
      const golden = readGoldenSignatures();
      assert.deepEqual(Object.keys(golden.purposes), [...SIGNATURE_PURPOSES]);
      const { publicKey } = backend.generateKeyPair(new SecretBytes(fromHex(golden.seed)));
      assert.equal(toHex(publicKey), golden.publicKey);
      for (const purpose of SIGNATURE_PURPOSES) {
        for (const other of SIGNATURE_PURPOSES) {
          const context = fromHex(golden.purposes[other].context);
          const signature = fromHex(golden.purposes[purpose].signature);
          const accepted = await backend.verifier.verify(publicKey, context, fromHex(golden.message), signature);
          assert.equal(accepted, purpose === other, `signature for ${purpose} under ${other}`);
        }
      }
    });
  });
}

test('a context is the ASCII purpose with its version and the raw bytes of the network id', () => {
  const { networkId, purposes } = readGoldenSignatures();
  for (const purpose of SIGNATURE_PURPOSES) {
    const expected = toHex(utf8(`av10/${purpose}/1/`)) + networkId;
    assert.equal(purposes[purpose].context, expected);
    assert.equal(toHex(signatureContext(purpose, fromHex(networkId))), expected);
  }
});
