import { mkdir, rename, rm } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import type { CryptoBackend } from '../crypto/backend.ts';
import { type Argon2Cost, encodeKeystore, readKeystoreLabel } from '../crypto/keystore.ts';
import type { SecretBytes } from '../crypto/secret-bytes.ts';
import { generatePeerKey, peerIdOf } from '../network/index.ts';
import { keystoreFile, PEER_KEY_FILE, readPeerKey } from '../node/key-files.ts';
import { SYSTEM_RANDOM } from '../node/system.ts';
import { validatorId } from '../params/committee.ts';
import type { ValidatorId } from '../types/ids.ts';
import { toHex } from '../util/bytes.ts';
import { CliError } from './errors.ts';
import { createSecretFile, exists, readBounded } from './files.ts';

/** The keys of one validator; each has one purpose (docs/spec/cryptography.md). */
const PURPOSES = ['identity', 'consensus', 'link'] as const;

/** What others may know of a validator's keys. */
export interface PublicKeys {
  readonly validatorId: ValidatorId;
  readonly identityKey: Uint8Array;
  readonly consensusKey: Uint8Array;
  readonly linkKey: Uint8Array;
  readonly peerId: string;
}

/**
 * Makes the three keystores and the peer key of a new validator. They appear together or not at all.
 * @throws CliError FILE_EXISTS if the folder holds anything
 */
export async function generateValidatorKeys(
  { hasher, generateKeyPair }: CryptoBackend,
  keysDir: string,
  passphrase: SecretBytes,
  cost?: Argon2Cost,
): Promise<PublicKeys> {
  const target = resolve(keysDir);
  const pairs = { identity: generateKeyPair(), consensus: generateKeyPair(), link: generateKeyPair() };
  const id = validatorId(hasher, pairs.identity.publicKey);
  const peerKey = generatePeerKey(SYSTEM_RANDOM);
  const staging = join(dirname(target), `.keys-${toHex(SYSTEM_RANDOM.bytes(8))}`);
  try {
    await Promise.all(
      PURPOSES.map(async (purpose) => {
        const { publicKey, seed } = pairs[purpose];
        const bytes = await encodeKeystore({ purpose, publicKey, id, seed }, passphrase, cost);
        seed.wipe();
        await createSecretFile(keystoreFile(staging, purpose), bytes);
      }),
    );
    await createSecretFile(join(staging, PEER_KEY_FILE), `${toHex(peerKey)}\n`);
    await moveFolder(staging, target);
  } finally {
    await rm(staging, { recursive: true, force: true });
  }
  return {
    validatorId: id,
    identityKey: pairs.identity.publicKey,
    consensusKey: pairs.consensus.publicKey,
    linkKey: pairs.link.publicKey,
    peerId: await peerIdOf(peerKey),
  };
}

/**
 * Reads the public parts; no passphrase is needed, hence nothing here is authenticated.
 * @throws CliError FILE_UNREADABLE; KEYSTORE_FORMAT
 */
export async function readPublicKeys({ hasher }: CryptoBackend, keysDir: string): Promise<PublicKeys> {
  const [identity, consensus, link] = await Promise.all(
    PURPOSES.map(async (purpose) => {
      const path = keystoreFile(keysDir, purpose);
      const label = readKeystoreLabel(await readBounded(path));
      if (label.purpose === purpose) return label.publicKey;
      throw new CliError('FILE_INVALID', `${path} is a keystore for ${label.purpose}`, { path, field: 'purpose' });
    }),
  );
  const [identityKey, consensusKey, linkKey] = [identity, consensus, link] as [Uint8Array, Uint8Array, Uint8Array];
  const peerId = await peerIdOf(await readPeerKey(keysDir));
  return { validatorId: validatorId(hasher, identityKey), identityKey, consensusKey, linkKey, peerId };
}

/** Renaming takes the place of an empty folder only. */
export async function moveFolder(from: string, to: string): Promise<void> {
  try {
    await mkdir(dirname(to), { recursive: true });
    await rename(from, to);
  } catch (cause) {
    if (!(await exists(to))) throw cause;
    throw new CliError('FILE_EXISTS', `${to} holds something already: name another folder`, { path: to }, { cause });
  }
}
