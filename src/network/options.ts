import type { NetworkId, ValidatorId } from '../types/ids.ts';
import type { PeerIndex } from '../util/transport.ts';
import { BEAT_MS, CERTIFICATE_LIFETIME_MS, HIGHER_DIAL_DELAY_MS, LINK_MAX_AGE_MS, LINK_MAX_BYTES } from './limits.ts';
import type { OwnLinkKey } from './link-credentials.ts';

/** A validator as the network sees it: a member of the committee, in the committee's order. */
export interface PeerAddress {
  readonly validatorId: ValidatorId;
  readonly name: string;
  /** Certifies other link keys than the one of the genesis. */
  readonly identityKey: Uint8Array;
  readonly linkKey: Uint8Array;
  /** libp2p peer id of an Ed25519 key. */
  readonly peerId: string;
  /** `host:port`, `[ipv6]:port`. */
  readonly address: string;
}

export interface NetworkOptions {
  /** In the protocol ids and in the certificates, so that networks never mix. */
  readonly networkId: NetworkId;
  readonly self: PeerIndex;
  readonly peers: readonly PeerAddress[];
  /** Addresses by member name that replace the genesis hint. */
  readonly addressOverrides?: ReadonlyMap<string, string>;
  /** Seed of the Ed25519 key behind the own peer id, 32 bytes: an address, not an authority. */
  readonly peerKey: Uint8Array;
  readonly linkKey: OwnLinkKey;
  /** Highest sequences of members' link keys seen before, by validator id. */
  readonly linkKeySequences?: ReadonlyMap<string, number>;
  /** `host:port` to listen on; port 0 takes a free one. */
  readonly listen: string;
  /** Most bytes waiting for a peer on each channel. */
  readonly sendQueueBytes?: number;
  readonly timing?: Partial<NetworkTiming>;
}

/** Times and bytes that tests shorten; production uses the defaults. */
export interface NetworkTiming {
  readonly beatMs: number;
  readonly higherDialDelayMs: number;
  /** A link is made anew before it is so old or has carried so much, and ends at it. */
  readonly linkMaxAgeMs: number;
  readonly linkMaxBytes: number;
  /** The own leaf is issued anew at half of this. */
  readonly certificateLifetimeMs: number;
}

export const DEFAULT_TIMING: NetworkTiming = {
  beatMs: BEAT_MS,
  higherDialDelayMs: HIGHER_DIAL_DELAY_MS,
  linkMaxAgeMs: LINK_MAX_AGE_MS,
  linkMaxBytes: LINK_MAX_BYTES,
  certificateLifetimeMs: CERTIFICATE_LIFETIME_MS,
};
