import type { Hasher } from '../crypto/hasher.ts';
import { unreachable } from '../util/assert.ts';
import { ByteReader } from '../util/byte-reader.ts';
import { ByteWriter } from '../util/byte-writer.ts';
import type { BlockRef, SignedHeader } from './block.ts';
import { decodeSignedHeader, readRef, writeRef } from './block-codec.ts';
import { type BlockId, ID_BYTES, id, type NetworkId, type ParamsHash } from './ids.ts';
import { MAX_BLOCK_BYTES, MAX_COMMITTEE, MAX_FRAME_BYTES, MAX_HEADER_BYTES, SIGNATURE_BYTES } from './limits.ts';
import type { ExchangeState, Hello, Message, RefuseCode, WireBlock, WireCommit } from './message.ts';

export const MAX_FETCH_IDS = 64;
export const MAX_FETCH_BLOCKS = 64;
export const BOOT_ID_BYTES = 16;
const MAX_COMMITS_PER_REPLY = 1_024;
const MAX_BLOCKS_PER_COMMIT_REPLY = 4_096;
const MAX_PEER_ID_CHARS = 128;

/** The first byte of a frame. Numbers are never reused. */
const TAGS = {
  hello: 1,
  refuse: 2,
  lease: 3,
  'lease-ok': 4,
  release: 5,
  block: 6,
  exchange: 7,
  follow: 8,
  evidence: 9,
  fetch: 16,
  'fetch-reply': 17,
  commits: 18,
  'commits-reply': 19,
  certificate: 20,
  'certificate-reply': 21,
  snapshot: 22,
  'snapshot-reply': 23,
  recovery: 24,
  'recovery-reply': 25,
} as const satisfies Record<Message['type'], number>;

const TYPES = new Map<number, Message['type']>(
  Object.entries(TAGS).map(([type, tag]) => [tag, type as Message['type']]),
);

const REFUSE_CODES: readonly RefuseCode[] = [
  'IDENTITY_IN_USE',
  'OTHER_NETWORK',
  'OTHER_PARAMETERS',
  'OTHER_VERSION',
  'WRONG_PEER',
  'NOT_READY',
];

export function encodeMessage(message: Message): Uint8Array {
  const out = new ByteWriter();
  out.u8(TAGS[message.type]);
  switch (message.type) {
    case 'hello':
      writeHello(out, message);
      break;
    case 'refuse':
      out.u8(REFUSE_CODES.indexOf(message.code));
      break;
    case 'lease':
    case 'lease-ok':
      out.u53(message.timeMs);
      break;
    case 'release':
      break;
    case 'block':
      writeBlock(out, message.block);
      break;
    case 'exchange':
      writeState(out, message.state);
      break;
    case 'follow':
      out.u16(message.author);
      break;
    case 'evidence':
      writeHeader(out, message.first);
      writeHeader(out, message.second);
      break;
    case 'fetch':
      out.u32(message.requestId).u32(message.gcRound);
      writeRounds(out, message.highestRounds);
      out.u16(message.ids.length);
      for (const blockId of message.ids) out.hex(blockId, ID_BYTES);
      break;
    case 'fetch-reply':
      out.u32(message.requestId);
      writeBlocks(out, message.blocks);
      break;
    case 'commits':
      out.u32(message.requestId).u53(message.from).u53(message.to).u8(message.withBlocks ? 1 : 0).u32(message.skipBlocks);
      break;
    case 'commits-reply':
      out.u32(message.requestId).u16(message.commits.length);
      for (const { commit, blocks } of message.commits) {
        out.u32(commit.length).bytes(commit);
        writeBlocks(out, blocks);
      }
      break;
    case 'certificate':
      out.u32(message.requestId).u53(message.index);
      break;
    case 'certificate-reply':
      out.u32(message.requestId).u32(message.certificate.length).bytes(message.certificate);
      break;
    case 'snapshot':
      out.u32(message.requestId).u53(message.commitIndex).u53(message.offset);
      break;
    case 'snapshot-reply':
      out.u32(message.requestId).u53(message.commitIndex).u53(message.totalBytes).u53(message.offset);
      out.u32(message.bytes.length).bytes(message.bytes);
      break;
    case 'recovery':
      out.u32(message.requestId);
      break;
    case 'recovery-reply':
      out.u32(message.requestId);
      writeOptionalRef(out, message.ownLatest);
      writeOptionalRef(out, message.yours);
      out.u32(message.yoursHighestRound);
      break;
    default:
      unreachable(message);
  }
  return out.finish();
}

/**
 * Decodes a frame and computes the ids of the headers in it; no signature is checked here.
 * @throws DecodeError
 */
