import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { NetworkError } from '../../../src/network/errors.ts';
import { generatePeerKey, isPeerId, peerIdOf } from '../../../src/network/peer-key.ts';
import { Prng } from '../../../src/util/prng.ts';

/** RFC 8032, 7.1, test 1. */
const SEED = '9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60';
const PUBLIC_KEY = 'd75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a';

describe('peer keys', () => {
  it('gives the peer id of an Ed25519 seed: identity multihash of its public key', async () => {
    const peerId = await peerIdOf(Uint8Array.fromHex(SEED));
    assert.ok(isPeerId(peerId));
    assert.equal(base58ToHex(peerId), `002408011220${PUBLIC_KEY}`);
  });

  it('refuses seeds of other lengths', async () => {
    await assert.rejects(peerIdOf(new Uint8Array(64)), (error) => {
      assert.ok(error instanceof NetworkError);
      assert.equal(error.code, 'PEER_KEY_INVALID');
      assert.deepEqual(error.fields, { bytes: 64 });
      return true;
    });
  });

  it('generates keys from the given randomness', async () => {
    const prng = new Prng(1);
    assert.notDeepEqual(generatePeerKey(prng), generatePeerKey(prng));
    assert.deepEqual(generatePeerKey(new Prng(2)), generatePeerKey(new Prng(2)));
  });

  it('knows a peer id by its one textual form', async () => {
    const peerId = await peerIdOf(new Prng(3).bytes(32));
    for (const text of ['', 'Qm', peerId.slice(1), `${peerId} `, 'QmYyQSo1c1Ym7orWxLYvCrM2EmxFTANf8wXmmE7DWjhx5N']) {
      assert.equal(isPeerId(text), false, text);
    }
  });
});

function base58ToHex(text: string): string {
  const alphabet = '123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz';
  let value = 0n;
  let zeros = 0;
  for (const digit of text) {
    value = value * 58n + BigInt(alphabet.indexOf(digit));
    if (value === 0n) zeros += 1;
  }
  const hex = value.toString(16);
  return '00'.repeat(zeros) + (hex.length % 2 === 0 ? hex : `0${hex}`);
}
