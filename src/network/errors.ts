import { CodedError } from '../util/errors.ts';

export type NetworkErrorCode =
  | 'ADDRESS_INVALID'
  | 'PEER_KEY_INVALID'
  | 'PEER_KEY_MISMATCH'
  | 'PEER_ID_INVALID'
  | 'LISTEN_FAILED'
  | 'LINK_KEY_MISMATCH'
  | 'LINK_UNPROTECTED'
  | 'FRAME_TOO_LARGE';

/** Fields: `address`; `bytes`; `peerId`, `expected`; `peerId`; `address`; `validatorId`; none; `bytes`, `limit`. */
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
  /** The first frame is not the one of this handshake: something sits between. */
  | 'BINDING_MISMATCH'
  /** The link reached its age or its bytes, and no newer one came up. */
  | 'LINK_WORN'
  /** The peer opened a newer link. */
  | 'REPLACED'
  /** This node opened a newer link with fresh keys. */
  | 'RENEWED'
  /** This node is stopping. */
  | 'STOPPED';
