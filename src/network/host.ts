import type { ConnectionEncrypter, ConnectionGater } from '@libp2p/interface';
import { tcp } from '@libp2p/tcp';
import { yamux } from '@libp2p/yamux';
import { createLibp2p, type Libp2p } from 'libp2p';
import { errorText } from '../util/errors.ts';
import { parseAddress, toMultiaddr } from './address.ts';
import { NetworkError } from './errors.ts';
import { inboundNoise } from './inbound-noise.ts';
import {
  HANDSHAKE_TIMEOUT_MS,
  INITIAL_WINDOW_BYTES,
  MAX_SOCKETS,
  MAX_STREAM_READ_BUFFER_BYTES,
  MAX_STREAM_WRITE_BUFFER_BYTES,
  MAX_STREAMS_PER_CONNECTION,
  MAX_WINDOW_BYTES,
  STRANGER_CONNECTIONS_PER_HOST_PER_SECOND,
  STRANGER_PENDING_CONNECTIONS,
} from './limits.ts';
import { privateKeyOf } from './peer-key.ts';

export interface HostOptions {
  readonly peerKey: Uint8Array;
  readonly listen: string;
  /** Of validator links; noise is there beside it for everybody else. */
  readonly linkEncrypter: ConnectionEncrypter;
  readonly gater: ConnectionGater;
  readonly knownHosts: ReadonlySet<string>;
  readonly members: number;
}

/**
 * A libp2p host of TCP, TLS or noise, and yamux, not started, with every limit set: libp2p's defaults buffer without bound for a slow peer and admit
 * five connections a second from one address. It discovers, dials and pings nobody by itself.
 *
 * @throws NetworkError ADDRESS_INVALID, PEER_KEY_INVALID
 */
export async function createHost(options: HostOptions): Promise<Libp2p> {
  const { members } = options;
  return await createLibp2p({
    start: false,
    privateKey: await privateKeyOf(options.peerKey),
    addresses: { listen: [toMultiaddr(parseAddress(options.listen)).toString()] },
    transports: [tcp({ maxConnections: MAX_SOCKETS, backlog: MAX_SOCKETS })],
    connectionEncrypters: [() => options.linkEncrypter, inboundNoise],
    streamMuxers: [
      yamux({
        maxInboundStreams: MAX_STREAMS_PER_CONNECTION,
        maxOutboundStreams: MAX_STREAMS_PER_CONNECTION,
        maxEarlyStreams: MAX_STREAMS_PER_CONNECTION,
        maxMessageSize: INITIAL_WINDOW_BYTES,
        streamOptions: {
          initialStreamWindowSize: INITIAL_WINDOW_BYTES,
          maxStreamWindowSize: MAX_WINDOW_BYTES,
          maxReadBufferLength: MAX_STREAM_READ_BUFFER_BYTES,
          maxWriteBufferLength: MAX_STREAM_WRITE_BUFFER_BYTES,
        },
      }),
    ],
    connectionGater: options.gater,
    connectionMonitor: { enabled: false },
    connectionManager: {
      maxConnections: 4 * members + STRANGER_PENDING_CONNECTIONS,
      maxIncomingPendingConnections: STRANGER_PENDING_CONNECTIONS,
      inboundConnectionThreshold: STRANGER_CONNECTIONS_PER_HOST_PER_SECOND,
      allow: [...options.knownHosts].map((host) => toMultiaddr({ host, port: 0 }).toString()),
      maxParallelDials: members,
      maxDialQueueLength: 2 * members,
      dialTimeout: HANDSHAKE_TIMEOUT_MS,
      addressDialTimeout: HANDSHAKE_TIMEOUT_MS,
      inboundUpgradeTimeout: HANDSHAKE_TIMEOUT_MS,
      outboundStreamProtocolNegotiationTimeout: HANDSHAKE_TIMEOUT_MS,
      inboundStreamProtocolNegotiationTimeout: HANDSHAKE_TIMEOUT_MS,
      reconnectRetries: 0,
    },
  });
}

/** @throws NetworkError LISTEN_FAILED */
export async function startHost(host: Libp2p, listen: string): Promise<void> {
  try {
    await host.start();
  } catch (error) {
    throw new NetworkError(
      'LISTEN_FAILED',
      `cannot listen on ${listen}: ${errorText(error)}; set --p2p-listen`,
      { address: listen },
      { cause: error },
    );
  }
}
