import { signatureContext } from '../crypto/domains.ts';
import { PUBLIC_KEY_BYTES, SIGNATURE_BYTES, type Signer, type Verifier } from '../crypto/signer.ts';
import type { NetworkId, ValidatorId } from '../types/ids.ts';
import { ByteReader } from '../util/byte-reader.ts';
import { ByteWriter } from '../util/byte-writer.ts';
import { fromHex } from '../util/bytes.ts';

/** What an identity key says about a key that works in its place: docs/spec/links.md, "Link keys". */
export interface OperationalKey {
  readonly validatorId: ValidatorId;
  /** From 1, higher than any before: the genesis key counts as 0. A peer that has seen a higher one refuses a lower. */
  readonly sequence: number;
  readonly notBeforeMs: number;
  readonly notAfterMs: number;
  /** ML-DSA-87 public key, 2,592 B. */
  readonly key: Uint8Array;
}

export interface OperationalKeyCertificate extends OperationalKey {
  /** By the identity key, over everything before. */
  readonly signature: Uint8Array;
}

const VERSION = 1;
/** The only purpose that exists; others would need their own number. */
const PURPOSE_LINK = 1;
const ID_BYTES = 32;

export const OPERATIONAL_KEY_CERTIFICATE_BYTES = 2 + ID_BYTES + 3 * 8 + PUBLIC_KEY_BYTES + SIGNATURE_BYTES;

/** Certifies a link key for a network, with the identity key. */
export async function certifyLinkKey(
  identity: Signer,
  networkId: NetworkId,
  statement: OperationalKey,
): Promise<OperationalKeyCertificate> {
  const context = signatureContext('opkey', fromHex(networkId));
  return { ...statement, signature: await identity.sign(context, encodeStatement(statement)) };
}

export async function isCertifiedBy(
  verifier: Verifier,
  identityKey: Uint8Array,
  networkId: NetworkId,
  certificate: OperationalKeyCertificate,
): Promise<boolean> {
  const context = signatureContext('opkey', fromHex(networkId));
  return await verifier.verify(identityKey, context, encodeStatement(certificate), certificate.signature);
}

export function encodeOperationalKeyCertificate(certificate: OperationalKeyCertificate): Uint8Array {
  return new ByteWriter(OPERATIONAL_KEY_CERTIFICATE_BYTES)
    .bytes(encodeStatement(certificate))
    .fixed(certificate.signature, SIGNATURE_BYTES)
    .finish();
}

/** @throws DecodeError */
export function decodeOperationalKeyCertificate(bytes: Uint8Array): OperationalKeyCertificate {
  const reader = new ByteReader(bytes);
  if (reader.u8('version') !== VERSION) throw reader.refuse('NON_CANONICAL', 'version', `${VERSION} expected`);
  const validatorId = reader.hex(ID_BYTES, 'validatorId') as ValidatorId;
  if (reader.u8('purpose') !== PURPOSE_LINK) throw reader.refuse('NON_CANONICAL', 'purpose', 'link (1) expected');
  const certificate = {
    validatorId,
    sequence: reader.u53('sequence'),
    notBeforeMs: reader.u53('notBeforeMs'),
    notAfterMs: reader.u53('notAfterMs'),
    key: reader.bytes(PUBLIC_KEY_BYTES, 'key'),
    signature: reader.bytes(SIGNATURE_BYTES, 'signature'),
  };
  reader.end();
  if (certificate.sequence === 0) throw reader.refuse('LIMIT', 'sequence', 'an integer from 1 expected');
  return certificate;
}

function encodeStatement({ validatorId, sequence, notBeforeMs, notAfterMs, key }: OperationalKey): Uint8Array {
  return new ByteWriter(OPERATIONAL_KEY_CERTIFICATE_BYTES)
    .u8(VERSION)
    .hex(validatorId, ID_BYTES)
    .u8(PURPOSE_LINK)
    .u53(sequence)
    .u53(notBeforeMs)
    .u53(notAfterMs)
    .fixed(key, PUBLIC_KEY_BYTES)
    .finish();
}
