import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { signatureContext } from '../../../src/crypto/domains.ts';
import { nobleBackend } from '../../../src/crypto/noble.ts';
import type { SignedMessage, Verifier } from '../../../src/crypto/signer.ts';
import {
  type Certificate,
  committeeDigest,
  decodeCertificate,
  encodeCertificate,
  verifyCertificate,
} from '../../../src/types/certificate.ts';
import { id, type NetworkId } from '../../../src/types/ids.ts';
import { SIGNATURE_BYTES } from '../../../src/types/limits.ts';
import { encodeStatement } from '../../../src/types/statement.ts';
import { equalBytes } from '../../../src/util/bytes.ts';
import { committeeOf } from '../../support/committees.ts';
import { sampleStatement } from '../../vectors/ledger/golden.ts';

const statement = sampleStatement();
const committee = committeeOf([1, 2, 3, 4]);
const vote = (author: number) => ({ author, signature: new Uint8Array(SIGNATURE_BYTES).fill(author) });
const certificate: Certificate = { statement, members: 4, votes: [vote(0), vote(2), vote(3)] };

/** Takes a signature for valid if it is filled with its author's index, and checks what is signed. */
const verifier: Verifier = {
  verify: async () => assert.fail('one batch expected'),
  verifyMany: async (items: readonly SignedMessage[]) => {
    const context = signatureContext('ckpt', Uint8Array.fromHex(statement.networkId));
    for (const item of items)
      assert.ok(equalBytes(item.message, encodeStatement(statement)) && equalBytes(item.context, context));
    return Uint8Array.from(items, ({ signature }) =>
      signature.every((byte) => byte === signature[0] && byte < 4) ? 1 : 0,
    );
  },
};

const verify = (changed: Partial<Certificate>): Promise<void> =>
  verifyCertificate(verifier, statement.networkId, committee, { ...certificate, ...changed });

describe('checkpoint certificates', () => {
  it('of a quorum verify', async () => {
    await verify({});
  });

  it('count voting power, not heads', async () => {
    const votes = [vote(0), vote(1), vote(2)];
    const fields = { power: 6, quorum: 7 };
    await assert.rejects(verify({ votes }), { code: 'CERTIFICATE_QUORUM', fields });
    await verify({ votes: [vote(2), vote(3)] });
  });

  it('with one wrong signature name its author', async () => {
    const votes = [vote(0), { author: 2, signature: new Uint8Array(SIGNATURE_BYTES).fill(9) }, vote(3)];
    await assert.rejects(verify({ votes }), { code: 'CERTIFICATE_SIGNATURE', fields: { author: 2 } });
  });

  it('of another network or committee are refused before any signature is checked', async () => {
    const network = id<NetworkId>('ff'.repeat(32));
    await assert.rejects(verifyCertificate(verifier, network, committee, certificate), {
      code: 'CERTIFICATE_NETWORK',
      fields: { network: statement.networkId },
    });
    await assert.rejects(verify({ members: 5 }), { code: 'CERTIFICATE_COMMITTEE', fields: { expected: 4, got: 5 } });
  });

  it('travel whole, and only in their canonical form', () => {
    const bytes = encodeCertificate(certificate);
    assert.deepEqual(decodeCertificate(bytes), certificate);
    const bitmapAt = encodeStatement(statement).length + 2;
    assert.equal(bytes[bitmapAt], 0b1101);
    const beyond = bytes.slice();
    beyond[bitmapAt] = 0b1_0101;
    assert.throws(() => decodeCertificate(beyond), { code: 'NON_CANONICAL' });
    assert.throws(() => decodeCertificate(bytes.subarray(0, -1)), { code: 'TRUNCATED' });
    assert.throws(() => decodeCertificate(Uint8Array.of(...bytes, 0)), { code: 'TRAILING_BYTES' });
    const crowd = bytes.slice();
    crowd[bitmapAt - 2] = 101;
    assert.throws(() => decodeCertificate(crowd), { code: 'LIMIT' });
  });

  it('the digest of a committee covers keys and powers', () => {
    const { hasher } = nobleBackend();
    const digest = (powers: readonly number[]): string => committeeDigest(hasher, committeeOf(powers).members).toHex();
    assert.notEqual(digest([1, 2, 3, 4]), digest([1, 2, 3, 5]));
    const [first, ...others] = committee.members;
    assert.ok(first);
    const other = { ...first, consensusKey: first.consensusKey.slice().fill(1) };
    assert.notEqual(committeeDigest(hasher, [other, ...others]).toHex(), digest([1, 2, 3, 4]));
  });
});
