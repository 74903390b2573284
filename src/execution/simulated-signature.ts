import type { Hasher } from '../crypto/hasher.ts';
import { SIGNATURE_BYTES } from '../types/limits.ts';
import { transactionId } from '../types/transaction-codec.ts';

/**
 * Stands for a signature where a ledger was created with `verification: 'simulated'`: in the simulator and in tests, where signing
 * would be all the work there is. Anybody can make one, so nothing that starts from a genesis file ever accepts it.
 */
export function simulatedSignature(hasher: Hasher, publicKey: Uint8Array, body: Uint8Array): Uint8Array {
  const signature = new Uint8Array(SIGNATURE_BYTES);
  const txId = Uint8Array.fromHex(transactionId(hasher, body));
  signature.set(hasher.hash('sig', hasher.hash('key', publicKey), txId));
  return signature;
}
