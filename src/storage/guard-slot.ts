import type { Hasher } from '../crypto/hasher.ts';
import {
  type BlockId,
  type CheckpointIndex,
  ID_BYTES,
  id,
  type NetworkId,
  type Round,
  type StatementDigest,
  type ValidatorId,
} from '../types/ids.ts';
import { ByteReader } from '../util/byte-reader.ts';
import { ByteWriter } from '../util/byte-writer.ts';
import { equalBytes, utf8 } from '../util/bytes.ts';
import { LOG_ID_BYTES } from './record.ts';

/** Each slot lies in a 4 KiB sector of its own, so that a torn write of one leaves the other whole. */
export const SLOT_BYTES = 4_096;
export const SLOT_COUNT = 2;
const MAGIC = utf8('AV10GRD1');
const CHECKSUM_BYTES = 32;

/** Whose guard it is and which log it goes with. */
export interface GuardIdentity {
  readonly networkId: NetworkId;
  readonly validatorId: ValidatorId;
  readonly logId: string;
}

/** The last block that may have been sent. */
export interface BlockMark {
  readonly epoch: number;
  readonly round: Round;
  /** `NO_BLOCK` when the round is only barred: before the first block, and after a recovery. */
  readonly id: BlockId;
}

/** The last checkpoint vote that may have been sent. */
export interface VoteMark {
  readonly index: CheckpointIndex;
  /** `NO_STATEMENT` when the index is only barred. */
  readonly digest: StatementDigest;
}

export interface GuardMarks {
  readonly block: BlockMark;
  readonly vote: VoteMark;
}

export interface GuardValue extends GuardMarks {
  readonly identity: GuardIdentity;
}

export interface GuardSlot {
  readonly sequence: number;
  readonly value: GuardValue;
}

const ZERO_ID = '00'.repeat(ID_BYTES);
export const NO_BLOCK = id<BlockId>(ZERO_ID);
export const NO_STATEMENT = id<StatementDigest>(ZERO_ID);

/** Nothing was signed yet. */
export const UNUSED_MARKS: GuardMarks = {
  block: { epoch: 0, round: 0, id: NO_BLOCK },
  vote: { index: 0, digest: NO_STATEMENT },
};

/** A whole slot; the checksum at its end covers all of it. */
export function encodeSlot(hasher: Hasher, { sequence, value }: GuardSlot): Uint8Array {
  const { identity, block, vote } = value;
  const out = new ByteWriter(SLOT_BYTES);
  out.bytes(MAGIC).u53(sequence);
  out.hex(identity.networkId, ID_BYTES).hex(identity.logId, LOG_ID_BYTES).hex(identity.validatorId, ID_BYTES);
  out.u32(block.epoch).u32(block.round).hex(block.id, ID_BYTES);
  out.u53(vote.index).hex(vote.digest, ID_BYTES);
  out.bytes(new Uint8Array(SLOT_BYTES - CHECKSUM_BYTES - out.length));
  return out.bytes(hasher.hash('guard', out.finish())).finish();
}

/** The content of a slot, or nothing if a bit of it is not as it was written. */
export function decodeSlot(hasher: Hasher, bytes: Uint8Array): GuardSlot | undefined {
  const covered = bytes.subarray(0, SLOT_BYTES - CHECKSUM_BYTES);
  if (!equalBytes(hasher.hash('guard', covered), bytes.subarray(covered.length))) return undefined;
  if (!equalBytes(covered.subarray(0, MAGIC.length), MAGIC)) return undefined;
  const reader = new ByteReader(covered.subarray(MAGIC.length));
  const sequence = reader.u53('sequence');
  const networkId = id<NetworkId>(reader.bytes(ID_BYTES, 'networkId'));
  const logId = reader.hex(LOG_ID_BYTES, 'logId');
  const validatorId = id<ValidatorId>(reader.bytes(ID_BYTES, 'validatorId'));
  const epoch = reader.u32('epoch');
  const round = reader.u32('round');
  const block = { epoch, round, id: id<BlockId>(reader.bytes(ID_BYTES, 'blockId')) };
  const index = reader.u53('checkpointIndex');
  const vote = { index, digest: id<StatementDigest>(reader.bytes(ID_BYTES, 'statementDigest')) };
  return { sequence, value: { identity: { networkId, validatorId, logId }, block, vote } };
}

/** Order of signing: epoch, then round. */
export function compareRounds(
  a: { readonly epoch: number; readonly round: Round },
  b: { readonly epoch: number; readonly round: Round },
): number {
  return a.epoch === b.epoch ? a.round - b.round : a.epoch - b.epoch;
}
