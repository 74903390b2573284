import type { Hasher } from '../crypto/hasher.ts';
import { ByteReader } from '../util/byte-reader.ts';
import { ByteWriter } from '../util/byte-writer.ts';
import type { BlockRef } from './block.ts';
import { REF_BYTES, readRef, writeRef } from './block-codec.ts';
import { type CommitDigest, type CommitIndex, ID_BYTES, id } from './ids.ts';
import { MAX_COMMITTEE } from './limits.ts';

/** How a leader slot was decided: docs/spec/commit-rule.md. */
export type Decision = 'direct-commit' | 'indirect-commit' | 'direct-skip' | 'indirect-skip' | 'undecided';

/**
 * The sub-DAG of the k-th committed leader block: everything in its history not linearised before and above the garbage-collection bound,
 * in the order (round, author, id). A pure function of the sequence of committed leaders.
 */
export interface Commit {
  readonly index: CommitIndex;
  readonly epoch: number;
  readonly leader: BlockRef;
  /** Commit time: never decreases; lies between the clocks of two honest validators. */
  readonly timeMs: number;
  readonly previousDigest: CommitDigest;
  readonly digest: CommitDigest;
  /** Ascending by (round, author, id); the leader's block is among them. */
  readonly refs: readonly BlockRef[];
}

/**
 * At most this many blocks in one commit: what a full gc window of the largest committee holds, with room for the blocks of equivocators.
 * Bounds the decoder only; the linearizer cannot exceed it.
 */
export const MAX_COMMIT_REFS = MAX_COMMITTEE * 2_048;

export function commitDigest(hasher: Hasher, commit: Omit<Commit, 'digest'>): CommitDigest {
  return id<CommitDigest>(hasher.hash('commit', encodeCommit(commit)));
}

/** Canonical bytes: previous digest, epoch, index, leader, time, refs. The digest is their hash. */
export function encodeCommit(commit: Omit<Commit, 'digest'>): Uint8Array {
  const out = new ByteWriter(96 + commit.refs.length * REF_BYTES);
  out.hex(commit.previousDigest, ID_BYTES).u32(commit.epoch).u53(commit.index);
  writeRef(out, commit.leader);
  out.u53(commit.timeMs).u32(commit.refs.length);
  for (const ref of commit.refs) writeRef(out, ref);
  return out.finish();
}

/** @throws DecodeError */
export function decodeCommit(hasher: Hasher, bytes: Uint8Array): Commit {
  const reader = new ByteReader(bytes);
  const previousDigest = id<CommitDigest>(reader.bytes(ID_BYTES, 'previousDigest'));
  const epoch = reader.u32('epoch');
  const index = reader.u53('index');
  const leader = readRef(reader, 'leader');
  const timeMs = reader.u53('timeMs');
  const count = reader.count(reader.u32('refs'), MAX_COMMIT_REFS, REF_BYTES, 'refs');
  const refs = Array.from({ length: count }, () => readRef(reader, 'ref'));
  reader.end();
  const digest = id<CommitDigest>(hasher.hash('commit', bytes));
  return { index, epoch, leader, timeMs, previousDigest, digest, refs };
}
