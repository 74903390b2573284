import { generateKeyPairFromSeed } from '@libp2p/crypto/keys';
import type { Ed25519PrivateKey } from '@libp2p/interface';
import { peerIdFromPrivateKey, peerIdFromString } from '@libp2p/peer-id';
import type { Random } from '../util/random.ts';
import { NetworkError } from './errors.ts';

/** The seed of an Ed25519 key (RFC 8032). */
export const PEER_KEY_BYTES = 32;

export function generatePeerKey(random: Random): Uint8Array {
  return random.bytes(PEER_KEY_BYTES);
}

/**
 * The peer id of a seed, as it stands in the genesis.
 * @throws NetworkError PEER_KEY_INVALID
 */
export async function peerIdOf(peerKey: Uint8Array): Promise<string> {
  return peerIdFromPrivateKey(await privateKeyOf(peerKey)).toString();
}

/** Whether the text is the peer id of an Ed25519 key in the one form that is compared as text. */
export function isPeerId(text: string): boolean {
  try {
    const peerId = peerIdFromString(text);
    return peerId.type === 'Ed25519' && peerId.toString() === text;
  } catch {
    return false;
  }
}

/** @throws NetworkError PEER_KEY_INVALID */
export async function privateKeyOf(peerKey: Uint8Array): Promise<Ed25519PrivateKey> {
  if (peerKey.length !== PEER_KEY_BYTES) {
    throw new NetworkError('PEER_KEY_INVALID', `a peer key has ${PEER_KEY_BYTES} bytes`, { bytes: peerKey.length });
  }
  return await generateKeyPairFromSeed('Ed25519', peerKey);
}
