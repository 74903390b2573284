import assert from 'node:assert/strict';
import { before, describe, it } from 'node:test';
import { AsnConvert } from '@peculiar/asn1-schema';
import { Certificate, Extensions } from '@peculiar/asn1-x509';
import { SecretBytes } from '../../../src/crypto/secret-bytes.ts';
import { MAX_CERTIFICATE_BYTES } from '../../../src/network/limits.ts';
import { issueLinkCertificate, type LeafContent } from '../../../src/network/link-certificate.ts';
import { importLinkKey } from '../../../src/network/link-credentials.ts';
import { LinkRefusal, type LinkRefusalCode } from '../../../src/network/link-refusal.ts';
import { MemberKeys } from '../../../src/network/member-keys.ts';
import { encodeOperationalKeyCertificate } from '../../../src/network/operational-key.ts';
import { privateKeyOf } from '../../../src/network/peer-key.ts';
import { LINK_PROFILE } from '../../../src/network/tls-profile.ts';
import { type LinkExpectations, type PresentedLink, verifyLink } from '../../../src/network/verify-link.ts';
import { id, type NetworkId } from '../../../src/types/ids.ts';
import type { ErrorFields } from '../../../src/util/errors.ts';
import {
  CRYPTO,
  certified,
  type LoopbackCommittee,
  loopbackCommittee,
  memberSeed,
  TEST_NETWORK_ID,
} from '../../support/libp2p-network.ts';
import { SYSTEM_RANDOM } from '../../support/system-time.ts';

const NOW_MS = Date.now();
const DAY_MS = 24 * 60 * 60 * 1_000;
const OTHER_NETWORK = id<NetworkId>(new Uint8Array(32).fill(0x43));

interface Refused {
  readonly name: string;
  readonly code: LinkRefusalCode;
  readonly fields?: ErrorFields;
  /** What the peer presents: a change of the good leaf of member 1, or of all of it. */
  leaf?(good: Uint8Array): Uint8Array | Promise<Uint8Array>;
  presented?(good: PresentedLink): PresentedLink;
  readonly expected?: Partial<LinkExpectations>;
}

