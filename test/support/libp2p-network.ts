import assert from 'node:assert/strict';
import { createServer } from 'node:net';
import {
  Libp2pTransport,
  type NetworkModules,
  type NetworkOptions,
  type PeerAddress,
  peerIdOf,
} from '../../src/network/index.ts';
import { NO_INSTRUMENTS } from '../../src/util/instruments.ts';
import { SILENT_LOGGER } from '../../src/util/logger.ts';
import { Prng } from '../../src/util/prng.ts';
import { SYSTEM_CLOCK, SYSTEM_RANDOM, SYSTEM_TIMERS } from './system-time.ts';

export const TEST_NETWORK_ID = '42'.repeat(32);

/** A committee on loopback: peer keys from a seed, free ports of this moment. */
export interface LoopbackCommittee {
  readonly peerKeys: readonly Uint8Array[];
  readonly peers: readonly PeerAddress[];
}

export async function loopbackCommittee(nodes: number, seed = 1): Promise<LoopbackCommittee> {
  const prng = new Prng(seed);
  const peerKeys = Array.from({ length: nodes }, () => prng.bytes(32));
  const ports = await freePorts(nodes);
  const peers = await Promise.all(
    peerKeys.map(async (key, index) => ({
      name: `validator-${index}`,
      peerId: await peerIdOf(key),
      address: `127.0.0.1:${ports[index]}`,
    })),
  );
  return { peerKeys, peers };
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
      listen: (committee.peers[self] as PeerAddress).address,
      ...options,
    },
    {
      clock: SYSTEM_CLOCK,
      timers: SYSTEM_TIMERS,
      random: SYSTEM_RANDOM,
      logger: SILENT_LOGGER,
      instruments: NO_INSTRUMENTS,
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