export function decodeMessage(hasher: Hasher, frame: Uint8Array): Message {
  const reader = new ByteReader(frame);
  if (frame.length > MAX_FRAME_BYTES) throw reader.refuse('LIMIT', 'frame', `at most ${MAX_FRAME_BYTES} bytes allowed`);
  const type = TYPES.get(reader.u8('type'));
  if (type === undefined) throw reader.refuse('NON_CANONICAL', 'type', 'no such message type');
  const message = readMessage(hasher, reader, type);
  reader.end();
  return message;
}

function readMessage(hasher: Hasher, reader: ByteReader, type: Message['type']): Message {
  switch (type) {
    case 'hello':
      return readHello(reader);
    case 'refuse':
      return { type, code: readRefuseCode(reader) };
    case 'lease':
    case 'lease-ok':
      return { type, timeMs: reader.u53('timeMs') };
    case 'release':
      return { type };
    case 'block':
      return { type, block: readBlock(hasher, reader) };
    case 'exchange':
      return { type, state: readState(reader) };
    case 'follow':
      return { type, author: reader.u16('author') };
    case 'evidence':
      return { type, first: readHeader(hasher, reader), second: readHeader(hasher, reader) };
    case 'fetch': {
      const requestId = reader.u32('requestId');
      const gcRound = reader.u32('gcRound');
      const highestRounds = readRounds(reader);
      const count = reader.count(reader.u16('ids'), MAX_FETCH_IDS, ID_BYTES, 'ids');
      const ids = Array.from({ length: count }, () => id<BlockId>(reader.hex(ID_BYTES, 'id')));
      return { type, requestId, gcRound, highestRounds, ids };
    }
    case 'fetch-reply':
      return { type, requestId: reader.u32('requestId'), blocks: readBlocks(hasher, reader, MAX_FETCH_BLOCKS) };
    case 'commits':
      return {
        type,
        requestId: reader.u32('requestId'),
        from: reader.u53('from'),
        to: reader.u53('to'),
        withBlocks: reader.flag('withBlocks'),
        skipBlocks: reader.u32('skipBlocks'),
      };
    case 'commits-reply': {
      const requestId = reader.u32('requestId');
      const count = reader.count(reader.u16('commits'), MAX_COMMITS_PER_REPLY, 8, 'commits');
      return { type, requestId, commits: Array.from({ length: count }, () => readCommit(hasher, reader)) };
    }
    case 'certificate':
      return { type, requestId: reader.u32('requestId'), index: reader.u53('index') };
    case 'certificate-reply':
      return { type, requestId: reader.u32('requestId'), certificate: readBytes(reader, 'certificate') };
    case 'snapshot':
      return { type, requestId: reader.u32('requestId'), commitIndex: reader.u53('commitIndex'), offset: reader.u53('offset') };
    case 'snapshot-reply': {
      const requestId = reader.u32('requestId');
      const commitIndex = reader.u53('commitIndex');
      const totalBytes = reader.u53('totalBytes');
      const offset = reader.u53('offset');
      return { type, requestId, commitIndex, totalBytes, offset, bytes: readBytes(reader, 'bytes') };
    }
    case 'recovery':
      return { type, requestId: reader.u32('requestId') };
    case 'recovery-reply': {
      const requestId = reader.u32('requestId');
      const ownLatest = readOptionalRef(reader, 'ownLatest');
      const yours = readOptionalRef(reader, 'yours');
      return { type, requestId, ownLatest, yours, yoursHighestRound: reader.u32('yoursHighestRound') };
    }
    default:
      return unreachable(type);
  }
}

function writeHello(out: ByteWriter, hello: Hello): void {
  out.hex(hello.networkId, ID_BYTES).u32(hello.epoch).hex(hello.paramsHash, ID_BYTES);
  out.u16(hello.protocolVersion).u16(hello.author).hex(hello.bootId, BOOT_ID_BYTES);
  writeText(out, hello.senderPeerId);
  writeText(out, hello.receiverPeerId);
  writeState(out, hello.state);
}

function readHello(reader: ByteReader): Hello {
  return {
    type: 'hello',
    networkId: id<NetworkId>(reader.hex(ID_BYTES, 'networkId')),
    epoch: reader.u32('epoch'),
    paramsHash: id<ParamsHash>(reader.hex(ID_BYTES, 'paramsHash')),
    protocolVersion: reader.u16('protocolVersion'),
    author: reader.u16('author'),
    bootId: reader.hex(BOOT_ID_BYTES, 'bootId'),
    senderPeerId: readText(reader, 'senderPeerId'),
    receiverPeerId: readText(reader, 'receiverPeerId'),
    state: readState(reader),
  };
}

