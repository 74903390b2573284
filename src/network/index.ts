export { type LinkDownReason, NetworkError, type NetworkErrorCode } from './errors.ts';
export { Libp2pTransport, type NetworkModules } from './libp2p-transport.ts';
export { DEFAULT_SEND_QUEUE_BYTES, KEY_ENDS_SOON_MS, MIN_SEND_QUEUE_BYTES } from './limits.ts';
export type { OwnLinkKey } from './link-credentials.ts';
export { LinkRefusal, type LinkRefusalCode } from './link-refusal.ts';
export type { LinkTrouble } from './link-trouble.ts';
export type { LinkKeySeen } from './member-keys.ts';
export {
  certifyLinkKey,
  decodeOperationalKeyCertificate,
  encodeOperationalKeyCertificate,
  isCertifiedBy,
  OPERATIONAL_KEY_CERTIFICATE_BYTES,
  type OperationalKeyCertificate,
} from './operational-key.ts';
export type { NetworkOptions, PeerAddress } from './options.ts';
export { generatePeerKey, isPeerId, PEER_KEY_BYTES, peerIdOf } from './peer-key.ts';
export type { LinkPosture } from './posture.ts';
