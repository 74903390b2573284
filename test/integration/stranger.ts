import { setTimeout as delay } from 'node:timers/promises';
import { createHost } from '../../src/network/host.ts';
import { Prng } from '../../src/util/prng.ts';
import { committeeOf, memberSeed, testEncrypter } from '../support/libp2p-network.ts';
import { addressOf } from '../support/network-bed.ts';

/** Within the budget of a committee of 16 on one address. */
const PACE_MS = 15;

/** A process that is no member and completes handshakes with member 0 of the committee it is given, as many as it is told. */
const committee = await committeeOf(process.argv[2] ?? '');
const peerKey = new Prng(99).bytes(32);
const linkEncrypter = await testEncrypter(committee, peerKey, { seed: memberSeed(committee, 99, 'link') });
const knownHosts = new Set(['127.0.0.1']);
const host = await createHost({ peerKey, listen: '127.0.0.1:0', linkEncrypter, gater: {}, knownHosts, members: 4 });
await host.start();
process.on('disconnect', () => process.exit(0));
process.on('message', async (count: number) => {
  for (let i = 0; i < count; i++) {
    await Promise.allSettled([host.dial(addressOf(committee, 0), { force: true }), delay(PACE_MS)]);
  }
  process.send?.('done');
});
process.send?.('ready');
