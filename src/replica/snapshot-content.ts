import type { CommitPoint, CoreState } from '../consensus/index.ts';
import type { Hasher } from '../crypto/hasher.ts';
import type { LogPosition } from '../storage/index.ts';
import { type Evidence, markVerified } from '../types/block.ts';
import { REF_BYTES, readRef, readSignedHeader, writeRef, writeSignedHeader } from '../types/block-codec.ts';
import { MAX_COMMIT_REFS } from '../types/commit.ts';
import { type CommitDigest, type CommitIndex, ID_BYTES, id, type Round } from '../types/ids.ts';
import { MAX_COMMITTEE, SIGNATURE_BYTES } from '../types/limits.ts';
import { ByteReader } from '../util/byte-reader.ts';
import { ByteWriter } from '../util/byte-writer.ts';
import { concatBytes } from '../util/bytes.ts';

const MAX_LEDGER_PARTS = 1_024;
/** Eight bytes each. No log keeps more: days at full speed. */
export const MAX_KEPT_COMMITS = 16 * 1024 * 1024;

/** Where the commits that a node keeps for its peers lie in its log; replay begins behind most of them. */
export interface KeptCommits {
  /** Index of the first. */
  readonly first: CommitIndex;
  readonly positions: readonly LogPosition[];
}

/** Consensus and ledger as of one commit: what a restart goes on from (docs/spec/storage.md, "Snapshots"). */
export interface SnapshotContent {
  readonly state: CoreState;
  readonly gcRound: Round;
  readonly commits: KeptCommits;
  /** At most one an author. */
  readonly evidence: readonly Evidence[];
  readonly ledger: readonly Uint8Array[];
}

/** Lengths first, so that a reader finds the parts again. */
export function encodeSnapshotContent({ state, gcRound, commits, evidence, ledger }: SnapshotContent): Uint8Array[] {
  const out = new ByteWriter();
  writePoint(out, state.lastCommit);
  out.u32(state.lastProposedRound).u32(gcRound).u32(state.linearised.length);
  for (const ref of state.linearised) writeRef(out, ref);
  out.u53(commits.first).u32(commits.positions.length);
  for (const position of commits.positions) out.u53(position);
  out.u16(ledger.length);
  for (const part of ledger) out.u53(part.length);
  return [out.finish(), ...ledger, encodeEvidence(evidence)];
}

/** @throws DecodeError */
export async function readSnapshotContent(hasher: Hasher, chunks: AsyncIterable<Uint8Array>): Promise<SnapshotContent> {
  const parts: Uint8Array[] = [];
  for await (const chunk of chunks) parts.push(chunk);
  const reader = new ByteReader(concatBytes(...parts));
  const lastCommit = readPoint(reader);
  const lastProposedRound = reader.u32('lastProposedRound');
  const gcRound = reader.u32('gcRound');
  const refCount = reader.count(reader.u32('linearised'), MAX_COMMIT_REFS, REF_BYTES, 'linearised');
  const linearised = Array.from({ length: refCount }, () => readRef(reader, 'linearised'));
  const first = reader.u53('commits.first');
  const commitCount = reader.count(reader.u32('commits'), MAX_KEPT_COMMITS, 8, 'commits');
  const positions = Array.from({ length: commitCount }, () => reader.u53('commits.position') as LogPosition);
  const partCount = reader.count(reader.u16('ledger'), MAX_LEDGER_PARTS, 8, 'ledger');
  const lengths = Array.from({ length: partCount }, () => reader.u53('ledger.length'));
  const ledger = lengths.map((length) => reader.bytes(length, 'ledger.part'));
  // The first snapshots held none.
  const evidence = reader.remaining === 0 ? [] : readEvidence(hasher, reader);
  reader.end();
  return {
    state: { lastCommit, linearised, lastProposedRound },
    gcRound,
    commits: { first, positions },
    evidence,
    ledger,
  };
}

function encodeEvidence(evidence: readonly Evidence[]): Uint8Array {
  const out = new ByteWriter().u16(evidence.length);
  for (const { first, second } of evidence) {
    writeSignedHeader(out, first);
    writeSignedHeader(out, second);
  }
  return out.finish();
}

/** Verified before the snapshot was written, and covered by its checksums since. */
function readEvidence(hasher: Hasher, reader: ByteReader): Evidence[] {
  const count = reader.count(reader.u16('evidence'), MAX_COMMITTEE, 2 * SIGNATURE_BYTES, 'evidence');
  const signed = () => markVerified(readSignedHeader(hasher, reader));
  return Array.from({ length: count }, () => ({ first: signed(), second: signed() }));
}

function writePoint(out: ByteWriter, point: CommitPoint): void {
  out.u53(point.index).hex(point.digest, ID_BYTES).u53(point.timeMs).u32(point.leaderRound);
  out.u32(point.slot.round).u16(point.slot.offset);
}

function readPoint(reader: ByteReader): CommitPoint {
  const index = reader.u53('index');
  const digest = id<CommitDigest>(reader.bytes(ID_BYTES, 'digest'));
  const timeMs = reader.u53('timeMs');
  const leaderRound = reader.u32('leaderRound');
  return {
    index,
    digest,
    timeMs,
    leaderRound,
    slot: { round: reader.u32('slot.round'), offset: reader.u16('slot.offset') },
  };
}
