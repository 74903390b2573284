import { committeeOf, libp2pTransport } from '../support/libp2p-network.ts';
import { TransportRecorder } from '../support/transport-recorder.ts';

/** A process that runs member 1 of the committee it is given; the test stops and continues it by signals. */
const committee = await committeeOf(process.argv[2] ?? '');
await libp2pTransport(committee, 1).start(new TransportRecorder());
process.on('disconnect', () => process.exit(0));
