import type { CryptoBackend } from '../crypto/backend.ts';
import { nativeBackend } from '../crypto/native.ts';
import { nodeBackend } from '../crypto/node.ts';
import { isCoded } from '../util/errors.ts';

/** The addon where it is built, else Node's own OpenSSL: keys, transfers and proofs work without Rust. Running a node does not. */
export function commandBackend(): CryptoBackend {
  try {
    return nativeBackend();
  } catch (error) {
    if (isCoded(error, 'ADDON_MISSING')) return nodeBackend();
    throw error;
  }
}
