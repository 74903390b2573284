import type { PeerIndex } from '../util/transport.ts';
import { BEAT_MS, HIGHER_DIAL_DELAY_MS } from './limits.ts';

/** A validator as the network sees it: a member of the committee, in the committee's order. */
export interface PeerAddress {
  readonly name: string;
  /** libp2p peer id of an Ed25519 key. */
  readonly peerId: string;
  /** `host:port`, `[ipv6]:port`. */
  readonly address: string;
}

export interface NetworkOptions {
  /** Hexadecimal; part of the protocol ids, so that networks never mix. */
  readonly networkId: string;
  readonly self: PeerIndex;
  readonly peers: readonly PeerAddress[];
  /** Addresses by member name that replace the genesis hint. */
  readonly addressOverrides?: ReadonlyMap<string, string>;
  /** Seed of the Ed25519 key behind the own peer id, 32 bytes: an address, not an authority. */
  readonly peerKey: Uint8Array;
  /** `host:port` to listen on; port 0 takes a free one. */
  readonly listen: string;
  /** Most bytes waiting for a peer on each channel. */
  readonly sendQueueBytes?: number;
  readonly timing?: Partial<NetworkTiming>;
}

/** Times that tests shorten; production uses the defaults. */
export interface NetworkTiming {
  readonly beatMs: number;
  readonly higherDialDelayMs: number;
}

export const DEFAULT_TIMING: NetworkTiming = { beatMs: BEAT_MS, higherDialDelayMs: HIGHER_DIAL_DELAY_MS };