describe('verification of the other end of a link', () => {
  let committee: LoopbackCommittee;
  let good: Uint8Array;
  let expected: LinkExpectations;

  before(async () => {
    const addresses = ['127.0.0.1:1', '127.0.0.1:2', '127.0.0.1:3'];
    committee = await loopbackCommittee(3, 1, addresses);
    good = await leafOf(1);
    const members = new MemberKeys(committee.peers, new Map(), () => undefined);
    expected = {
      networkId: TEST_NETWORK_ID,
      verifier: CRYPTO.verifier,
      ownPublicKey: peer(0).linkKey,
      ownPeerId: peer(0).peerId,
      expectedPeer: undefined,
      nowMs: NOW_MS,
      authority: (peerId) => members.authority(peerId),
    };
  });

  const peer = (node: number) => committee.peers[node] ?? assert.fail();

  async function leafOf(node: number, change: Partial<LeafContent> = {}, seed = memberSeed(committee, node, 'link')) {
    const { key, publicKey } = importLinkKey({ seed });
    const peerKey = await privateKeyOf(committee.peerKeys[node] ?? assert.fail());
    const content = { networkId: TEST_NETWORK_ID, linkKey: key, linkPublicKey: publicKey, peerKey, nowMs: NOW_MS };
    return await issueLinkCertificate({ ...content, ...change }, SYSTEM_RANDOM);
  }

  /** Another link key of member 1, with a certificate for it. */
  async function certifiedLeaf(sequence: number, change: Parameters<typeof certified>[4] = {}, signer = 1) {
    const seed = SecretBytes.random(32);
    // Around the moment that is judged here, however long ago this file was loaded.
    const validity = { notBeforeMs: NOW_MS - 60_000, notAfterMs: NOW_MS + 60_000 };
    const statement = { validatorId: peer(1).validatorId, ...validity, ...change };
    const certificate = await certified(committee, signer, sequence, seed, statement);
    return await leafOf(1, { keyCertificate: encodeOperationalKeyCertificate(certificate) }, seed);
  }

  const present = (leaf: Uint8Array): PresentedLink => ({
    negotiated: { ...LINK_PROFILE, category: 5, resumed: false },
    certificates: [leaf],
  });

  const knowing = (sequence: number): Partial<LinkExpectations> => ({
    authority: () => ({ ...peer(1), sequence }),
  });

  it('accepts the link key of the genesis', async () => {
    for (const expectedPeer of [undefined, peer(1).peerId]) {
      const link = await verifyLink(present(good), { ...expected, expectedPeer });
      assert.equal(link.peerId.toString(), peer(1).peerId);
      assert.deepEqual(
        { ...link, peerId: undefined },
        {
          peerId: undefined,
          keyAlgorithm: 'ML-DSA-87',
          validatorId: peer(1).validatorId,
          keySequence: 0,
          keyCertificate: undefined,
        },
      );
    }
  });

  it('accepts a key that the identity key certified, from the highest sequence seen on', async () => {
    const leaf = await certifiedLeaf(4);
    for (const known of [0, 3, 4])
      assert.equal((await verifyLink(present(leaf), { ...expected, ...knowing(known) })).keySequence, 4);
  });

  const negotiated = (change: Partial<PresentedLink['negotiated']>) => (link: PresentedLink) => ({
    ...link,
    negotiated: { ...link.negotiated, ...change },
  });
  const refused: readonly Refused[] = [
    ...(
      [
        ['version', 'TLSv1.2'],
        ['group', 'X25519MLKEM768'],
        ['group', 'unknown'],
        ['cipher', 'TLS_AES_128_GCM_SHA256'],
      ] as const
    ).map(
      ([what, got]): Refused => ({
        name: `${what} ${got}`,
        code: 'PROFILE_MISMATCH',
        fields: { what, got },
        presented: negotiated({ [what]: got }),
      }),
    ),
    { name: 'a resumed session', code: 'SESSION_RESUMED', presented: negotiated({ resumed: true }) },
    { name: 'no certificate', code: 'CERTIFICATE_MISSING', presented: (link) => ({ ...link, certificates: [] }) },
    {
      name: 'another certificate beside it',
      code: 'CERTIFICATE_CHAIN',
      fields: { certificates: 2 },
      presented: (link) => ({ ...link, certificates: [...link.certificates, ...link.certificates] }),
    },
    malformed('a byte too many', 'certificate', (leaf) => Uint8Array.of(...leaf, 0)),
    malformed('a byte too few', 'certificate', (leaf) => leaf.subarray(0, -1)),
    malformed('nothing', 'certificate', () => new Uint8Array(0)),
    malformed('nested without end', 'certificate', () => new Uint8Array(MAX_CERTIFICATE_BYTES).fill(0x30)),
    malformed('larger than any', 'length', () => new Uint8Array(MAX_CERTIFICATE_BYTES + 1)),
    malformed('a third extension', 'extensions', (leaf) =>
      edited(leaf, ({ tbsCertificate: tbs }) => {
        const [extension] = tbs.extensions ?? assert.fail();
        tbs.extensions = new Extensions([extension, extension, extension].map((one) => one ?? assert.fail()));
      }),
    ),
    {
      name: 'a key of another type',
      code: 'CERTIFICATE_KEY_TYPE',
      leaf: (leaf) =>
        edited(leaf, ({ tbsCertificate: tbs }) => {
          tbs.subjectPublicKeyInfo.algorithm.algorithm = '2.16.840.1.101.3.4.3.18';
        }),
    },
    {
      name: 'no libp2p extension',
      code: 'EXTENSION_MISSING',
      leaf: (leaf) =>
        edited(leaf, ({ tbsCertificate: tbs }) => {
          tbs.extensions = new Extensions([]);
        }),
    },
    {
      name: 'the libp2p extension of another link key',
      code: 'EXTENSION_FORGED',
      leaf: async (leaf) => {
        const { extensions } = parsed(await leafOf(1, {}, SecretBytes.random(32))).tbsCertificate;
        return edited(leaf, ({ tbsCertificate: tbs }) => {
          tbs.extensions = extensions ?? assert.fail();
        });
      },
    },
    {
      name: 'a libp2p key that is not Ed25519',
      code: 'EXTENSION_FORGED',
      leaf: (leaf) => replaced(leaf, Uint8Array.of(0x08, 0x01, 0x12, 0x20), Uint8Array.of(0x08, 0x02, 0x12, 0x20)),
    },
    {
      name: 'a leaf that is over',
      code: 'CERTIFICATE_EXPIRED',
      leaf: () => leafOf(1, { nowMs: NOW_MS - 7 * DAY_MS - 1_000 }),
    },
    {
      name: 'a leaf of the future',
      code: 'CERTIFICATE_EXPIRED',
      leaf: () => leafOf(1, { nowMs: NOW_MS + 11 * 60_000 }),
    },
    {
      name: 'a leaf for ever',
      code: 'CERTIFICATE_EXPIRED',
      leaf: (leaf) =>
        edited(leaf, ({ tbsCertificate: tbs }) => {
          tbs.validity.notAfter.utcTime = new Date(NOW_MS + 400 * DAY_MS);
        }),
    },
    {
      name: 'a leaf of another network',
      code: 'OTHER_NETWORK',
      fields: { networkId: OTHER_NETWORK },
      leaf: () => leafOf(1, { networkId: OTHER_NETWORK }),
    },
    { name: 'the own leaf, reflected', code: 'OWN_KEY', leaf: () => leafOf(0) },
    {
      name: 'the own link key under another peer id',
      code: 'OWN_KEY',
      leaf: () => leafOf(1, {}, memberSeed(committee, 0, 'link')),
    },
    {
      name: 'another member than was dialled',
      code: 'PEER_ID_MISMATCH',
      leaf: () => leafOf(2),
      expected: { expectedPeer: 'member 1' },
    },
    { name: 'a stranger', code: 'NOT_A_MEMBER', expected: { authority: () => undefined } },
    {
      name: 'a link key of another epoch',
      code: 'LINK_KEY_UNKNOWN',
      leaf: () => leafOf(1, {}, SecretBytes.random(32)),
    },
    {
      name: "another member's link key",
      code: 'LINK_KEY_UNKNOWN',
      leaf: () => leafOf(1, {}, memberSeed(committee, 2, 'link')),
    },
    {
      name: 'a leaf that was changed',
      code: 'CERTIFICATE_SIGNATURE',
      leaf: (leaf) =>
        edited(leaf, ({ tbsCertificate: tbs }) => {
          tbs.serialNumber = Uint8Array.from({ length: 16 }, () => 0x41).buffer;
        }),
    },
    {
      name: 'a leaf whose signature was changed',
      code: 'CERTIFICATE_SIGNATURE',
      leaf: (leaf) => leaf.with(leaf.length - 1, (leaf.at(-1) ?? 0) ^ 1),
    },
    {
      name: 'the key of the genesis after a newer one',
      code: 'KEY_CERTIFICATE_SUPERSEDED',
      fields: { sequence: 0, known: 1 },
      expected: knowing(1),
    },
    {
      name: 'a certified key after a newer one',
      code: 'KEY_CERTIFICATE_SUPERSEDED',
      fields: { sequence: 2, known: 3 },
      leaf: () => certifiedLeaf(2),
      expected: knowing(3),
    },
    {
      name: 'a key certificate that is over',
      code: 'KEY_CERTIFICATE_EXPIRED',
      leaf: () => certifiedLeaf(1, { notAfterMs: NOW_MS - 1 }),
    },
    {
      name: 'a key certificate of the future',
      code: 'KEY_CERTIFICATE_EXPIRED',
      leaf: () => certifiedLeaf(1, { notBeforeMs: NOW_MS + 60_000 }),
    },
    {
      name: 'a key certificate by another identity',
      code: 'KEY_CERTIFICATE_FORGED',
      leaf: () => certifiedLeaf(1, {}, 2),
    },
    {
      name: 'a key certificate of another member',
      code: 'KEY_CERTIFICATE_FORGED',
      leaf: () => certifiedLeaf(1, { validatorId: peer(2).validatorId }),
    },
    {
      name: 'a key certificate for another key',
      code: 'KEY_CERTIFICATE_FORGED',
      leaf: () => certifiedLeaf(1, { key: peer(2).linkKey }),
    },
    malformed('with a key certificate of no meaning', 'key certificate', () =>
      leafOf(1, { keyCertificate: new Uint8Array(40) }),
    ),
  ];

  for (const { name, code, fields, leaf, presented, expected: change } of refused) {
    it(`refuses ${name}`, async () => {
      const link = present((await leaf?.(good)) ?? good);
      await assert.rejects(verifyLink(presented?.(link) ?? link, { ...expected, ...change }), (error) => {
        assert.ok(error instanceof LinkRefusal, String(error));
        assert.equal(error.code, code, error.message);
        if (fields !== undefined) assert.deepEqual(error.fields, fields);
        return true;
      });
    });
  }

  it('refuses every leaf with one bit flipped', async () => {
    for (let at = 0; at < good.length; at += 97) {
      const flipped = good.with(at, (good[at] ?? 0) ^ (1 << (at % 8)));
      await assert.rejects(verifyLink(present(flipped), expected), LinkRefusal, `byte ${at}`);
    }
  });
});

function malformed(name: string, field: string, leaf: NonNullable<Refused['leaf']>): Refused {
  return { name: `a leaf ${name}`, code: 'CERTIFICATE_MALFORMED', fields: { field }, leaf };
}

function parsed(der: Uint8Array): Certificate {
  return AsnConvert.parse(der, Certificate);
}

/** Changed, and not signed again. */
function edited(der: Uint8Array, edit: (certificate: Certificate) => void): Uint8Array {
  const certificate = parsed(der);
  edit(certificate);
  return new Uint8Array(AsnConvert.serialize(certificate));
}

function replaced(bytes: Uint8Array, from: Uint8Array, to: Uint8Array): Uint8Array {
  const at = Buffer.from(bytes).indexOf(from);
  assert.ok(at > 0);
  const out = Uint8Array.from(bytes);
  out.set(to, at);
  return out;
}
