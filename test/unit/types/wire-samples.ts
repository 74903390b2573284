import fc from 'fast-check';
import { nativeBackend } from '../../../src/crypto/native.ts';
import type { Attestation, BlockRef, CheckpointVote, Header, SignedHeader } from '../../../src/types/block.ts';
import { decodeSignedHeader, encodeHeader } from '../../../src/types/block-codec.ts';
import { encodeCommit } from '../../../src/types/commit.ts';
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
import type { ExchangeState, Message, RefuseCode, WireBlock } from '../../../src/types/message.ts';
import { utf8 } from '../../../src/util/bytes.ts';

export const { hasher } = nativeBackend();

/** Objects as literals make them, so that they compare equal to decoded ones. */
function record<T>(model: { readonly [K in keyof T]: fc.Arbitrary<T[K]> }): fc.Arbitrary<T> {
  return fc.record<T>(model, { noNullPrototype: true });
}

const u16 = fc.nat(0xffff);
const u32 = fc.nat(0xffff_ffff);
const u53 = fc.maxSafeNat();
const digest = fc.uint8Array({ minLength: 32, maxLength: 32 }).map((bytes) => bytes.toHex());
/** Signature bytes influence nothing here: one byte repeated keeps shrinking fast. */
const signature = fc.nat(255).map((byte) => new Uint8Array(SIGNATURE_BYTES).fill(byte));
const some = <T>(item: fc.Arbitrary<T>, maxLength = 3): fc.Arbitrary<T[]> => fc.array(item, { maxLength });

const ref: fc.Arbitrary<BlockRef> = record({ round: u32, author: u16, id: digest.map((text) => id<BlockId>(text)) });

const attestation: fc.Arbitrary<Attestation> = record({
  ref,
  bad: fc.uniqueArray(u16, { maxLength: 4 }).map((positions) => positions.sort((a, b) => a - b)),
});

const vote: fc.Arbitrary<CheckpointVote> = record({
  statementDigest: digest.map((text) => id<StatementDigest>(text)),
  checkpointIndex: u53,
  signature,
});

export const anyHeader = (payloadBytes: fc.Arbitrary<number> = fc.nat(2 * 1024 * 1024)): fc.Arbitrary<Header> => {
  const header = record<Omit<Header, 'checkpointVote'>>({
    version: fc.constant(1 as const),
    epoch: u32,
    round: u32,
    author: u16,
    timestampMs: u53,
    executedCommit: u53,
    ancestors: some(ref, 5),
    payload: record({
      digest: digest.map((text) => id<PayloadDigest>(text)),
      bytes: payloadBytes,
      txCount: fc.nat(400),
    }),
    attestations: some(attestation),
  });
  return fc.oneof(
    header,
    fc.tuple(header, vote).map(([content, checkpointVote]) => ({ ...content, checkpointVote })),
  );
};

const signedHeader: fc.Arbitrary<SignedHeader> = fc
  .tuple(anyHeader(), signature)
  .map(([header, bytes]) => decodeSignedHeader(hasher, encodeHeader(header), bytes));

const wireBlock: fc.Arbitrary<WireBlock> = fc.nat(200).chain((length) =>
  record({
    header: fc
      .tuple(anyHeader(fc.constant(length)), signature)
      .map(([header, bytes]) => decodeSignedHeader(hasher, encodeHeader(header), bytes)),
    payload: fc.uint8Array({ minLength: length, maxLength: length }),
  }),
);

export const anyCommit = record({
  index: u53,
  epoch: u32,
  leader: ref,
  timeMs: u53,
  previousDigest: digest.map((text) => id<CommitDigest>(text)),
  refs: some(ref, 6),
});

const state: fc.Arbitrary<ExchangeState> = record({
  lastOwnRound: u32,
  highestRounds: some(u32, 20),
  gcRound: u32,
  commitIndex: u53,
  certificateIndex: u53,
});

const peerId = fc.string({ unit: 'grapheme', maxLength: 20 }).filter((text) => utf8(text).length <= 128);
const bytes = fc.uint8Array({ maxLength: 60 });
const requestId = u32;
const refuseCode = fc.constantFrom<RefuseCode>(
  'IDENTITY_IN_USE',
  'OTHER_NETWORK',
  'OTHER_PARAMETERS',
  'OTHER_VERSION',
  'WRONG_PEER',
);

type MessageArbitraries = { readonly [Type in Message['type']]: fc.Arbitrary<Extract<Message, { type: Type }>> };

const only = <Type extends string>(type: Type): fc.Arbitrary<Type> => fc.constant(type);

/** Every message of each type: the type checker sees to it that none is missing. */
export const anyMessageOf: MessageArbitraries = {
  hello: record({
    type: only('hello'),
    networkId: digest.map((text) => id<NetworkId>(text)),
    epoch: u32,
    paramsHash: digest.map((text) => id<ParamsHash>(text)),
    protocolVersion: u16,
    author: u16,
    bootId: fc.uint8Array({ minLength: 16, maxLength: 16 }).map((boot) => boot.toHex()),
    senderPeerId: peerId,
    receiverPeerId: peerId,
    state,
  }),
  refuse: record({ type: only('refuse'), code: refuseCode }),
  lease: record({ type: only('lease'), timeMs: u53 }),
  'lease-ok': record({ type: only('lease-ok'), timeMs: u53 }),
  release: record({ type: only('release') }),
  block: record({ type: only('block'), block: wireBlock }),
  exchange: record({ type: only('exchange'), state }),
  follow: record({ type: only('follow'), author: u16 }),
  evidence: record({ type: only('evidence'), first: signedHeader, second: signedHeader }),
  fetch: record({
    type: only('fetch'),
    requestId,
    gcRound: u32,
    highestRounds: some(u32, 20),
    ids: some(
      digest.map((text) => id<BlockId>(text)),
      64,
    ),
  }),
  'fetch-reply': record({ type: only('fetch-reply'), requestId, blocks: some(wireBlock) }),
  commits: record({
    type: only('commits'),
    requestId,
    from: u53,
    to: u53,
    withBlocks: fc.boolean(),
    skipBlocks: u32,
  }),
  'commits-reply': record({
    type: only('commits-reply'),
    requestId,
    commits: some(record({ commit: anyCommit.map(encodeCommit), blocks: some(wireBlock, 2) })),
  }),
  certificate: record({ type: only('certificate'), requestId, index: u53 }),
  'certificate-reply': record({ type: only('certificate-reply'), requestId, certificate: bytes }),
  recovery: record({ type: only('recovery'), requestId }),
  'recovery-reply': record({
    type: only('recovery-reply'),
    requestId,
    ownLatest: fc.option(ref, { nil: undefined }),
    yours: fc.option(ref, { nil: undefined }),
    yoursHighestRound: u32,
  }),
};

export const anyMessage: fc.Arbitrary<Message> = fc.oneof(...Object.values(anyMessageOf));