function writeState(out: ByteWriter, state: ExchangeState): void {
  out.u32(state.lastOwnRound);
  writeRounds(out, state.highestRounds);
  out.u32(state.gcRound).u53(state.commitIndex).u53(state.certificateIndex);
}

function readState(reader: ByteReader): ExchangeState {
  const lastOwnRound = reader.u32('lastOwnRound');
  const highestRounds = readRounds(reader);
  const gcRound = reader.u32('gcRound');
  const commitIndex = reader.u53('commitIndex');
  return { lastOwnRound, highestRounds, gcRound, commitIndex, certificateIndex: reader.u53('certificateIndex') };
}

function writeRounds(out: ByteWriter, rounds: readonly number[]): void {
  out.u16(rounds.length);
  for (const round of rounds) out.u32(round);
}

function readRounds(reader: ByteReader): number[] {
  const count = reader.count(reader.u16('highestRounds'), MAX_COMMITTEE, 4, 'highestRounds');
  return Array.from({ length: count }, () => reader.u32('highestRound'));
}

function writeHeader(out: ByteWriter, header: SignedHeader): void {
  out.u32(header.bytes.length).bytes(header.bytes).fixed(header.signature, SIGNATURE_BYTES);
}

function readHeader(hasher: Hasher, reader: ByteReader): SignedHeader {
  const length = reader.u32('header.length');
  if (length > MAX_HEADER_BYTES) throw reader.refuse('LIMIT', 'header.length', `at most ${MAX_HEADER_BYTES} allowed`);
  // Copies: a header outlives its frame by a thousand rounds and must not keep a payload of 2 MiB in memory.
  const bytes = reader.bytes(length, 'header').slice();
  return decodeSignedHeader(hasher, bytes, reader.bytes(SIGNATURE_BYTES, 'signature').slice());
}

function writeBlock(out: ByteWriter, block: WireBlock): void {
  writeHeader(out, block.header);
  out.bytes(block.payload);
}

/** The payload's length is the header's word: a payload of another length breaks the framing and with it the message. */
function readBlock(hasher: Hasher, reader: ByteReader): WireBlock {
  const header = readHeader(hasher, reader);
  if (header.payload.bytes > MAX_BLOCK_BYTES) throw reader.refuse('LIMIT', 'payload', `at most ${MAX_BLOCK_BYTES} allowed`);
  return { header, payload: reader.bytes(header.payload.bytes, 'payload') };
}

function writeBlocks(out: ByteWriter, blocks: readonly WireBlock[]): void {
  out.u16(blocks.length);
  for (const block of blocks) writeBlock(out, block);
}

function readBlocks(hasher: Hasher, reader: ByteReader, limit: number): WireBlock[] {
  const count = reader.count(reader.u16('blocks'), limit, SIGNATURE_BYTES, 'blocks');
  return Array.from({ length: count }, () => readBlock(hasher, reader));
}

function readCommit(hasher: Hasher, reader: ByteReader): WireCommit {
  return { commit: readBytes(reader, 'commit'), blocks: readBlocks(hasher, reader, MAX_BLOCKS_PER_COMMIT_REPLY) };
}

function readBytes(reader: ByteReader, field: string): Uint8Array {
  return reader.bytes(reader.u32(`${field}.length`), field);
}

function writeOptionalRef(out: ByteWriter, ref: BlockRef | undefined): void {
  out.u8(ref === undefined ? 0 : 1);
  if (ref !== undefined) writeRef(out, ref);
}

function readOptionalRef(reader: ByteReader, field: string): BlockRef | undefined {
  return reader.flag(field) ? readRef(reader, field) : undefined;
}

function readRefuseCode(reader: ByteReader): RefuseCode {
  const code = REFUSE_CODES[reader.u8('code')];
  if (code === undefined) throw reader.refuse('NON_CANONICAL', 'code', 'no such code');
  return code;
}

function writeText(out: ByteWriter, text: string): void {
  const bytes = new TextEncoder().encode(text);
  out.u8(bytes.length).bytes(bytes);
}

function readText(reader: ByteReader, field: string): string {
  const bytes = reader.bytes(reader.u8(`${field}.length`), field);
  if (bytes.length > MAX_PEER_ID_CHARS) throw reader.refuse('LIMIT', field, `at most ${MAX_PEER_ID_CHARS} allowed`);
  try {
    // Without `ignoreBOM` a leading byte order mark vanishes: two encodings of one text.
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    throw reader.refuse('NON_CANONICAL', field, 'UTF-8 expected');
  }
}
