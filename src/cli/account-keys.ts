import type { CryptoBackend } from '../crypto/backend.ts';
import {
  type Argon2Cost,
  encodeKeystore,
  type KeystoreLabel,
  openKeystore,
  readKeystoreLabel,
} from '../crypto/keystore.ts';
import type { SecretBytes } from '../crypto/secret-bytes.ts';
import type { Signer } from '../crypto/signer.ts';
import { type Address, id } from '../types/ids.ts';
import { accountAddress } from '../types/transaction-codec.ts';
import { CliError } from './errors.ts';
import { createSecretFile, readBounded, readSecretFile } from './files.ts';

export interface AccountKey {
  readonly address: Address;
  readonly publicKey: Uint8Array;
}

/** @throws CliError FILE_EXISTS */
export async function generateAccountKey(
  { hasher, generateKeyPair }: CryptoBackend,
  path: string,
  passphrase: SecretBytes,
  cost?: Argon2Cost,
): Promise<AccountKey> {
  const { publicKey, seed } = generateKeyPair();
  const address = accountAddress(hasher, publicKey);
  const bytes = await encodeKeystore({ purpose: 'account', publicKey, id: address, seed }, passphrase, cost);
  seed.wipe();
  await createSecretFile(path, bytes);
  return { address, publicKey };
}

/**
 * The public part of an account keystore; no passphrase is needed, hence it is not authenticated.
 * @throws CliError FILE_UNREADABLE, FILE_INVALID; KEYSTORE_FORMAT
 */
export async function readAccountKey(path: string): Promise<AccountKey> {
  const label = readKeystoreLabel(await readBounded(path));
  requireAccount(path, label);
  return { address: id<Address>(label.id), publicKey: label.publicKey };
}

/** @throws CliError FILE_UNREADABLE, FILE_INVALID, FILE_MODE; KEYSTORE_FORMAT, KEYSTORE_PASSPHRASE */
export async function openAccountKey(
  { signerFromSeed }: CryptoBackend,
  path: string,
  passphrase: SecretBytes,
): Promise<{ readonly address: Address; readonly signer: Signer }> {
  const content = await openKeystore(await readSecretFile(path), passphrase);
  requireAccount(path, content);
  const signer = signerFromSeed(content.seed);
  content.seed.wipe();
  return { address: id<Address>(content.id), signer };
}

function requireAccount(path: string, { purpose }: KeystoreLabel): void {
  if (purpose === 'account') return;
  throw new CliError('FILE_INVALID', `${path} is a keystore for ${purpose}, not for an account`, {
    path,
    field: 'purpose',
  });
}
