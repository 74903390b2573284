import { type LoopbackCommittee, libp2pTransport } from '../support/libp2p-network.ts';
import { TransportRecorder } from '../support/transport-recorder.ts';

/** A process that runs member 1 of the committee it is given; the test stops and continues it by signals. */
const { peerKeys, peers } = JSON.parse(process.argv[2] ?? '') as {
  peerKeys: string[];
  peers: LoopbackCommittee['peers'];
};
const committee = { peers, peerKeys: peerKeys.map((key) => Uint8Array.fromHex(key)) };
await libp2pTransport(committee, 1).start(new TransportRecorder());
process.on('disconnect', () => process.exit(0));
