export { type LinkDownReason, NetworkError, type NetworkErrorCode } from './errors.ts';
export { Libp2pTransport, type NetworkModules } from './libp2p-transport.ts';
export { DEFAULT_SEND_QUEUE_BYTES, MIN_SEND_QUEUE_BYTES } from './limits.ts';
export type { NetworkOptions, PeerAddress } from './options.ts';
export { generatePeerKey, isPeerId, PEER_KEY_BYTES, peerIdOf } from './peer-key.ts';
export type { LinkPosture } from './posture.ts';
