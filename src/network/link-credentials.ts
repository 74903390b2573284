import type { KeyObject } from 'node:crypto';
import { createSecureContext, type SecureContext } from 'node:tls';
import type { Ed25519PrivateKey } from '@libp2p/interface';
import { publicKeyBytes, signingKey } from '../crypto/node.ts';
import type { SecretBytes } from '../crypto/secret-bytes.ts';
import type { NetworkId } from '../types/ids.ts';
import type { Random } from '../util/random.ts';
import { issueLinkCertificate } from './link-certificate.ts';
import { encodeOperationalKeyCertificate, type OperationalKeyCertificate } from './operational-key.ts';
import { PROFILE_OPTIONS } from './tls-profile.ts';

/** The own link key: of the genesis, or with the certificate that puts it in the place of that one. */
export interface OwnLinkKey {
  readonly seed: SecretBytes;
  readonly certificate?: OperationalKeyCertificate | undefined;
}

/** An own link key ready for handshakes, with a leaf certificate of a few days. */
export interface LinkCredentials {
  readonly publicKey: Uint8Array;
  readonly keySequence: number;
  readonly context: SecureContext;
}

export interface CredentialSource {
  readonly networkId: NetworkId;
  readonly peerKey: Ed25519PrivateKey;
  readonly random: Random;
}

/** The seed may be wiped once this has returned: what stays lies in OpenSSL's memory. */
export function importLinkKey({ seed, certificate }: OwnLinkKey): ImportedLinkKey {
  const key = signingKey(seed);
  return { key, publicKey: publicKeyBytes(key), certificate };
}

export interface ImportedLinkKey {
  readonly key: KeyObject;
  readonly publicKey: Uint8Array;
  readonly certificate: OperationalKeyCertificate | undefined;
}

/** Issues a fresh leaf for the key and puts both into a TLS context of the profile. */
export async function issueCredentials(
  { key, publicKey, certificate }: ImportedLinkKey,
  { networkId, peerKey, random }: CredentialSource,
  nowMs: number,
): Promise<LinkCredentials> {
  const keyCertificate = certificate && encodeOperationalKeyCertificate(certificate);
  const content = { networkId, linkKey: key, linkPublicKey: publicKey, peerKey, keyCertificate, nowMs };
  const leaf = await issueLinkCertificate(content, random);
  const secret = Buffer.from(key.export({ format: 'pem', type: 'pkcs8' }));
  const context = createSecureContext({ ...PROFILE_OPTIONS, key: secret, cert: toPem(leaf) });
  secret.fill(0);
  return { publicKey, keySequence: certificate?.sequence ?? 0, context };
}

function toPem(der: Uint8Array): string {
  const lines = der.toBase64().match(/.{1,64}/g) ?? [];
  return `-----BEGIN CERTIFICATE-----\n${lines.join('\n')}\n-----END CERTIFICATE-----\n`;
}
