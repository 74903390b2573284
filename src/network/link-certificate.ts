import { type KeyObject, sign } from 'node:crypto';
import { publicKeyToProtobuf } from '@libp2p/crypto/keys';
import type { Ed25519PrivateKey } from '@libp2p/interface';
import { AsnConvert, AsnProp, AsnPropTypes, AsnType, AsnTypeTypes, OctetString } from '@peculiar/asn1-schema';
import {
  AlgorithmIdentifier,
  AttributeTypeAndValue,
  AttributeValue,
  Certificate,
  Extension,
  Extensions,
  Name,
  RelativeDistinguishedName,
  SubjectPublicKeyInfo,
  TBSCertificate,
  Validity,
  Version,
} from '@peculiar/asn1-x509';
import { PUBLIC_KEY_BYTES } from '../crypto/signer.ts';
import type { NetworkId } from '../types/ids.ts';
import { concatBytes, equalBytes, utf8 } from '../util/bytes.ts';
import type { Random } from '../util/random.ts';
import { CERTIFICATE_BACKDATE_MS, CERTIFICATE_LIFETIME_MS, MAX_CERTIFICATE_BYTES } from './limits.ts';
import { LinkRefusal } from './link-refusal.ts';

/** id-ml-dsa-87, of keys and of signatures alike (RFC 9881 section 2). */
const ML_DSA_87 = '2.16.840.1.101.3.4.3.19';
const COMMON_NAME = '2.5.4.3';
/** The libp2p TLS specification: peer key and its signature over the subject key. */
const LIBP2P_EXTENSION = '1.3.6.1.4.1.53594.1.1';
const LIBP2P_PREFIX = utf8('libp2p-tls-handshake:');
/** Of no registry, and read by this protocol alone: an operational-key certificate (docs/spec/links.md). */
export const KEY_CERTIFICATE_EXTENSION = '2.25.7361043289145';
const SERIAL_BYTES = 16;

/** `SignedKey ::= SEQUENCE { publicKey OCTET STRING, signature OCTET STRING }` of the libp2p TLS specification. */
class SignedKey {
  publicKey: ArrayBuffer = new ArrayBuffer(0);
  signature: ArrayBuffer = new ArrayBuffer(0);
}
AsnType({ type: AsnTypeTypes.Sequence })(SignedKey);
AsnProp({ type: AsnPropTypes.OctetString })(SignedKey.prototype, 'publicKey');
AsnProp({ type: AsnPropTypes.OctetString })(SignedKey.prototype, 'signature');

export interface LeafContent {
  readonly networkId: NetworkId;
  /** ML-DSA-87 link key. */
  readonly linkKey: KeyObject;
  readonly linkPublicKey: Uint8Array;
  readonly peerKey: Ed25519PrivateKey;
  /** An encoded operational-key certificate, where the link key is not the one of the genesis. */
  readonly keyCertificate?: Uint8Array | undefined;
  readonly nowMs: number;
}

/** A link certificate as it was presented, in its one form; nothing in it is verified yet. */
export interface LinkCertificate {
  readonly networkId: string;
  readonly notBeforeMs: number;
  readonly notAfterMs: number;
  readonly keyAlgorithm: 'ML-DSA-87';
  readonly linkPublicKey: Uint8Array;
  /** libp2p public key (protobuf) and its signature over `peerStatement`. */
  readonly peerKey: Uint8Array;
  readonly peerSignature: Uint8Array;
  readonly peerStatement: Uint8Array;
  readonly keyCertificate: Uint8Array | undefined;
  /** What the link key signed, and its signature (FIPS 204, empty context, as RFC 9881 has it). */
  readonly signedBytes: Uint8Array;
  readonly signature: Uint8Array;
}

/** Issues the self-signed leaf of an own link key, as DER. */
export async function issueLinkCertificate(content: LeafContent, random: Random): Promise<Uint8Array> {
  const { linkKey, networkId, linkPublicKey, peerKey, keyCertificate, nowMs } = content;
  const subjectKey = subjectPublicKeyInfo(linkPublicKey);
  const signedKey = new SignedKey();
  signedKey.publicKey = toBuffer(publicKeyToProtobuf(peerKey.publicKey));
  signedKey.signature = toBuffer(await peerKey.sign(peerStatement(subjectKey)));
  const extensions = [extension(LIBP2P_EXTENSION, new Uint8Array(AsnConvert.serialize(signedKey)))];
  if (keyCertificate !== undefined) extensions.push(extension(KEY_CERTIFICATE_EXTENSION, keyCertificate));
  const name = networkName(networkId);
  const tbsCertificate = new TBSCertificate({
    version: Version.v3,
    serialNumber: toBuffer(serialNumber(random)),
    signature: algorithm(),
    issuer: name,
    validity: new Validity({
      notBefore: new Date(nowMs - CERTIFICATE_BACKDATE_MS),
      notAfter: new Date(nowMs + CERTIFICATE_LIFETIME_MS),
    }),
    subject: name,
    subjectPublicKeyInfo: subjectKey,
    extensions: new Extensions(extensions),
  });
  const signatureValue = toBuffer(sign(null, new Uint8Array(AsnConvert.serialize(tbsCertificate)), linkKey));
  const signatureAlgorithm = algorithm();
  return new Uint8Array(AsnConvert.serialize(new Certificate({ tbsCertificate, signatureAlgorithm, signatureValue })));
}

