import type { CryptoBackend } from '../crypto/backend.ts';
import { type KeystoreErrorCode, openKeystore } from '../crypto/keystore.ts';
import { nodeBackend } from '../crypto/node.ts';
import { SecretBytes } from '../crypto/secret-bytes.ts';
import { type Address, id } from '../types/ids.ts';
import { utf8 } from '../util/bytes.ts';
import { CodedError } from '../util/errors.ts';
import type { AccountKey } from './keys.ts';

/**
 * The key in an account keystore, a file that `av10 keys account` makes. A passphrase that lies in a file is its first line.
 *
 * @example
 * const { signer, address } = await openAccountKey(await readFile('account.json'), passphrase);
 * const wallet = new Wallet(client, signer, { address });
 * @throws CodedError KEYSTORE_FORMAT, KEYSTORE_PASSPHRASE
 */
export async function openAccountKey(
  keystore: Uint8Array,
  passphrase: string,
  crypto: CryptoBackend = nodeBackend(),
): Promise<AccountKey> {
  const { purpose, seed, id: address } = await openKeystore(keystore, new SecretBytes(utf8(passphrase)));
  if (purpose === 'account') return { signer: crypto.signerFromSeed(seed), address: id<Address>(address), seed };
  seed.wipe();
  const message = `a keystore for ${purpose}, not for an account`;
  throw new CodedError<KeystoreErrorCode>('KEYSTORE_FORMAT', message, { field: 'purpose' });
}
