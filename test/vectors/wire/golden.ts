import type { Hasher } from '../../../src/crypto/hasher.ts';
import { encodeGenesis } from '../../../src/params/genesis.ts';
import { paramsHash } from '../../../src/params/protocol-parameters.ts';
import type { Header } from '../../../src/types/block.ts';
import { blockId, decodeSignedHeader, encodeHeader } from '../../../src/types/block-codec.ts';
import { type Commit, commitDigest, encodeCommit } from '../../../src/types/commit.ts';
import {
  type BlockId,
  type CommitDigest,
  id,
  type NetworkId,
  type ParamsHash,
  type PayloadDigest,
  type StatementDigest,
} from '../../../src/types/ids.ts';
import { SIGNATURE_BYTES } from '../../../src/types/limits.ts';
import type { Message } from '../../../src/types/message.ts';
import { encodeMessage } from '../../../src/types/message-codec.ts';
import { emptyPayloadDigest, encodePayload, parsePayload, type SignedBody } from '../../../src/types/payload.ts';
import { toHex } from '../../../src/util/bytes.ts';
import { sampleGenesis } from './sample-genesis.ts';

/** All vectors by file name. Bytes are hexadecimal; where a text would be long only its length and BLAKE3-256 are kept. */
export function wireVectors(hasher: Hasher): Record<string, unknown> {
  return {
    'headers.json': headerVectors(hasher),
    'commit.json': commitVector(hasher),
    'payloads.json': payloadVectors(hasher),
    'genesis.json': genesisVector(hasher),
    'messages.json': messageVectors(hasher),
  };
}

const filled = (byte: number, length: number): Uint8Array => new Uint8Array(length).fill(byte);
const digest = (byte: number): string => toHex(filled(byte, 32));
const ref = (round: number, author: number) => ({ round, author, id: id<BlockId>(digest(16 * author + round)) });

export function sampleHeaders(hasher: Hasher): Record<string, Header> {
  const first: Header = {
    version: 1,
    epoch: 1,
    round: 1,
    author: 2,
    timestampMs: 1_767_225_600_123,
    executedCommit: 0,
    ancestors: [ref(0, 2), ref(0, 0), ref(0, 1)],
    payload: { digest: emptyPayloadDigest(hasher), bytes: 0, txCount: 0 },
    attestations: [],
  };
  return {
    first,
    full: {
      ...first,
      epoch: 0xffff_ffff,
      round: 0xffff_fffe,
      author: 99,
      timestampMs: Number.MAX_SAFE_INTEGER,
      executedCommit: Number.MAX_SAFE_INTEGER - 1,
      ancestors: [ref(5, 9), ref(4, 3)],
      payload: { digest: id<PayloadDigest>(digest(0xd1)), bytes: 2 * 1024 * 1024, txCount: 400 },
      attestations: [
        { ref: ref(3, 1), bad: [] },
        { ref: ref(3, 2), bad: [0, 7, 399] },
      ],
      checkpointVote: {
        statementDigest: id<StatementDigest>(digest(0x5d)),
        checkpointIndex: 77,
        signature: filled(0xc7, SIGNATURE_BYTES),
      },
    },
  };
}

export function sampleCommit(): Omit<Commit, 'digest'> {
  return {
    previousDigest: id<CommitDigest>(digest(0xab)),
    epoch: 1,
    index: 42,
    leader: ref(6, 1),
    timeMs: 1_767_225_600_456,
    refs: [ref(5, 0), ref(5, 2), ref(6, 1)],
  };
}

export function samplePayloads(): Record<string, readonly SignedBody[]> {
  const item = (body: number[], signature: number) => ({
    body: Uint8Array.from(body),
    signature: filled(signature, SIGNATURE_BYTES),
  });
  return { empty: [], one: [item([1, 2, 3], 1)], three: [item([], 2), item([0xff], 3), item([4, 5], 3)] };
}

