import type { Hasher } from '../crypto/hasher.ts';
import { ByteReader } from '../util/byte-reader.ts';
import { ByteWriter } from '../util/byte-writer.ts';
import type { Attestation, BlockRef, CheckpointVote, Header, PayloadRef, SignedHeader } from './block.ts';
import { type BlockId, ID_BYTES, id, type PayloadDigest, type StatementDigest } from './ids.ts';
import {
  MAX_ATTESTATIONS,
  MAX_BLOCK_BYTES,
  MAX_COMMITTEE,
  MAX_HEADER_BYTES,
  MAX_TRANSACTIONS_PER_BLOCK,
  SIGNATURE_BYTES,
} from './limits.ts';

export const HEADER_VERSION = 1;
/** round, author, id */
export const REF_BYTES = 4 + 2 + ID_BYTES;

/** The canonical bytes of a header, which are what its author signs: docs/spec/block.md. */
export function encodeHeader(header: Header): Uint8Array {
  const out = new ByteWriter();
  out.u8(header.version).u32(header.epoch).u32(header.round).u16(header.author);
  out.u53(header.timestampMs).u53(header.executedCommit);
  out.u16(header.ancestors.length);
  for (const ref of header.ancestors) writeRef(out, ref);
  out.hex(header.payload.digest, ID_BYTES).u32(header.payload.bytes).u16(header.payload.txCount);
  out.u16(header.attestations.length);
  for (const attestation of header.attestations) writeAttestation(out, attestation);
  writeVote(out, header.checkpointVote);
  return out.finish();
}

/**
 * Decodes a header and computes its id. Accepts one encoding per value; what needs more than the bytes themselves (committee, rounds, ancestors)
 * is checked by `src/consensus/block-rules.ts`.
 * @throws DecodeError
 */
export function decodeSignedHeader(hasher: Hasher, bytes: Uint8Array, signature: Uint8Array): SignedHeader {
  const header = decodeHeader(bytes);
  const ref = { round: header.round, author: header.author, id: blockId(hasher, bytes) };
  return { ...header, ref, bytes, signature };
}

/** Length, header and signature, as messages and snapshots hold them. */
export function writeSignedHeader(out: ByteWriter, { bytes, signature }: SignedHeader): void {
  out.u32(bytes.length).bytes(bytes).fixed(signature, SIGNATURE_BYTES);
}

/** @throws DecodeError */
export function readSignedHeader(hasher: Hasher, reader: ByteReader): SignedHeader {
  const length = reader.u32('header.length');
  if (length > MAX_HEADER_BYTES) throw reader.refuse('LIMIT', 'header.length', `at most ${MAX_HEADER_BYTES} allowed`);
  // Copies: a header outlives its frame by a thousand rounds and must not keep a payload of 2 MiB in memory.
  const bytes = reader.bytes(length, 'header').slice();
  return decodeSignedHeader(hasher, bytes, reader.bytes(SIGNATURE_BYTES, 'signature').slice());
}

export function blockId(hasher: Hasher, headerBytes: Uint8Array): BlockId {
  return id<BlockId>(hasher.hash('block', headerBytes));
}

/** @throws DecodeError */
export function decodeHeader(bytes: Uint8Array): Header {
  const reader = new ByteReader(bytes);
  if (bytes.length > MAX_HEADER_BYTES)
    throw reader.refuse('LIMIT', 'header', `at most ${MAX_HEADER_BYTES} bytes allowed`);
  const version = reader.u8('version');
  if (version !== HEADER_VERSION) throw reader.refuse('NON_CANONICAL', 'version', `version ${HEADER_VERSION} expected`);
  const epoch = reader.u32('epoch');
  const round = reader.u32('round');
  const author = reader.u16('author');
  const timestampMs = reader.u53('timestampMs');
  const executedCommit = reader.u53('executedCommit');
  const ancestorCount = reader.count(reader.u16('ancestors'), MAX_COMMITTEE, REF_BYTES, 'ancestors');
  const ancestors = Array.from({ length: ancestorCount }, () => readRef(reader, 'ancestor'));
  const payload = readPayloadRef(reader);
  const attestationCount = reader.count(reader.u16('attestations'), MAX_ATTESTATIONS, REF_BYTES + 2, 'attestations');
  const attestations = Array.from({ length: attestationCount }, () => readAttestation(reader));
  const checkpointVote = readVote(reader);
  reader.end();
  const header = {
    version,
    epoch,
    round,
    author,
    timestampMs,
    executedCommit,
    ancestors,
    payload,
    attestations,
  } as const;
  return checkpointVote === undefined ? header : { ...header, checkpointVote };
}

export function writeRef(out: ByteWriter, ref: BlockRef): void {
  out.u32(ref.round).u16(ref.author).hex(ref.id, ID_BYTES);
}

export function readRef(reader: ByteReader, field: string): BlockRef {
  const round = reader.u32(`${field}.round`);
  const author = reader.u16(`${field}.author`);
  return { round, author, id: id<BlockId>(reader.bytes(ID_BYTES, `${field}.id`)) };
}

function readPayloadRef(reader: ByteReader): PayloadRef {
  const digest = id<PayloadDigest>(reader.bytes(ID_BYTES, 'payload.digest'));
  const bytes = reader.u32('payload.bytes');
  if (bytes > MAX_BLOCK_BYTES) throw reader.refuse('LIMIT', 'payload.bytes', `at most ${MAX_BLOCK_BYTES} allowed`);
  const txCount = reader.u16('payload.txCount');
  if (txCount > MAX_TRANSACTIONS_PER_BLOCK) {
    throw reader.refuse('LIMIT', 'payload.txCount', `at most ${MAX_TRANSACTIONS_PER_BLOCK} allowed`);
  }
  return { digest, bytes, txCount };
}

function writeAttestation(out: ByteWriter, attestation: Attestation): void {
  writeRef(out, attestation.ref);
  out.u16(attestation.bad.length);
  for (const index of attestation.bad) out.u16(index);
}

function readAttestation(reader: ByteReader): Attestation {
  const ref = readRef(reader, 'attestation');
  const count = reader.count(reader.u16('attestation.bad'), MAX_TRANSACTIONS_PER_BLOCK, 2, 'attestation.bad');
  const bad = Array.from({ length: count }, () => reader.u16('attestation.bad'));
  for (let i = 1; i < bad.length; i++) {
    if ((bad[i] as number) <= (bad[i - 1] as number)) {
      throw reader.refuse('NON_CANONICAL', 'attestation.bad', 'positions must ascend');
    }
  }
  return { ref, bad };
}

function writeVote(out: ByteWriter, vote: CheckpointVote | undefined): void {
  out.u8(vote === undefined ? 0 : 1);
  if (vote === undefined) return;
  out.hex(vote.statementDigest, ID_BYTES).u53(vote.checkpointIndex).fixed(vote.signature, SIGNATURE_BYTES);
}

function readVote(reader: ByteReader): CheckpointVote | undefined {
  if (!reader.flag('checkpointVote')) return undefined;
  const statementDigest = id<StatementDigest>(reader.bytes(ID_BYTES, 'checkpointVote.statementDigest'));
  const checkpointIndex = reader.u53('checkpointVote.checkpointIndex');
  return { statementDigest, checkpointIndex, signature: reader.bytes(SIGNATURE_BYTES, 'checkpointVote.signature') };
}
