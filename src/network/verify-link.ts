import { publicKeyFromProtobuf } from '@libp2p/crypto/keys';
import type { PeerId } from '@libp2p/interface';
import { peerIdFromPublicKey } from '@libp2p/peer-id';
import type { Verifier } from '../crypto/signer.ts';
import type { NetworkId, ValidatorId } from '../types/ids.ts';
import { EMPTY_BYTES, equalBytes } from '../util/bytes.ts';
import { CERTIFICATE_BACKDATE_MS, CERTIFICATE_LIFETIME_MS } from './limits.ts';
import { type LinkCertificate, readLinkCertificate } from './link-certificate.ts';
import { LinkRefusal } from './link-refusal.ts';
import { decodeOperationalKeyCertificate, isCertifiedBy, type OperationalKeyCertificate } from './operational-key.ts';
import { LINK_PROFILE, type NegotiatedTls } from './tls-profile.ts';

/** Who may hold a link, and by which keys. */
export interface LinkAuthority {
  readonly validatorId: ValidatorId;
  readonly identityKey: Uint8Array;
  /** The key of the genesis, which counts as sequence 0. */
  readonly linkKey: Uint8Array;
  /** The highest sequence of a link key seen of this member; a lower one is refused. */
  readonly sequence: number;
}

export interface LinkExpectations {
  readonly networkId: NetworkId;
  readonly verifier: Verifier;
  readonly ownPublicKey: Uint8Array;
  readonly ownPeerId: string;
  /** The peer id that was dialled, or that the caller has proven. */
  readonly expectedPeer: string | undefined;
  readonly nowMs: number;
  authority(peerId: string): LinkAuthority | undefined;
}

/** What the handshake ended with, before anything is believed. */
export interface PresentedLink {
  readonly negotiated: NegotiatedTls;
  /** DER, the leaf first. */
  readonly certificates: readonly Uint8Array[];
}

export interface VerifiedLink {
  /** Of the key that signed the handshake. */
  readonly keyAlgorithm: 'ML-DSA-87';
  readonly peerId: PeerId;
  readonly validatorId: ValidatorId;
  /** 0 for the key of the genesis. */
  readonly keySequence: number;
  /** The certificate of a key that is not of the genesis. */
  readonly keyCertificate: OperationalKeyCertificate | undefined;
}

/** A libp2p Ed25519 key in protobuf: type and length before 32 bytes. Other key types are not even parsed. */
const ED25519_PROTOBUF_PREFIX = Uint8Array.of(0x08, 0x01, 0x12, 0x20);
const ED25519_PROTOBUF_BYTES = 36;

/**
 * Every check on the other end of a link, the same at both ends, before a byte is delivered: the library's own verification is off, so
 * what is missing here is missing (docs/spec/links.md). Cheap checks come first, signatures last.
 * @throws LinkRefusal
 */
export async function verifyLink(presented: PresentedLink, expected: LinkExpectations): Promise<VerifiedLink> {
  checkNegotiated(presented.negotiated);
  const [leaf, ...others] = presented.certificates;
  if (leaf === undefined) throw new LinkRefusal('CERTIFICATE_MISSING', 'the peer presented no certificate');
  if (others.length > 0) {
    const certificates = presented.certificates.length;
    throw new LinkRefusal('CERTIFICATE_CHAIN', 'exactly one certificate is presented', { certificates });
  }
  const certificate = readLinkCertificate(leaf);
  checkValidity(certificate, expected.nowMs);
  if (certificate.networkId !== expected.networkId)
    throw new LinkRefusal('OTHER_NETWORK', 'the certificate names another network', {
      networkId: certificate.networkId,
    });
  const peerId = peerIdOf(certificate.peerKey);
  const authority = checkPeer(peerId.toString(), certificate, expected);
  const keyCertificate = checkLinkKey(certificate, authority, expected.nowMs);
  await checkSignatures(certificate, keyCertificate, authority, expected);
  const keySequence = keyCertificate?.sequence ?? 0;
  return {
    keyAlgorithm: certificate.keyAlgorithm,
    peerId,
    validatorId: authority.validatorId,
    keySequence,
    keyCertificate,
  };
}

function checkNegotiated(negotiated: NegotiatedTls): void {
  if (negotiated.resumed) throw new LinkRefusal('SESSION_RESUMED', 'every link has a handshake of its own');
  for (const what of ['version', 'group', 'cipher'] as const) {
    const got = negotiated[what];
    if (got !== LINK_PROFILE[what])
      throw new LinkRefusal('PROFILE_MISMATCH', `${what} is ${got}, not ${LINK_PROFILE[what]}`, { what, got });
  }
}

