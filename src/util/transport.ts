/** Frames of one channel arrive in the order sent; the two channels do not wait for each other. */
export type Channel = 'consensus' | 'sync';

/** Position of a member in the committee; the transport maps it to a peer id and an address. */
export type PeerIndex = number;

/** What became of a frame: queued for sending, dropped because the peer's queue was full, or no link is up. */
export type SendOutcome = 'queued' | 'dropped' | 'unlinked';

/**
 * Authenticated links between validators. Frames are opaque, bounded by `maxFrameBytes`, and either arrive whole and in order or are lost
 * with their link. Nothing is retried here: the replica asks again.
 */
export interface Transport {
  /** Starts dialling and listening; events are delivered on the main thread, never during a call of `send`. */
  start(events: TransportEvents): Promise<void>;
  stop(): Promise<void>;
  /** Queues a frame. Its parts are read later, when it is written: nobody may change them any more. */
  send(peer: PeerIndex, channel: Channel, ...frame: readonly Uint8Array[]): SendOutcome;
  /** Ends the link now, for a coded reason; `linkDown` follows after this call. Neither end links again before `holdMs`. */
  close(peer: PeerIndex, reason: string, holdMs: number): void;
  /** Bytes waiting to be sent to the peer. */
  queuedBytes(peer: PeerIndex): number;
}

export interface TransportEvents {
  linkUp(peer: PeerIndex): void;
  linkDown(peer: PeerIndex, reason: string): void;
  /** `frame` belongs to the receiver from here on. */
  frame(peer: PeerIndex, channel: Channel, frame: Uint8Array): void;
}
