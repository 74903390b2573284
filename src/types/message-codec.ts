import type { Hasher } from '../crypto/hasher.ts';
import { ByteReader } from '../util/byte-reader.ts';
import { ByteWriter } from '../util/byte-writer.ts';
import type { BlockRef } from './block.ts';
import { readRef, readSignedHeader, writeRef, writeSignedHeader } from './block-codec.ts';
import { type BlockId, ID_BYTES, id, type NetworkId, type ParamsHash } from './ids.ts';
import { MAX_BLOCK_BYTES, MAX_COMMITTEE, MAX_FRAME_BYTES, SIGNATURE_BYTES } from './limits.ts';
import type { ExchangeState, Hello, Message, RefuseCode, WireBlock, WireCommit } from './message.ts';

export const MAX_FETCH_IDS = 64;
export const MAX_FETCH_BLOCKS = 64;
/** An author whose blocks had to be fetched twice within this many rounds is followed for as many: both ends count the same. */
export const FOLLOW_ROUNDS = 64;
export const BOOT_ID_BYTES = 16;
const MAX_COMMITS_PER_REPLY = 1_024;
const MAX_BLOCKS_PER_COMMIT_REPLY = 4_096;
const MAX_PEER_ID_CHARS = 128;

const REFUSE_CODES: readonly RefuseCode[] = [
  'IDENTITY_IN_USE',
  'OTHER_NETWORK',
  'OTHER_PARAMETERS',
  'OTHER_VERSION',
  'WRONG_PEER',
];

interface Codec<M extends Message> {
  /** The first byte of a frame. Numbers are never reused. */
  readonly tag: number;
  write(out: ByteWriter, message: M): void;
  /** What follows the tag. */
  read(reader: ByteReader, hasher: Hasher): Omit<M, 'type'>;
}

