import assert from 'node:assert/strict';
import { type ChildProcess, fork } from 'node:child_process';
import { sign } from 'node:crypto';
import { once } from 'node:events';
import { type AddressInfo, connect, createServer } from 'node:net';
import { afterEach, describe, it } from 'node:test';
import { connect as connectTls, createSecureContext, type SecureContext, type SecureContextOptions } from 'node:tls';
import { noise } from '@chainsafe/libp2p-noise';
import type {
  ConnectionEncrypter,
  Ed25519PrivateKey,
  MessageStream,
  MultiaddrConnection,
  SecureConnectionOptions,
} from '@libp2p/interface';
import { peerIdFromString } from '@libp2p/peer-id';
import { tcp } from '@libp2p/tcp';
import { yamux } from '@libp2p/yamux';
import { createLibp2p } from 'libp2p';
import { SecretBytes } from '../../src/crypto/secret-bytes.ts';
import { parseAddress } from '../../src/network/address.ts';
import { type CallScope, identifyCaller, proveCaller } from '../../src/network/caller.ts';
import { createHost } from '../../src/network/host.ts';
import type { LinkRefusalCode } from '../../src/network/index.ts';
import { issueLinkCertificate, type LeafContent } from '../../src/network/link-certificate.ts';
import { importLinkKey } from '../../src/network/link-credentials.ts';
import { privateKeyOf } from '../../src/network/peer-key.ts';
import { presentedLink, shakeHands, socketOf } from '../../src/network/tls-handshake.ts';
import { PROFILE_OPTIONS } from '../../src/network/tls-profile.ts';
import { TlsStream } from '../../src/network/tls-stream.ts';
import { id, type NetworkId } from '../../src/types/ids.ts';
import { type LogFields, SILENT_LOGGER } from '../../src/util/logger.ts';
import { eventually } from '../support/eventually.ts';
import {
  committeeArgument,
  type LoopbackCommittee,
  loopbackCommittee,
  memberSeed,
  TEST_NETWORK_ID,
} from '../support/libp2p-network.ts';
import { addressOf, HANDSHAKES_REFUSED, NetworkBed, type Running } from '../support/network-bed.ts';
import { SYSTEM_RANDOM } from '../support/system-time.ts';
import { certificateOf, EC_KEY, keyOf, ML_DSA_65_KEY, pemOf, toPem } from '../support/test-certificate.ts';

/** A peer that breaks one thing of the handshake, as the end that dials and as the end that is dialled. */
interface Row {
  readonly name: string;
  /** At the node. */
  readonly code: LinkRefusalCode;
  /** Where a peer that dials has nothing to show, and a peer that listens cannot even answer. */
  readonly diallerCode?: LinkRefusalCode;
  readonly leaf?: Partial<LeafContent>;
  readonly linkSeed?: (committee: LoopbackCommittee) => SecretBytes;
  readonly peer?: number;
  readonly tls?: SecureContextOptions;
  /** Presents another certificate beside the leaf. */
  readonly hasExtraCertificate?: boolean;
}

const DAY_MS = 24 * 60 * 60 * 1_000;
const OTHER_NETWORK = id<NetworkId>(new Uint8Array(32).fill(0x43));

const ROWS: readonly Row[] = [
  { name: 'another hybrid group', code: 'HANDSHAKE_FAILED', tls: { ecdhCurve: 'X25519MLKEM768' } },
  { name: 'a classical group', code: 'HANDSHAKE_FAILED', tls: { ecdhCurve: 'X25519' } },
  { name: 'another cipher', code: 'HANDSHAKE_FAILED', tls: { ciphers: 'TLS_AES_128_GCM_SHA256' } },
  {
    name: 'TLS 1.2',
    code: 'HANDSHAKE_FAILED',
    tls: {
      ...keyOf(EC_KEY),
      minVersion: 'TLSv1.2',
      maxVersion: 'TLSv1.2',
      ciphers: 'ECDHE-ECDSA-AES256-GCM-SHA384',
      ecdhCurve: 'P-384',
      sigalgs: 'ecdsa_secp384r1_sha384',
    },
  },
  {
    name: 'an ML-DSA-65 key',
    code: 'HANDSHAKE_FAILED',
    diallerCode: 'CERTIFICATE_MISSING',
    tls: { ...keyOf(ML_DSA_65_KEY), sigalgs: 'mldsa65:mldsa87' },
  },
  { name: 'another certificate beside its own', code: 'CERTIFICATE_CHAIN', hasExtraCertificate: true },
  { name: 'a leaf of another network', code: 'OTHER_NETWORK', leaf: { networkId: OTHER_NETWORK } },
  { name: 'a leaf that is over', code: 'CERTIFICATE_EXPIRED', leaf: { nowMs: Date.now() - 8 * DAY_MS } },
  { name: 'a link key of another epoch', code: 'LINK_KEY_UNKNOWN', linkSeed: () => SecretBytes.random(32) },
  { name: "the node's own keys", code: 'OWN_KEY', peer: 0, linkSeed: (committee) => memberSeed(committee, 0, 'link') },
];

