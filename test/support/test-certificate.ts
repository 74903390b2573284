import { createPublicKey, generateKeyPairSync, type KeyObject, sign } from 'node:crypto';
import type { SecureContextOptions } from 'node:tls';
import { AsnConvert } from '@peculiar/asn1-schema';
import {
  AlgorithmIdentifier,
  Certificate,
  SubjectPublicKeyInfo,
  TBSCertificate,
  Validity,
  Version,
} from '@peculiar/asn1-x509';

const DAY_MS = 24 * 60 * 60 * 1_000;

export interface PrivateKey {
  readonly key: KeyObject;
  /** Of its signatures. */
  readonly oid: string;
  readonly digest: string | null;
}

export const EC_KEY: PrivateKey = {
  key: generateKeyPairSync('ec', { namedCurve: 'P-384' }).privateKey,
  oid: '1.2.840.10045.4.3.3',
  digest: 'sha384',
};
export const ML_DSA_65_KEY: PrivateKey = {
  key: generateKeyPairSync('ml-dsa-65').privateKey,
  oid: '2.16.840.1.101.3.4.3.18',
  digest: null,
};

/** A self-signed certificate of another key type. */
export function keyOf(key: PrivateKey): SecureContextOptions {
  return { key: pemOf(key.key), cert: certificateOf(key) };
}

export function certificateOf({ key, oid, digest }: PrivateKey): string {
  const spki = createPublicKey(key).export({ format: 'der', type: 'spki' });
  const algorithm = new AlgorithmIdentifier({ algorithm: oid });
  const tbsCertificate = new TBSCertificate({
    version: Version.v3,
    serialNumber: Uint8Array.of(1).buffer,
    signature: algorithm,
    validity: new Validity({ notBefore: new Date(Date.now() - DAY_MS), notAfter: new Date(Date.now() + DAY_MS) }),
    subjectPublicKeyInfo: AsnConvert.parse(spki, SubjectPublicKeyInfo),
  });
  const signature = sign(digest, Buffer.from(AsnConvert.serialize(tbsCertificate)), key);
  const signatureValue = Uint8Array.from(signature).buffer;
  const certificate = new Certificate({ tbsCertificate, signatureAlgorithm: algorithm, signatureValue });
  return toPem(new Uint8Array(AsnConvert.serialize(certificate)));
}

export function toPem(der: Uint8Array): string {
  return `-----BEGIN CERTIFICATE-----\n${der.toBase64()}\n-----END CERTIFICATE-----\n`;
}

export function pemOf(key: KeyObject): string {
  return key.export({ format: 'pem', type: 'pkcs8' }).toString();
}