const CODECS: { readonly [Type in Message['type']]: Codec<Extract<Message, { type: Type }>> } = {
  hello: { tag: 1, write: writeHello, read: readHello },
  refuse: {
    tag: 2,
    write: (out, { code }) => out.u8(REFUSE_CODES.indexOf(code)),
    read: (reader) => ({ code: readRefuseCode(reader) }),
  },
  lease: { tag: 3, write: (out, { timeMs }) => out.u53(timeMs), read: (reader) => ({ timeMs: reader.u53('timeMs') }) },
  'lease-ok': {
    tag: 4,
    write: (out, { timeMs }) => out.u53(timeMs),
    read: (reader) => ({ timeMs: reader.u53('timeMs') }),
  },
  release: { tag: 5, write: () => undefined, read: () => ({}) },
  block: {
    tag: 6,
    write: (out, { block }) => writeBlock(out, block),
    read: (reader, hasher) => ({ block: readBlock(hasher, reader) }),
  },
  exchange: {
    tag: 7,
    write: (out, { state }) => writeState(out, state),
    read: (reader) => ({ state: readState(reader) }),
  },
  follow: { tag: 8, write: (out, { author }) => out.u16(author), read: (reader) => ({ author: reader.u16('author') }) },
  evidence: {
    tag: 9,
    write: (out, { first, second }) => {
      writeSignedHeader(out, first);
      writeSignedHeader(out, second);
    },
    read: (reader, hasher) => ({ first: readSignedHeader(hasher, reader), second: readSignedHeader(hasher, reader) }),
  },
  fetch: {
    tag: 16,
    write: (out, { requestId, gcRound, highestRounds, ids }) => {
      out.u32(requestId).u32(gcRound);
      writeRounds(out, highestRounds);
      out.u16(ids.length);
      for (const blockId of ids) out.hex(blockId, ID_BYTES);
    },
    read: (reader) => {
      const requestId = reader.u32('requestId');
      const gcRound = reader.u32('gcRound');
      const highestRounds = readRounds(reader);
      const count = reader.count(reader.u16('ids'), MAX_FETCH_IDS, ID_BYTES, 'ids');
      const ids = Array.from({ length: count }, () => id<BlockId>(reader.bytes(ID_BYTES, 'id')));
      return { requestId, gcRound, highestRounds, ids };
    },
  },
  'fetch-reply': {
    tag: 17,
    write: (out, { requestId, blocks }) => writeBlocks(out.u32(requestId), blocks),
    read: (reader, hasher) => ({
      requestId: reader.u32('requestId'),
      blocks: readBlocks(hasher, reader, MAX_FETCH_BLOCKS),
    }),
  },
  commits: {
    tag: 18,
    write: (out, { requestId, from, to, withBlocks, skipBlocks }) =>
      out
        .u32(requestId)
        .u53(from)
        .u53(to)
        .u8(withBlocks ? 1 : 0)
        .u32(skipBlocks),
    read: (reader) => ({
      requestId: reader.u32('requestId'),
      from: reader.u53('from'),
      to: reader.u53('to'),
      withBlocks: reader.flag('withBlocks'),
      skipBlocks: reader.u32('skipBlocks'),
    }),
  },
  'commits-reply': {
    tag: 19,
    write: (out, { requestId, commits }) => {
      out.u32(requestId).u16(commits.length);
      for (const { commit, blocks } of commits) writeBlocks(out.u32(commit.length).bytes(commit), blocks);
    },
    read: (reader, hasher) => {
      const requestId = reader.u32('requestId');
      const count = reader.count(reader.u16('commits'), MAX_COMMITS_PER_REPLY, 6, 'commits');
      return { requestId, commits: Array.from({ length: count }, () => readCommit(hasher, reader)) };
    },
  },
  certificate: {
    tag: 20,
    write: (out, { requestId, index }) => out.u32(requestId).u53(index),
    read: (reader) => ({ requestId: reader.u32('requestId'), index: reader.u53('index') }),
  },
  'certificate-reply': {
    tag: 21,
    write: (out, { requestId, certificate }) => out.u32(requestId).u32(certificate.length).bytes(certificate),
    read: (reader) => ({ requestId: reader.u32('requestId'), certificate: readBytes(reader, 'certificate') }),
  },
  recovery: {
    tag: 24,
    write: (out, { requestId }) => out.u32(requestId),
    read: (reader) => ({ requestId: reader.u32('requestId') }),
  },
  'recovery-reply': {
    tag: 25,
    write: (out, { requestId, ownLatest, yours, yoursHighestRound }) => {
      out.u32(requestId);
      writeOptionalRef(out, ownLatest);
      writeOptionalRef(out, yours);
      out.u32(yoursHighestRound);
    },
    read: (reader) => ({
      requestId: reader.u32('requestId'),
      ownLatest: readOptionalRef(reader, 'ownLatest'),
      yours: readOptionalRef(reader, 'yours'),
      yoursHighestRound: reader.u32('yoursHighestRound'),
    }),
  },
};

const TYPES = new Map(Object.entries(CODECS).map(([type, { tag }]) => [tag, type as Message['type']]));

export function encodeMessage(message: Message): Uint8Array {
  const out = new ByteWriter();
  const codec = CODECS[message.type] as Codec<Message>;
  codec.write(out.u8(codec.tag), message);
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
  const message = { type, ...CODECS[type].read(reader, hasher) } as Message;
  reader.end();
  return message;
}

function writeHello(out: ByteWriter, hello: Hello): void {
  out.hex(hello.networkId, ID_BYTES).u32(hello.epoch).hex(hello.paramsHash, ID_BYTES);
  out.u16(hello.protocolVersion).u16(hello.author).hex(hello.bootId, BOOT_ID_BYTES);
  writeText(out, hello.senderPeerId);
  writeText(out, hello.receiverPeerId);
  writeState(out, hello.state);
}

function readHello(reader: ByteReader): Omit<Hello, 'type'> {
  return {
    networkId: id<NetworkId>(reader.bytes(ID_BYTES, 'networkId')),
    epoch: reader.u32('epoch'),
    paramsHash: id<ParamsHash>(reader.bytes(ID_BYTES, 'paramsHash')),
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

function writeBlock(out: ByteWriter, block: WireBlock): void {
  writeSignedHeader(out, block.header);
  out.bytes(block.payload);
}

/** The payload's length is the header's word: a payload of another length breaks the framing and with it the message. */
function readBlock(hasher: Hasher, reader: ByteReader): WireBlock {
  const header = readSignedHeader(hasher, reader);
  if (header.payload.bytes > MAX_BLOCK_BYTES)
    throw reader.refuse('LIMIT', 'payload', `at most ${MAX_BLOCK_BYTES} allowed`);
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
