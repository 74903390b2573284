import assert from 'node:assert/strict';
import { createServer } from 'node:net';
import { nativeBackend } from '../../src/crypto/native.ts';
import { SecretBytes } from '../../src/crypto/secret-bytes.ts';
import {
  certifyLinkKey,
  Libp2pTransport,
  type NetworkModules,
  type NetworkOptions,
  type OperationalKeyCertificate,
  type PeerAddress,
  peerIdOf,
} from '../../src/network/index.ts';
import { importLinkKey, issueCredentials, type OwnLinkKey } from '../../src/network/link-credentials.ts';
import { MemberKeys } from '../../src/network/member-keys.ts';
import { privateKeyOf } from '../../src/network/peer-key.ts';
import { TlsEncrypter, type TlsEncrypterOptions } from '../../src/network/tls-encrypter.ts';
import { validatorId } from '../../src/params/committee.ts';
import { id, type NetworkId } from '../../src/types/ids.ts';
import { utf8 } from '../../src/util/bytes.ts';
import { NO_INSTRUMENTS } from '../../src/util/instruments.ts';
import { SILENT_LOGGER } from '../../src/util/logger.ts';
import { Prng } from '../../src/util/prng.ts';
import { SYSTEM_CLOCK, SYSTEM_RANDOM, SYSTEM_TIMERS } from './system-time.ts';

export const TEST_NETWORK_ID = id<NetworkId>(new Uint8Array(32).fill(0x42));
export const CRYPTO = nativeBackend();

/** A committee on loopback: keys from a seed, free ports of this moment. */
export interface LoopbackCommittee {
  readonly seed: number;
  readonly peerKeys: readonly Uint8Array[];
  readonly peers: readonly PeerAddress[];
}

/** The seed of a member's identity or link key. */
export function memberSeed(
  committee: { readonly seed: number },
  node: number,
  purpose: 'identity' | 'link',
): SecretBytes {
  return new SecretBytes(CRYPTO.hasher.plain(utf8(`${committee.seed}/${node}/${purpose}`)));
}

export async function loopbackCommittee(
  nodes: number,
  seed = 1,
  addresses?: readonly string[],
): Promise<LoopbackCommittee> {
  const prng = new Prng(seed);
  const peerKeys = Array.from({ length: nodes }, () => prng.bytes(32));
  const places = addresses ?? (await freePorts(nodes)).map((port) => `127.0.0.1:${port}`);
  const peers = await Promise.all(
    peerKeys.map(async (key, index) => ({
      ...memberKeys(seed, index),
      name: `validator-${index}`,
      peerId: await peerIdOf(key),
      address: places[index] as string,
    })),
  );
  return { seed, peerKeys, peers };
}

function memberKeys(seed: number, node: number): Pick<PeerAddress, 'validatorId' | 'identityKey' | 'linkKey'> {
  const publicKey = (purpose: 'identity' | 'link') =>
    CRYPTO.generateKeyPair(memberSeed({ seed }, node, purpose)).publicKey;
  const identityKey = publicKey('identity');
  return { validatorId: validatorId(CRYPTO.hasher, identityKey), identityKey, linkKey: publicKey('link') };
}

/** What another process needs to be a member of the committee. */
export function committeeArgument({ seed, peers }: LoopbackCommittee): string {
  return JSON.stringify({ seed, addresses: peers.map((peer) => peer.address) });
}

export async function committeeOf(argument: string): Promise<LoopbackCommittee> {
  const { seed, addresses } = JSON.parse(argument) as { seed: number; addresses: string[] };
  return await loopbackCommittee(addresses.length, seed, addresses);
}

export function libp2pTransport(
  committee: LoopbackCommittee,
  self: number,
  options: Partial<NetworkOptions> = {},
  modules: Partial<NetworkModules> = {},
): Libp2pTransport {
  return new Libp2pTransport(
    {
      networkId: TEST_NETWORK_ID,
      self,
      peers: committee.peers,
      peerKey: committee.peerKeys[self] as Uint8Array,
      linkKey: { seed: memberSeed(committee, self, 'link') },
      listen: (committee.peers[self] as PeerAddress).address,
      ...options,
    },
    {
      clock: SYSTEM_CLOCK,
      timers: SYSTEM_TIMERS,
      random: SYSTEM_RANDOM,
      logger: SILENT_LOGGER,
      instruments: NO_INSTRUMENTS,
      hasher: CRYPTO.hasher,
      verifier: CRYPTO.verifier,
      linkKeySeen: () => undefined,
      ...modules,
    },
  );
}

/** Ports that were free while all of them were held at once. */
async function freePorts(count: number): Promise<number[]> {
  const servers = await Promise.all(
    Array.from({ length: count }, async () => {
      const server = createServer();
      await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
      return server;
    }),
  );
  const ports = servers.map((server) => {
    const address = server.address();
    assert.ok(address !== null && typeof address === 'object');
    return address.port;
  });
  await Promise.all(servers.map((server) => new Promise((resolve) => server.close(resolve))));
  return ports;
}

/** A certificate by the member's identity key for another link key. */
export async function certified(
  committee: LoopbackCommittee,
  node: number,
  sequence: number,
  seed: SecretBytes,
  overrides: Partial<OperationalKeyCertificate> = {},
): Promise<OperationalKeyCertificate> {
  const nowMs = SYSTEM_CLOCK.wallMs();
  const statement = {
    validatorId: (committee.peers[node] as PeerAddress).validatorId,
    sequence,
    notBeforeMs: nowMs - 60_000,
    notAfterMs: nowMs + 60_000,
    key: CRYPTO.generateKeyPair(seed).publicKey,
    ...overrides,
  };
  return await certifyLinkKey(
    CRYPTO.signerFromSeed(memberSeed(committee, node, 'identity')),
    TEST_NETWORK_ID,
    statement,
  );
}

/** The TLS of a member, or of somebody with other keys, for hosts that speak nothing by themselves. */
export async function testEncrypter(
  committee: LoopbackCommittee,
  peerKey: Uint8Array,
  linkKey: OwnLinkKey,
  overrides: Partial<TlsEncrypterOptions> = {},
): Promise<TlsEncrypter> {
  const key = await privateKeyOf(peerKey);
  const source = { networkId: overrides.networkId ?? TEST_NETWORK_ID, peerKey: key, random: SYSTEM_RANDOM };
  const credentials = await issueCredentials(importLinkKey(linkKey), source, SYSTEM_CLOCK.wallMs());
  const members = new MemberKeys(committee.peers, new Map(), () => undefined);
  return new TlsEncrypter({
    networkId: TEST_NETWORK_ID,
    hasher: CRYPTO.hasher,
    verifier: CRYPTO.verifier,
    clock: SYSTEM_CLOCK,
    random: SYSTEM_RANDOM,
    peerKey: key,
    ownPeerId: await peerIdOf(peerKey),
    authority: (peerId) => members.authority(peerId),
    credentials: () => credentials,
    verified: () => undefined,
    refused: () => undefined,
    ...overrides,
  });
}
