import type { Hasher } from '../crypto/hasher.ts';
import { ByteReader } from '../util/byte-reader.ts';
import { ByteWriter } from '../util/byte-writer.ts';
import { concatBytes } from '../util/bytes.ts';
import { id, type PayloadDigest, type TransactionId, type WireKey } from './ids.ts';
import { MAX_TRANSACTION_BYTES, SIGNATURE_BYTES } from './limits.ts';

/** One transaction inside a payload: views of the payload's bytes, and the ids that the one pass over them yields. */
export interface PayloadItem {
  readonly id: TransactionId;
  readonly wireKey: WireKey;
  readonly body: Uint8Array;
  readonly signature: Uint8Array;
}

/** A body and the signature over it, as a client sends them. The body's content is not this file's business. */
export interface SignedBody {
  readonly body: Uint8Array;
  readonly signature: Uint8Array;
}

/** Payload bytes: every length-prefixed body, then every signature, so that bodies can travel without them (docs/spec/block.md). */
export function encodePayload(items: readonly SignedBody[]): Uint8Array {
  const out = new ByteWriter(items.reduce((sum, item) => sum + 4 + item.body.length + SIGNATURE_BYTES, 0));
  for (const item of items) out.u32(item.body.length).bytes(item.body);
  for (const item of items) out.fixed(item.signature, SIGNATURE_BYTES);
  return out.finish();
}

export interface ParsedPayload {
  readonly digest: PayloadDigest;
  readonly items: readonly PayloadItem[];
}

/** A payload is checked when it arrives, followed when its block is admitted and named when it is executed, and hashed once. */
const parsed = new WeakMap<Uint8Array, ParsedPayload & { readonly hasher: Hasher }>();

/**
 * Checks the framing of a payload and computes its digest and ids. Never looks into a body: content is no rule of block validity.
 * The bytes must not change afterwards: the same array gives the same answer without another pass.
 * @throws DecodeError
 */
export function parsePayload(hasher: Hasher, bytes: Uint8Array, txCount: number): ParsedPayload {
  const known = parsed.get(bytes);
  if (known?.hasher === hasher && known.items.length === txCount) return known;
  const payload = parse(hasher, bytes, txCount);
  parsed.set(bytes, { ...payload, hasher });
  return payload;
}

/** The digest of the payload without transactions. */
export function emptyPayloadDigest(hasher: Hasher): PayloadDigest {
  return payloadDigest(hasher, [], []);
}

function parse(hasher: Hasher, bytes: Uint8Array, txCount: number): ParsedPayload {
  const reader = new ByteReader(bytes);
  reader.count(txCount, txCount, 4 + SIGNATURE_BYTES, 'txCount');
  const bodies: Uint8Array[] = [];
  for (let i = 0; i < txCount; i++) bodies.push(readBody(reader));
  const signatures = bodies.map(() => reader.bytes(SIGNATURE_BYTES, 'signature'));
  reader.end();
  const txIds = bodies.map((body) => hasher.hash('tx', body));
  const signatureHashes = signatures.map((signature) => hasher.hash('sig', signature));
  const items = bodies.map((body, i) => {
    const signature = signatures[i] as Uint8Array;
    const wireKey = id<WireKey>(hasher.hash('wire', txIds[i] as Uint8Array, signatureHashes[i] as Uint8Array));
    return { id: id<TransactionId>(txIds[i] as Uint8Array), wireKey, body, signature };
  });
  return { digest: payloadDigest(hasher, txIds, signatureHashes), items };
}

function payloadDigest(
  hasher: Hasher,
  txIds: readonly Uint8Array[],
  signatureHashes: readonly Uint8Array[],
): PayloadDigest {
  const bodiesDigest = hasher.hash('bodies', concatBytes(...txIds));
  const signaturesDigest = hasher.hash('sigs', concatBytes(...signatureHashes));
  return id<PayloadDigest>(hasher.hash('payload', bodiesDigest, signaturesDigest));
}

function readBody(reader: ByteReader): Uint8Array {
  const length = reader.u32('body.length');
  if (length + SIGNATURE_BYTES > MAX_TRANSACTION_BYTES) {
    throw reader.refuse('LIMIT', 'body.length', `a transaction has at most ${MAX_TRANSACTION_BYTES} bytes`);
  }
  return reader.bytes(length, 'body');
}
