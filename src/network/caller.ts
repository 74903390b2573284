import { publicKeyFromRaw } from '@libp2p/crypto/keys';
import type { Ed25519PrivateKey, MultiaddrConnection } from '@libp2p/interface';
import { peerIdFromPublicKey } from '@libp2p/peer-id';
import { byteStream } from '@libp2p/utils';
import type { NetworkId } from '../types/ids.ts';
import { concatBytes, utf8 } from '../util/bytes.ts';
import type { Random } from '../util/random.ts';
import { MAX_CALLER_READ_AHEAD_BYTES } from './limits.ts';
import { LinkRefusal } from './link-refusal.ts';

export const CHALLENGE_BYTES = 32;
const KEY_BYTES = 32;
const SIGNATURE_BYTES = 64;

/** What a caller's signature is for: one connection to one peer of one network. */
export interface CallScope {
  readonly networkId: NetworkId;
  /** Peer id of whoever is called. */
  readonly called: string;
}

/** Answers the challenge of whoever is called, before TLS: docs/spec/links.md, "Caller". */
export async function proveCaller(
  connection: MultiaddrConnection,
  peerKey: Ed25519PrivateKey,
  scope: CallScope,
  signal: AbortSignal,
): Promise<void> {
  const challenge = await read(connection, CHALLENGE_BYTES, signal);
  connection.send(await callerProof(peerKey, scope, challenge));
}

/** The answer to a challenge: the public key and its signature, 96 bytes. */
export async function callerProof(
  peerKey: Ed25519PrivateKey,
  scope: CallScope,
  challenge: Uint8Array,
): Promise<Uint8Array> {
  return concatBytes(peerKey.publicKey.raw, await peerKey.sign(statement(scope, challenge)));
}

/**
 * Learns who calls, before TLS costs anything: the peer id that the caller has proven.
 * @throws LinkRefusal OWN_KEY, NOT_A_MEMBER, CALLER_UNPROVEN
 */
export async function identifyCaller(
  connection: MultiaddrConnection,
  isMember: (peerId: string) => boolean,
  scope: CallScope,
  random: Random,
  signal: AbortSignal,
): Promise<string> {
  const challenge = random.bytes(CHALLENGE_BYTES);
  connection.send(challenge);
  const answer = await read(connection, KEY_BYTES + SIGNATURE_BYTES, signal);
  const key = publicKeyFromRaw(answer.subarray(0, KEY_BYTES));
  if (key.type !== 'Ed25519') throw unproven();
  const peerId = peerIdFromPublicKey(key).toString();
  if (peerId === scope.called) throw new LinkRefusal('OWN_KEY', 'the own key came back');
  if (!isMember(peerId)) throw new LinkRefusal('NOT_A_MEMBER', 'no member has this peer id', { peerId });
  if (!(await key.verify(statement(scope, challenge), answer.subarray(KEY_BYTES)))) throw unproven();
  return peerId;
}

function unproven(): LinkRefusal {
  return new LinkRefusal('CALLER_UNPROVEN', 'the caller did not sign the challenge');
}

function statement({ networkId, called }: CallScope, challenge: Uint8Array): Uint8Array {
  return concatBytes(utf8(`av10-link-caller:${networkId}:${called}:`), challenge);
}

/** What comes behind goes back to the connection. */
async function read(connection: MultiaddrConnection, bytes: number, signal: AbortSignal): Promise<Uint8Array> {
  const stream = byteStream(connection, { maxBufferSize: MAX_CALLER_READ_AHEAD_BYTES });
  try {
    return (await stream.read({ bytes, signal })).subarray();
  } finally {
    stream.unwrap();
  }
}
