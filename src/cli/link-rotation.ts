import { join } from 'node:path';
import type { CryptoBackend } from '../crypto/backend.ts';
import { type Argon2Cost, encodeKeystore, openKeystore } from '../crypto/keystore.ts';
import type { SecretBytes } from '../crypto/secret-bytes.ts';
import { certifyLinkKey, encodeOperationalKeyCertificate, type OperationalKeyCertificate } from '../network/index.ts';
import { LINK_CERTIFICATE_FILE, linkKeystoreFile, readLinkCertificateFile } from '../node/key-files.ts';
import { SYSTEM_CLOCK } from '../node/system.ts';
import { validatorId } from '../params/committee.ts';
import type { Genesis } from '../params/genesis.ts';
import { CliError } from './errors.ts';
import { createSecretFile, readSecretFile, replaceFile } from './files.ts';

/** Certified from a little in the past, because the clocks of the peers differ. */
const BACKDATE_MS = 10 * 60 * 1_000;
const DAY_MS = 24 * 60 * 60 * 1_000;

export interface LinkRotation {
  readonly keysDir: string;
  readonly identityFile: string;
  readonly identityPassphrase: SecretBytes;
  /** Of the new link keystore. */
  readonly passphrase: SecretBytes;
  readonly days: number;
  readonly cost?: Argon2Cost;
}

/**
 * Makes the next link key and its certificate by the identity key. The certificate is written last and in one step: until then the old key is
 * the one in use.
 * @throws CliError FILE_INVALID if the identity is no member of the network; KEYSTORE_FORMAT, KEYSTORE_PASSPHRASE; FILE_EXISTS
 */
export async function rotateLinkKey(
  crypto: CryptoBackend,
  { networkId, committee }: Genesis,
  { keysDir, identityFile, identityPassphrase, passphrase, days, cost }: LinkRotation,
): Promise<OperationalKeyCertificate> {
  const identity = await openKeystore(await readSecretFile(identityFile), identityPassphrase);
  const signer = crypto.signerFromSeed(identity.seed);
  identity.seed.wipe();
  const id = validatorId(crypto.hasher, signer.publicKey);
  if (committee.indexOf(id) === undefined) {
    const message = `${identityFile} is of no validator of this network`;
    throw new CliError('FILE_INVALID', message, { path: identityFile, field: 'publicKey' });
  }
  const sequence = ((await readLinkCertificateFile(keysDir))?.sequence ?? 0) + 1;
  const { publicKey, seed } = crypto.generateKeyPair();
  const nowMs = SYSTEM_CLOCK.wallMs();
  const certificate = await certifyLinkKey(signer, networkId, {
    validatorId: id,
    sequence,
    notBeforeMs: nowMs - BACKDATE_MS,
    notAfterMs: nowMs + days * DAY_MS,
    key: publicKey,
  });
  const keystore = await encodeKeystore({ purpose: 'link', publicKey, id, seed }, passphrase, cost);
  seed.wipe();
  await createSecretFile(linkKeystoreFile(keysDir, sequence), keystore);
  await replaceFile(join(keysDir, LINK_CERTIFICATE_FILE), encodeOperationalKeyCertificate(certificate));
  return certificate;
}
