import { CodedError } from '../util/errors.ts';

/** Why a handshake of a validator link was refused (docs/spec/links.md). The label of a metric too, hence few and closed. */
export type LinkRefusalCode =
  /** The peer does not speak the profile: version, group, signature or cipher; or the handshake was cut. Fields: reason. */
  | 'HANDSHAKE_FAILED'
  /** Something negotiated is not what the profile says. Fields: what, got. */
  | 'PROFILE_MISMATCH'
  | 'SESSION_RESUMED'
  /** The caller has not signed the challenge with the peer key that it names. */
  | 'CALLER_UNPROVEN'
  /** The caller has as many handshakes open as it may, or spoiled one a moment ago. Fields: peerId. */
  | 'CALLER_HELD'
  | 'CERTIFICATE_MISSING'
  /** Fields: certificates. */
  | 'CERTIFICATE_CHAIN'
  /** Not the one form of this protocol. Fields: field. */
  | 'CERTIFICATE_MALFORMED'
  | 'CERTIFICATE_KEY_TYPE'
  /** Fields: notBeforeMs, notAfterMs, nowMs. */
  | 'CERTIFICATE_EXPIRED'
  | 'CERTIFICATE_SIGNATURE'
  | 'EXTENSION_MISSING'
  | 'EXTENSION_FORGED'
  /** The certificate names another network. Fields: networkId. */
  | 'OTHER_NETWORK'
  /** The node's own key came back: reflected, or the node dialled itself. */
  | 'OWN_KEY'
  /** Fields: peerId, expected. */
  | 'PEER_ID_MISMATCH'
  /** Fields: peerId. */
  | 'NOT_A_MEMBER'
  /** The member's link key is another one: of an earlier epoch, or not certified. */
  | 'LINK_KEY_UNKNOWN'
  | 'KEY_CERTIFICATE_FORGED'
  | 'KEY_CERTIFICATE_EXPIRED'
  /** A newer key of the member has been seen. Fields: sequence, known. */
  | 'KEY_CERTIFICATE_SUPERSEDED';

export class LinkRefusal extends CodedError<LinkRefusalCode> {}