describe('handshake of a validator link', () => {
  const bed = new NetworkBed();
  let committee: LoopbackCommittee;

  afterEach(() => bed.stop());

  for (const row of ROWS) {
    it(`refuses a dialler with ${row.name}, and tells it nothing`, async () => {
      committee = await loopbackCommittee(2);
      const node = await bed.run(committee, 0);
      const evil = await evilEncrypter(committee, row);
      const host = await bareHost(committee, evil.encrypter, '127.0.0.1:0');
      await bed.assertRefused(host, committee, 0);
      await assertRefusal(node, row.diallerCode ?? row.code, evil.received);
    });

    it(`refuses a listener with ${row.name}, and tells it nothing`, async () => {
      committee = await loopbackCommittee(2);
      const evil = await evilEncrypter(committee, row);
      await bareHost(committee, evil.encrypter, committee.peers[1]?.address ?? '');
      const node = await bed.run(committee, 0, { timing: { higherDialDelayMs: 0 } });
      await assertRefusal(node, row.code, evil.received);
    });
  }

  async function assertRefusal(node: Running, code: LinkRefusalCode, received: readonly Uint8Array[]): Promise<void> {
    await eventually(() => node.instruments.total(HANDSHAKES_REFUSED) > 0, 'the refusal');
    assert.equal(
      node.instruments.total(HANDSHAKES_REFUSED, { code }),
      node.instruments.total(HANDSHAKES_REFUSED),
      code,
    );
    assert.deepEqual(node.recorder.ups, []);
    assert.equal(node.instruments.total('av10_network_writes_total'), 0);
    assert.deepEqual(received, [], 'not one byte beyond the handshake');
  }

  async function bareHost(committee: LoopbackCommittee, linkEncrypter: ConnectionEncrypter, listen: string) {
    const peerKey = committee.peerKeys[1] ?? assert.fail();
    const knownHosts = new Set(['127.0.0.1']);
    const host = await createHost({ peerKey, listen, linkEncrypter, gater: {}, knownHosts, members: 4 });
    await host.start();
    bed.stops.push(async () => host.stop());
    return host;
  }

  it('has no dialler that falls back to noise where somebody hides TLS', async () => {
    const committee = await loopbackCommittee(2);
    const hidden = {
      ...(await evilEncrypter(committee, { name: '', code: 'OWN_KEY' })).encrypter,
      protocol: '/hidden',
    };
    await bareHost(committee, hidden, committee.peers[1]?.address ?? '');
    const causes: unknown[] = [];
    const debug = (message: string, fields?: LogFields) =>
      void (message === 'dial failed' && causes.push(fields?.cause));
    const logger = { ...SILENT_LOGGER, debug };
    const node = await bed.run(committee, 0, { timing: { higherDialDelayMs: 0 } }, { logger });
    await eventually(() => causes.length > 0, 'the failed dial');
    assert.match(String(causes[0]), /^LINK_UNPROTECTED/);
    assert.deepEqual(node.recorder.ups, []);
  });

  it('carries no link for a member that comes by noise', async () => {
    const committee = await loopbackCommittee(2);
    const node = await bed.run(committee, 0);
    const host = await createLibp2p({
      privateKey: await privateKeyOf(committee.peerKeys[1] ?? assert.fail()),
      transports: [tcp()],
      connectionEncrypters: [noise()],
      streamMuxers: [yamux()],
    });
    bed.stops.push(async () => host.stop());
    const connection = await host.dial(addressOf(committee, 0));
    await eventually(() => connection.status !== 'open', 'the end of the connection');
    assert.equal(node.instruments.total('av10_network_connections_refused_total', { reason: 'UNPROTECTED' }), 1);
    assert.deepEqual(node.recorder.ups, []);
  });

  it('resumes no session: a ticket of OpenSSL cannot be redeemed', async () => {
    const committee = await loopbackCommittee(2);
    const server = (await evilContext(committee, { name: '', code: 'OWN_KEY' })).context;
    const sessions: Buffer[] = [];
    const resumed: boolean[] = [];
    const listener = createServer(async (socket) => {
      const connection = { socket, readBufferLength: 0 } as unknown as MultiaddrConnection;
      const secured = await shakeHands(connection, server, true, AbortSignal.timeout(5_000));
      resumed.push(presentedLink(secured).negotiated.resumed);
      secured.write('x');
    });
    await new Promise<void>((resolve) => listener.listen(0, '127.0.0.1', resolve));
    bed.stops.push(() => new Promise((resolve) => listener.close(resolve)));
    for (let attempt = 0; attempt < 2; attempt++) {
      const { port } = listener.address() as AddressInfo;
      const session = sessions.at(-1);
      const client = connectTls({
        port,
        host: '127.0.0.1',
        secureContext: server,
        rejectUnauthorized: false,
        ...(session && { session }),
      });
      client.on('session', (ticket: Buffer) => sessions.push(ticket));
      await once(client, 'data');
      assert.equal(client.isSessionReused(), false);
      client.destroy();
    }
    assert.ok(sessions.length > 0, 'OpenSSL sends tickets; what counts is that they are worth nothing');
    assert.deepEqual(resumed, [false, false]);
  });

  it('lets no caller near TLS that has signed for another peer, or with another key than it names', async () => {
    const committee = await loopbackCommittee(2);
    const node = await bed.run(committee, 0);
    const peerKey = await privateKeyOf(committee.peerKeys[1] ?? assert.fail());
    const otherKey = await privateKeyOf(new Uint8Array(32).fill(7));
    const thief = { publicKey: peerKey.publicKey, sign: (bytes: Uint8Array) => otherKey.sign(bytes) };
    const attempts: [Pick<Ed25519PrivateKey, 'publicKey' | 'sign'>, CallScope][] = [
      [peerKey, scopeOf(committee, 1)],
      [peerKey, { ...scopeOf(committee, 0), networkId: OTHER_NETWORK }],
      [thief, scopeOf(committee, 0)],
    ];
    for (const [key, scope] of attempts) {
      const secureOutbound = async (stream: MessageStream, { signal }: SecureConnectionOptions = {}) => {
        const connection = stream as MultiaddrConnection;
        await proveCaller(connection, key as Ed25519PrivateKey, scope, signal ?? assert.fail());
        await once(socketOf(connection), 'close');
        throw new Error('refused');
      };
      const evil = { protocol: '/av10/tls/1', secureInbound: secureOutbound, secureOutbound };
      await bed.assertRefused(await bareHost(committee, evil, '127.0.0.1:0'), committee, 0);
    }
    assert.equal(node.instruments.total(HANDSHAKES_REFUSED, { code: 'CALLER_UNPROVEN' }), attempts.length);
    assert.equal(node.instruments.total(HANDSHAKES_REFUSED), attempts.length);
  });

  it('lets a member wait that had certificates verified for nothing', async () => {
    const committee = await loopbackCommittee(2);
    const node = await bed.run(committee, 0);
    const row: Row = { name: '', code: 'CERTIFICATE_CHAIN', hasExtraCertificate: true };
    const host = await bareHost(committee, (await evilEncrypter(committee, row)).encrypter, '127.0.0.1:0');
    await bed.assertRefused(host, committee, 0);
    assert.equal(node.instruments.total(HANDSHAKES_REFUSED, { code: 'CERTIFICATE_CHAIN' }), 1);
    await bed.assertRefused(host, committee, 0);
    assert.equal(node.instruments.total(HANDSHAKES_REFUSED, { code: 'CALLER_HELD' }), 1);
  });

  it('spends little on a stranger', async (context) => {
    const committee = await loopbackCommittee(16);
    const node = await bed.run(committee, 0);
    const stranger = fork(new URL('./stranger.ts', import.meta.url), [committeeArgument(committee)]);
    bed.stops.push(async () => void stranger.kill());
    await once(stranger, 'message');
    await ask(stranger, 100);
    const before = process.cpuUsage();
    await ask(stranger, 100);
    const { user, system } = process.cpuUsage(before);
    assert.equal(node.instruments.total(HANDSHAKES_REFUSED, { code: 'NOT_A_MEMBER' }), 200);
    const [spentMs, signatureMs] = [(user + system) / 1_000 / 100, signatureCostMs()];
    context.diagnostic(
      `${spentMs.toFixed(2)} ms of CPU a stranger; one ML-DSA-87 signature takes ${signatureMs.toFixed(2)} ms here`,
    );
    assert.ok(spentMs < MAX_STRANGER_SIGNATURES * signatureMs, `${spentMs} ms`);
  });

  it('ends where a relay leads the node to itself', async () => {
    const committee = await loopbackCommittee(2);
    const own = parseAddress(committee.peers[0]?.address ?? '');
    const relay = createServer((socket) => {
      const onward = connect(own.port, own.host);
      socket.pipe(onward).pipe(socket);
      for (const end of [socket, onward]) end.on('error', () => end.destroy());
    });
    const { host, port } = parseAddress(committee.peers[1]?.address ?? '');
    relay.listen(port, host);
    bed.stops.push(() => new Promise((resolve) => relay.close(resolve)));
    const node = await bed.run(committee, 0, { timing: { higherDialDelayMs: 0 } });
    await eventually(() => node.instruments.total(HANDSHAKES_REFUSED, { code: 'OWN_KEY' }) > 0, 'the own key');
    assert.deepEqual(node.recorder.ups, []);
    await node.transport.stop();
  });
});