/** One of each type. */
export function sampleMessages(hasher: Hasher): Record<Message['type'], Message> {
  const { first } = sampleHeaders(hasher) as { readonly first: Header };
  const signed = decodeSignedHeader(hasher, encodeHeader(first), filled(0x51, SIGNATURE_BYTES));
  const twin = { ...first, timestampMs: first.timestampMs + 1 };
  const block = { header: signed, payload: new Uint8Array(0) };
  const state = { lastOwnRound: 9, highestRounds: [9, 8, 10, 0], gcRound: 3, commitIndex: 5, certificateIndex: 2 };
  return {
    hello: {
      type: 'hello',
      networkId: id<NetworkId>(digest(0xee)),
      epoch: 1,
      paramsHash: id<ParamsHash>(digest(0xaa)),
      protocolVersion: 1,
      author: 3,
      bootId: toHex(filled(0xb0, 16)),
      senderPeerId: 'peer-4',
      receiverPeerId: 'péer-1',
      state,
    },
    refuse: { type: 'refuse', code: 'WRONG_PEER' },
    lease: { type: 'lease', timeMs: 1_234_567 },
    'lease-ok': { type: 'lease-ok', timeMs: 1_234_567 },
    release: { type: 'release' },
    block: { type: 'block', block },
    exchange: { type: 'exchange', state },
    follow: { type: 'follow', author: 2 },
    evidence: {
      type: 'evidence',
      first: signed,
      second: decodeSignedHeader(hasher, encodeHeader(twin), filled(0x52, SIGNATURE_BYTES)),
    },
    fetch: {
      type: 'fetch',
      requestId: 7,
      gcRound: 3,
      highestRounds: [9, 8, 10, 0],
      ids: [id<BlockId>(digest(1)), id<BlockId>(digest(2))],
    },
    'fetch-reply': { type: 'fetch-reply', requestId: 7, blocks: [block, block] },
    commits: { type: 'commits', requestId: 8, from: 40, to: 45, withBlocks: true, skipBlocks: 2 },
    'commits-reply': {
      type: 'commits-reply',
      requestId: 8,
      commits: [
        { commit: encodeCommit(sampleCommit()), blocks: [] },
        { commit: new Uint8Array(0), blocks: [block] },
      ],
    },
    certificate: { type: 'certificate', requestId: 9, index: 0 },
    'certificate-reply': { type: 'certificate-reply', requestId: 9, certificate: Uint8Array.of(1, 2, 3) },
    recovery: { type: 'recovery', requestId: 10 },
    'recovery-reply': {
      type: 'recovery-reply',
      requestId: 10,
      ownLatest: ref(6, 1),
      yours: undefined,
      yoursHighestRound: 5,
    },
  };
}

function headerVectors(hasher: Hasher): unknown {
  return Object.entries(sampleHeaders(hasher)).map(([name, header]) => {
    const bytes = encodeHeader(header);
    return { name, bytes: toHex(bytes), id: blockId(hasher, bytes) };
  });
}

function commitVector(hasher: Hasher): unknown {
  const commit = sampleCommit();
  return { bytes: toHex(encodeCommit(commit)), digest: commitDigest(hasher, commit) };
}

function payloadVectors(hasher: Hasher): unknown {
  return Object.entries(samplePayloads()).map(([name, items]) => {
    const bytes = encodePayload(items);
    const parsed = parsePayload(hasher, bytes, items.length);
    const transactions = parsed.items.map(({ id: txId, wireKey }) => ({ id: txId, wireKey }));
    return { name, ...summary(hasher, bytes), digest: parsed.digest, transactions };
  });
}

function genesisVector(hasher: Hasher): unknown {
  const content = sampleGenesis(hasher);
  const bytes = encodeGenesis(content);
  return {
    bytes: bytes.length,
    networkId: toHex(hasher.plain(bytes)),
    paramsHash: paramsHash(hasher, content.parameters),
    validatorIds: content.members.map(({ validatorId }) => validatorId).sort(),
  };
}

function messageVectors(hasher: Hasher): unknown {
  return Object.entries(sampleMessages(hasher)).map(([type, message]) => {
    const bytes = encodeMessage(message);
    return bytes.length <= 512 ? { type, bytes: toHex(bytes) } : { type, ...summary(hasher, bytes) };
  });
}

function summary(hasher: Hasher, bytes: Uint8Array) {
  return { length: bytes.length, blake3: toHex(hasher.plain(bytes)) };
}
