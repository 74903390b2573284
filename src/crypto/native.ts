import { loadAddon } from '../addon/load-addon.ts';
import type { NativeAddon } from '../addon/native.ts';
import { assert } from '../util/assert.ts';
import type { CryptoBackend } from './backend.ts';
import { HASH_DOMAINS, type HashDomain } from './domains.ts';
import { requireLength } from './errors.ts';
import { DIGEST_BYTES, type Hasher, type IncrementalHasher } from './hasher.ts';
import { KEM_CIPHERTEXT_BYTES, KEM_PUBLIC_KEY_BYTES, KEM_SEED_BYTES, type Kem } from './kem.ts';
import { SecretBytes } from './secret-bytes.ts';
import { requireBatch, requireContext, SEED_BYTES, type Signer, type Verifier } from './signer.ts';

/** AWS-LC and the Rust BLAKE3, through the addon; what validators run. Throws ADDON_MISSING. */
export function nativeBackend(): CryptoBackend {
  const addon = loadAddon();
  return {
    name: 'native',
    hasher: nativeHasher(addon),
    verifier: nativeVerifier(addon),
    kem: nativeKem(addon),
    generateKeyPair: (seed = SecretBytes.random(SEED_BYTES)) => {
      requireLength('ML-DSA-87 seed', seed, SEED_BYTES);
      return { publicKey: addon.mlDsaPublicKey(addon.mlDsaKeyFromSeed(seed.reveal())), seed };
    },
    signerFromSeed: (seed) => nativeSigner(addon, seed),
  };
}

/** Short inputs of several parts are joined here, because a native call costs more than the copy. */
const SCRATCH_BYTES = 64 * 1024;

function nativeHasher(addon: NativeAddon): Hasher {
  const indices = domainIndices(addon);
  const scratch = new Uint8Array(SCRATCH_BYTES);

  function stream(domain?: HashDomain): IncrementalHasher {
    const hasher = domain === undefined ? addon.hasherCreate() : addon.hasherCreate(indices[domain]);
    return {
      update(bytes) {
        addon.hasherUpdate(hasher, bytes);
        return this;
      },
      digest: () => filled((output) => addon.hasherDigestInto(hasher, output)),
    };
  }

  function hash(domain: HashDomain, ...parts: readonly Uint8Array[]): Uint8Array {
    const input = parts.length === 1 ? parts[0] : joined(scratch, parts);
    if (input !== undefined) return filled((output) => addon.hashInto(indices[domain], input, output));
    const hasher = stream(domain);
    for (const part of parts) hasher.update(part);
    return hasher.digest();
  }

  return { hash, stream, plain: (bytes) => filled((output) => addon.plainHashInto(bytes, output)) };
}

function domainIndices(addon: NativeAddon): Record<HashDomain, number> {
  const names = addon.hashDomains();
  assert(names.length === HASH_DOMAINS.length, 'addon and sources list different hash domains: rebuild the addon');
  const pairs = HASH_DOMAINS.map((domain) => [domain, names.indexOf(domain)] as const);
  assert(
    pairs.every(([, index]) => index >= 0),
    'addon and sources list different hash domains: rebuild the addon',
  );
  return Object.fromEntries(pairs) as Record<HashDomain, number>;
}

/** The parts one after another in `scratch`, or undefined if they do not fit. */
function joined(scratch: Uint8Array, parts: readonly Uint8Array[]): Uint8Array | undefined {
  let length = 0;
  for (const part of parts) {
    if (length + part.length > scratch.length) return undefined;
    scratch.set(part, length);
    length += part.length;
  }
  return scratch.subarray(0, length);
}

function filled(write: (output: Uint8Array) => void): Uint8Array {
  const output = new Uint8Array(DIGEST_BYTES);
  write(output);
  return output;
}

function nativeSigner(addon: NativeAddon, seed: SecretBytes): Signer {
  requireLength('ML-DSA-87 seed', seed, SEED_BYTES);
  const key = addon.mlDsaKeyFromSeed(seed.reveal());
  return {
    publicKey: addon.mlDsaPublicKey(key),
    async sign(context, message) {
      requireContext(context);
      return addon.mlDsaSign(key, context, message);
    },
  };
}

function nativeVerifier(addon: NativeAddon): Verifier {
  return {
    async verify(publicKey, context, message, signature) {
      const [valid] = await addon.mlDsaVerifyBatch([publicKey], [context], [message], [signature]);
      return valid === 1;
    },
    async verifyMany(items) {
      requireBatch(items);
      return addon.mlDsaVerifyBatch(
        items.map((item) => item.publicKey),
        items.map((item) => item.context),
        items.map((item) => item.message),
        items.map((item) => item.signature),
      );
    },
  };
}

function nativeKem(addon: NativeAddon): Kem {
  return {
    generateKeyPair(seed = SecretBytes.random(KEM_SEED_BYTES)) {
      requireLength('ML-KEM-1024 seed', seed, KEM_SEED_BYTES);
      return { publicKey: addon.mlKemPublicKey(seed.reveal()), seed };
    },
    encapsulate(publicKey) {
      requireLength('ML-KEM-1024 public key', publicKey, KEM_PUBLIC_KEY_BYTES);
      const both = addon.mlKemEncapsulate(publicKey);
      const sharedSecret = new SecretBytes(both.slice(KEM_CIPHERTEXT_BYTES));
      both.fill(0, KEM_CIPHERTEXT_BYTES);
      return { ciphertext: both.subarray(0, KEM_CIPHERTEXT_BYTES), sharedSecret };
    },
    decapsulate(seed, ciphertext) {
      requireLength('ML-KEM-1024 seed', seed, KEM_SEED_BYTES);
      requireLength('ML-KEM-1024 ciphertext', ciphertext, KEM_CIPHERTEXT_BYTES);
      return new SecretBytes(addon.mlKemDecapsulate(seed.reveal(), ciphertext));
    },
  };
}