/** For a connection of libp2p, which comes to no TLS, and the dials that this node makes meanwhile. */
const MAX_STRANGER_SIGNATURES = 5;

async function ask(stranger: ChildProcess, handshakes: number): Promise<void> {
  const done = once(stranger, 'message');
  stranger.send(handshakes);
  await done;
}

/** Calibration: what OpenSSL takes for a signature on this machine, now. */
function signatureCostMs(): number {
  const { key } = importLinkKey({ seed: SecretBytes.random(32) });
  const before = process.cpuUsage();
  for (let i = 0; i < 20; i++) sign(null, new Uint8Array(200), key);
  const { user, system } = process.cpuUsage(before);
  return (user + system) / 1_000 / 20;
}

interface Evil {
  readonly encrypter: ConnectionEncrypter;
  /** What the node let through after the handshake. */
  readonly received: Uint8Array[];
}

/** The encrypter of member 1 as the row changes it, which believes whatever the other end shows. */
async function evilEncrypter(committee: LoopbackCommittee, row: Row): Promise<Evil> {
  const { context } = await evilContext(committee, row);
  const received: Uint8Array[] = [];
  const secure = (isServer: boolean) => async (stream: MessageStream, options?: SecureConnectionOptions) => {
    const connection = stream as MultiaddrConnection;
    const signal = options?.signal ?? AbortSignal.timeout(5_000);
    if (isServer) await identifyCaller(connection, () => true, scopeOf(committee, 1), SYSTEM_RANDOM, signal);
    else await proveCaller(connection, await peerKeyOf(committee, row), scopeOf(committee, 0), signal);
    const socket = await shakeHands(connection, context, isServer, signal);
    socket.on('data', (bytes: Buffer) => received.push(bytes));
    const remotePeer = peerIdFromString(committee.peers[0]?.peerId ?? '');
    return { connection: new TlsStream(socket, connection), remotePeer };
  };
  return {
    encrypter: { protocol: '/av10/tls/1', secureInbound: secure(true), secureOutbound: secure(false) },
    received,
  };
}

function peerKeyOf(committee: LoopbackCommittee, row: Row): Promise<Ed25519PrivateKey> {
  return privateKeyOf(committee.peerKeys[row.peer ?? 1] ?? assert.fail());
}

function scopeOf(committee: LoopbackCommittee, called: number): CallScope {
  return { networkId: TEST_NETWORK_ID, called: committee.peers[called]?.peerId ?? '' };
}

async function evilContext(committee: LoopbackCommittee, row: Row): Promise<{ context: SecureContext }> {
  const node = row.peer ?? 1;
  const { key, publicKey } = importLinkKey({ seed: row.linkSeed?.(committee) ?? memberSeed(committee, node, 'link') });
  const peerKey = await peerKeyOf(committee, row);
  const content = { networkId: TEST_NETWORK_ID, linkKey: key, linkPublicKey: publicKey, peerKey, nowMs: Date.now() };
  const leaf = toPem(await issueLinkCertificate({ ...content, ...row.leaf }, SYSTEM_RANDOM));
  const cert = row.hasExtraCertificate === true ? `${leaf}${certificateOf(EC_KEY)}` : leaf;
  return { context: createSecureContext({ ...PROFILE_OPTIONS, key: pemOf(key), cert, ...row.tls }) };
}
