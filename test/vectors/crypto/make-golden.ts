/**
 * Writes the golden values with the native backend: `node test/vectors/crypto/make-golden.ts`. Run it only when a
 * domain or purpose is added: a change of an existing value is a change of the protocol.
 */
import { writeFileSync } from 'node:fs';
import { HASH_DOMAINS, SIGNATURE_PURPOSES, signatureContext } from '../../../src/crypto/domains.ts';
import { nativeBackend } from '../../../src/crypto/native.ts';
import { SecretBytes } from '../../../src/crypto/secret-bytes.ts';
import { toHex, utf8 } from '../../../src/util/bytes.ts';
import { DIGESTS_FILE, SIGNATURES_FILE } from './golden.ts';

const { hasher, signerFromSeed } = nativeBackend();

const input = utf8('AV10-7');
const digests = HASH_DOMAINS.map((domain) => [domain, toHex(hasher.hash(domain, input))]);
write(DIGESTS_FILE, { input: toHex(input), digests: Object.fromEntries(digests) });

const networkId = Uint8Array.from({ length: 32 }, (_, i) => i);
const seed = Uint8Array.from({ length: 32 }, (_, i) => 255 - i);
const message = utf8('one message for every purpose');
const signer = signerFromSeed(new SecretBytes(seed));
const purposes = SIGNATURE_PURPOSES.map(async (purpose) => {
  const context = signatureContext(purpose, networkId);
  return [purpose, { context: toHex(context), signature: toHex(await signer.sign(context, message)) }] as const;
});
write(SIGNATURES_FILE, {
  networkId: toHex(networkId),
  seed: toHex(seed),
  publicKey: toHex(signer.publicKey),
  message: toHex(message),
  purposes: Object.fromEntries(await Promise.all(purposes)),
});

function write(file: URL, value: unknown): void {
  writeFileSync(file, `${JSON.stringify(value, null, 2)}\n`);
}