/**
 * Reads a presented leaf. It must be exactly what this protocol issues: encoding what was read gives the same bytes.
 * @throws LinkRefusal CERTIFICATE_MALFORMED, CERTIFICATE_KEY_TYPE, EXTENSION_MISSING
 */
export function readLinkCertificate(der: Uint8Array): LinkCertificate {
  if (der.length > MAX_CERTIFICATE_BYTES) throw malformed('length');
  const certificate = parse(der, Certificate, 'certificate');
  const { tbsCertificate: tbs } = certificate;
  if (!isMlDsa87(tbs.subjectPublicKeyInfo.algorithm) || !isMlDsa87(certificate.signatureAlgorithm)) {
    throw new LinkRefusal('CERTIFICATE_KEY_TYPE', 'keys and signatures of link certificates are ML-DSA-87');
  }
  const linkPublicKey = new Uint8Array(tbs.subjectPublicKeyInfo.subjectPublicKey);
  if (linkPublicKey.length !== PUBLIC_KEY_BYTES) throw malformed('subjectPublicKey');
  const extensions = tbs.extensions ?? [];
  const [first, second] = extensions;
  if (first?.extnID !== LIBP2P_EXTENSION)
    throw new LinkRefusal('EXTENSION_MISSING', 'the first extension is the libp2p key');
  if (extensions.length > 2 || (second !== undefined && second.extnID !== KEY_CERTIFICATE_EXTENSION))
    throw malformed('extensions');
  const signedKey = parse(bytesOf(first), SignedKey, 'libp2p extension');
  const [networkId] = tbs.subject.flat().map((attribute) => attribute.value.utf8String ?? '');
  return {
    networkId: networkId ?? '',
    notBeforeMs: tbs.validity.notBefore.getTime().getTime(),
    notAfterMs: tbs.validity.notAfter.getTime().getTime(),
    keyAlgorithm: 'ML-DSA-87',
    linkPublicKey,
    peerKey: new Uint8Array(signedKey.publicKey),
    peerSignature: new Uint8Array(signedKey.signature),
    peerStatement: peerStatement(tbs.subjectPublicKeyInfo),
    keyCertificate: second && bytesOf(second),
    signedBytes: new Uint8Array(AsnConvert.serialize(tbs)),
    signature: new Uint8Array(certificate.signatureValue),
  };
}

/** Parses DER, and only DER: what was read must encode to the same bytes. */
function parse<T>(der: Uint8Array, type: new () => T, field: string): T {
  let value: T;
  let encoded: Uint8Array;
  try {
    value = AsnConvert.parse(der, type);
    encoded = new Uint8Array(AsnConvert.serialize(value));
  } catch (cause) {
    throw malformed(field, cause);
  }
  if (!equalBytes(encoded, der)) throw malformed(field);
  return value;
}

function malformed(field: string, cause?: unknown): LinkRefusal {
  return new LinkRefusal('CERTIFICATE_MALFORMED', `${field}: not as this protocol writes it`, { field }, { cause });
}

function peerStatement(subjectKey: SubjectPublicKeyInfo): Uint8Array {
  return concatBytes(LIBP2P_PREFIX, new Uint8Array(AsnConvert.serialize(subjectKey)));
}

function subjectPublicKeyInfo(linkPublicKey: Uint8Array): SubjectPublicKeyInfo {
  return new SubjectPublicKeyInfo({ algorithm: algorithm(), subjectPublicKey: toBuffer(linkPublicKey) });
}

/** The network is the name of subject and issuer: a certificate of one network is none in another. */
function networkName(networkId: NetworkId): Name {
  const value = new AttributeValue({ utf8String: networkId });
  return new Name([new RelativeDistinguishedName([new AttributeTypeAndValue({ type: COMMON_NAME, value })])]);
}

function extension(extnID: string, content: Uint8Array): Extension {
  return new Extension({ extnID, critical: false, extnValue: new OctetString(toBuffer(content)) });
}

function bytesOf({ extnValue }: Extension): Uint8Array {
  return new Uint8Array(extnValue.buffer);
}

/** RFC 9881 section 2: the parameters are absent. */
function algorithm(): AlgorithmIdentifier {
  return new AlgorithmIdentifier({ algorithm: ML_DSA_87 });
}

function isMlDsa87({ algorithm, parameters }: AlgorithmIdentifier): boolean {
  return algorithm === ML_DSA_87 && (parameters === undefined || parameters === null);
}

/** Positive, and of one length: the first byte is from 64 to 127. */
function serialNumber(random: Random): Uint8Array {
  const serial = random.bytes(SERIAL_BYTES);
  serial[0] = ((serial[0] ?? 0) & 0x3f) | 0x40;
  return serial;
}

function toBuffer(bytes: Uint8Array): ArrayBuffer {
  return Uint8Array.from(bytes).buffer;
}