function checkValidity({ notBeforeMs, notAfterMs }: LinkCertificate, nowMs: number): void {
  const isTooLong = notAfterMs - notBeforeMs > CERTIFICATE_BACKDATE_MS + CERTIFICATE_LIFETIME_MS;
  if (nowMs >= notBeforeMs && nowMs < notAfterMs && !isTooLong) return;
  const fields = { notBeforeMs, notAfterMs, nowMs };
  throw new LinkRefusal('CERTIFICATE_EXPIRED', 'the certificate is not valid now; are both clocks right?', fields);
}

function peerIdOf(peerKey: Uint8Array): PeerId {
  const isEd25519 = equalBytes(peerKey.subarray(0, ED25519_PROTOBUF_PREFIX.length), ED25519_PROTOBUF_PREFIX);
  if (!isEd25519 || peerKey.length !== ED25519_PROTOBUF_BYTES)
    throw new LinkRefusal('EXTENSION_FORGED', 'the libp2p key is not an Ed25519 key');
  return peerIdFromPublicKey(publicKeyFromProtobuf(peerKey));
}

function checkPeer(peerId: string, { linkPublicKey }: LinkCertificate, expected: LinkExpectations): LinkAuthority {
  if (peerId === expected.ownPeerId || equalBytes(linkPublicKey, expected.ownPublicKey))
    throw new LinkRefusal('OWN_KEY', 'the own key came back');
  const { expectedPeer } = expected;
  if (expectedPeer !== undefined && peerId !== expectedPeer)
    throw new LinkRefusal('PEER_ID_MISMATCH', 'another peer answered', { peerId, expected: expectedPeer });
  const authority = expected.authority(peerId);
  if (authority === undefined) throw new LinkRefusal('NOT_A_MEMBER', 'no member has this peer id', { peerId });
  return authority;
}

/** The key of the genesis, or one that a certificate names; unless a newer key of the member has been seen. */
function checkLinkKey(
  { linkPublicKey, keyCertificate }: LinkCertificate,
  authority: LinkAuthority,
  nowMs: number,
): OperationalKeyCertificate | undefined {
  const known = authority.sequence;
  if (keyCertificate === undefined) {
    if (!equalBytes(linkPublicKey, authority.linkKey))
      throw new LinkRefusal('LINK_KEY_UNKNOWN', 'the genesis names another link key for this member');
    if (known > 0) throw superseded(0, known);
    return undefined;
  }
  const certificate = decoded(keyCertificate);
  if (certificate.validatorId !== authority.validatorId || !equalBytes(certificate.key, linkPublicKey))
    throw new LinkRefusal('KEY_CERTIFICATE_FORGED', 'the key certificate is for another key');
  if (nowMs < certificate.notBeforeMs || nowMs >= certificate.notAfterMs) {
    const { notBeforeMs, notAfterMs } = certificate;
    const fields = { notBeforeMs, notAfterMs, nowMs };
    throw new LinkRefusal('KEY_CERTIFICATE_EXPIRED', 'the link key is not certified for this time', fields);
  }
  if (certificate.sequence < known) throw superseded(certificate.sequence, known);
  return certificate;
}

function decoded(bytes: Uint8Array): OperationalKeyCertificate {
  try {
    return decodeOperationalKeyCertificate(bytes);
  } catch (cause) {
    const field = 'key certificate';
    throw new LinkRefusal('CERTIFICATE_MALFORMED', `${field}: not as this protocol writes it`, { field }, { cause });
  }
}

function superseded(sequence: number, known: number): LinkRefusal {
  return new LinkRefusal('KEY_CERTIFICATE_SUPERSEDED', 'a newer link key of this member is in use', {
    sequence,
    known,
  });
}

async function checkSignatures(
  certificate: LinkCertificate,
  keyCertificate: OperationalKeyCertificate | undefined,
  { identityKey }: LinkAuthority,
  { verifier, networkId }: LinkExpectations,
): Promise<void> {
  const { linkPublicKey, signedBytes, signature, peerKey, peerStatement, peerSignature } = certificate;
  if (!(await publicKeyFromProtobuf(peerKey).verify(peerStatement, peerSignature)))
    throw new LinkRefusal('EXTENSION_FORGED', 'the peer key did not sign this link key');
  if (!(await verifier.verify(linkPublicKey, EMPTY_BYTES, signedBytes, signature)))
    throw new LinkRefusal('CERTIFICATE_SIGNATURE', 'the certificate is not signed by its own key');
  if (keyCertificate === undefined) return;
  if (!(await isCertifiedBy(verifier, identityKey, networkId, keyCertificate)))
    throw new LinkRefusal('KEY_CERTIFICATE_FORGED', "the member's identity key did not sign the key certificate");
}
