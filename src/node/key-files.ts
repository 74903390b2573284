import { existsSync } from 'node:fs';
import { readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import type { CryptoBackend } from '../crypto/backend.ts';
import { type KeyPurpose, MAX_KEYSTORE_BYTES, openKeystore } from '../crypto/keystore.ts';
import type { SecretBytes } from '../crypto/secret-bytes.ts';
import type { Signer } from '../crypto/signer.ts';
import {
  decodeOperationalKeyCertificate,
  OPERATIONAL_KEY_CERTIFICATE_BYTES,
  type OperationalKeyCertificate,
  type OwnLinkKey,
  PEER_KEY_BYTES,
} from '../network/index.ts';
import type { Member } from '../params/committee.ts';
import { equalBytes, fromHex, isHex } from '../util/bytes.ts';
import { errorText } from '../util/errors.ts';
import { NodeError } from './errors.ts';

export const PEER_KEY_FILE = 'peer.key';
/** Names the link key in use, once that is not the one of the genesis any more. */
export const LINK_CERTIFICATE_FILE = 'link.cert';

export function keystoreFile(keysDir: string, purpose: KeyPurpose): string {
  return join(keysDir, `${purpose}.json`);
}

/**
 * Opens the consensus keystore and checks that it is the one that the genesis names for this validator.
 * @throws NodeError KEY_MISMATCH; KEYSTORE_FORMAT, KEYSTORE_PASSPHRASE
 */
export async function openConsensusKey(
  crypto: CryptoBackend,
  keysDir: string,
  member: Member,
  passphrase: SecretBytes,
): Promise<Signer> {
  const path = keystoreFile(keysDir, 'consensus');
  const { seed } = await openKeystore(await readKeyFile(path, MAX_KEYSTORE_BYTES), passphrase);
  const signer = crypto.signerFromSeed(seed);
  seed.wipe();
  if (!equalBytes(signer.publicKey, member.consensusKey)) {
    throw new NodeError('KEY_MISMATCH', `${path} is not the consensus key that the genesis names for ${member.name}`, {
      path,
      validator: member.name,
    });
  }
  return signer;
}

/** `link.json` holds the link key of the genesis, `link-<sequence>.json` a later one. */
export function linkKeystoreFile(keysDir: string, sequence: number): string {
  return sequence === 0 ? keystoreFile(keysDir, 'link') : join(keysDir, `link-${sequence}.json`);
}

/** The certificate of the link key in use; none while that is the one of the genesis. Throws KEY_MISMATCH. */
export async function readLinkCertificateFile(keysDir: string): Promise<OperationalKeyCertificate | undefined> {
  const path = join(keysDir, LINK_CERTIFICATE_FILE);
  if (!existsSync(path)) return undefined;
  try {
    return decodeOperationalKeyCertificate(await readKeyFile(path, OPERATIONAL_KEY_CERTIFICATE_BYTES));
  } catch (cause) {
    const message = `${path} is no key certificate (${errorText(cause)}): make it with \`av10 keys rotate-link\``;
    throw new NodeError('KEY_MISMATCH', message, { path }, { cause });
  }
}

/**
 * Opens the link key in use. Its seed is wiped by whoever takes it.
 * @throws NodeError KEY_MISMATCH; KEYSTORE_FORMAT, KEYSTORE_PASSPHRASE
 */
export async function openLinkKey(keysDir: string, member: Member, passphrase: SecretBytes): Promise<OwnLinkKey> {
  const certificate = await readLinkCertificateFile(keysDir);
  const path = linkKeystoreFile(keysDir, certificate?.sequence ?? 0);
  const { seed, publicKey } = await openKeystore(await readKeyFile(path, MAX_KEYSTORE_BYTES), passphrase);
  if (equalBytes(publicKey, certificate?.key ?? member.linkKey)) return { seed, certificate };
  seed.wipe();
  const named = certificate === undefined ? 'the genesis' : LINK_CERTIFICATE_FILE;
  throw new NodeError('KEY_MISMATCH', `${path} is not the link key that ${named} names for ${member.name}`, {
    path,
    validator: member.name,
  });
}

/** The seed of the libp2p peer id: an address and no authority, hence not encrypted. */
export async function readPeerKey(keysDir: string): Promise<Uint8Array> {
  const path = join(keysDir, PEER_KEY_FILE);
  const text = new TextDecoder().decode(await readKeyFile(path, 2 * PEER_KEY_BYTES + 1)).trim();
  if (isHex(text, PEER_KEY_BYTES)) return fromHex(text);
  throw new NodeError('KEY_MISMATCH', `${path}: ${PEER_KEY_BYTES} bytes in lower-case hexadecimal expected`, { path });
}

async function readKeyFile(path: string, maxBytes: number): Promise<Uint8Array> {
  try {
    const { size } = await stat(path);
    if (size <= maxBytes) return new Uint8Array(await readFile(path));
  } catch (cause) {
    throw new NodeError(
      'KEY_MISMATCH',
      `${path} cannot be read (${errorText(cause)}): make it with \`av10 keys generate\``,
      { path },
      { cause },
    );
  }
  throw new NodeError('KEY_MISMATCH', `${path} is too large for a key`, { path });
}
