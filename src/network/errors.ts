import { CodedError } from '../util/errors.ts';

export type NetworkErrorCode =
  | 'ADDRESS_INVALID'
  | 'PEER_KEY_INVALID'
  | 'PEER_KEY_MISMATCH'
  | 'PEER_ID_INVALID'
  | 'LISTEN_FAILED'
  | 'FRAME_TOO_LARGE';

/** Fields: `address`; `bytes`; `peerId`, `expected`; `peerId`; `address`; `bytes`, `limit`. */
export class NetworkError extends CodedError<NetworkErrorCode> {}

/** Why this room ended a link; the replica adds reasons of its own through `close`. */
export type LinkDownReason =
  /** A frame above MAX_FRAME_BYTES was announced. */
  | 'FRAME_TOO_LARGE'
  /** The peer took none of the bytes waiting for it. */
  | 'SLOW_PEER'
  /** Nothing arrived, not even a keep-alive. */
  | 'PEER_SILENT'
  /** The connection or one of its two streams ended. */
  | 'CONNECTION_LOST'
  /** The peer opened a newer link. */
  | 'REPLACED'
  /** This node is stopping. */
  | 'STOPPED';
