import type { Hasher } from '../crypto/hasher.ts';
import { ByteReader } from '../util/byte-reader.ts';
import { ByteWriter } from '../util/byte-writer.ts';
import {
  type CheckpointIndex,
  type CommitDigest,
  type CommitIndex,
  ID_BYTES,
  id,
  type NetworkId,
  type ParamsHash,
  type StatementDigest,
  type StateRoot,
} from './ids.ts';

export const STATEMENT_VERSION = 1;

/** What an epoch's closing checkpoint says of the next epoch. */
export interface Closing {
  readonly nextCommitteeDigest: Uint8Array;
  readonly nextParamsHash: ParamsHash;
  readonly nextProtocolVersion: number;
}

/** The state after a commit, as the validators sign it: docs/spec/checkpoint.md. */
export interface Statement {
  readonly networkId: NetworkId;
  readonly epoch: number;
  readonly index: CheckpointIndex;
  /** The network id before the first checkpoint. */
  readonly previousDigest: StatementDigest;
  readonly commitIndex: CommitIndex;
  readonly commitDigest: CommitDigest;
  readonly timeMs: number;
  readonly accountsRoot: StateRoot;
  readonly systemRoot: StateRoot;
  readonly resultsRoot: StateRoot;
  readonly paramsHash: ParamsHash;
  readonly closing?: Closing;
}

/** The canonical bytes, which are what a checkpoint vote signs. */
export function encodeStatement(statement: Statement): Uint8Array {
  const out = new ByteWriter(320);
  out.u8(STATEMENT_VERSION).hex(statement.networkId, ID_BYTES).u32(statement.epoch).u53(statement.index);
  out.hex(statement.previousDigest, ID_BYTES);
  out.u53(statement.commitIndex).hex(statement.commitDigest, ID_BYTES).u53(statement.timeMs);
  out.hex(statement.accountsRoot, ID_BYTES).hex(statement.systemRoot, ID_BYTES).hex(statement.resultsRoot, ID_BYTES);
  out.hex(statement.paramsHash, ID_BYTES).u8(statement.closing === undefined ? 0 : 1);
  if (statement.closing !== undefined) {
    const { nextCommitteeDigest, nextParamsHash, nextProtocolVersion } = statement.closing;
    out.fixed(nextCommitteeDigest, ID_BYTES).hex(nextParamsHash, ID_BYTES).u32(nextProtocolVersion);
  }
  return out.finish();
}

/** @throws DecodeError */
export function decodeStatement(bytes: Uint8Array): Statement {
  const reader = new ByteReader(bytes);
  const statement = readStatement(reader);
  reader.end();
  return statement;
}

/** @throws DecodeError */
export function readStatement(reader: ByteReader): Statement {
  if (reader.u8('statement.version') !== STATEMENT_VERSION) {
    throw reader.refuse('NON_CANONICAL', 'statement.version', `version ${STATEMENT_VERSION} expected`);
  }
  const statement = {
    networkId: id<NetworkId>(reader.bytes(ID_BYTES, 'statement.networkId')),
    epoch: reader.u32('statement.epoch'),
    index: reader.u53('statement.index'),
    previousDigest: id<StatementDigest>(reader.bytes(ID_BYTES, 'statement.previousDigest')),
    commitIndex: reader.u53('statement.commitIndex'),
    commitDigest: id<CommitDigest>(reader.bytes(ID_BYTES, 'statement.commitDigest')),
    timeMs: reader.u53('statement.timeMs'),
    accountsRoot: id<StateRoot>(reader.bytes(ID_BYTES, 'statement.accountsRoot')),
    systemRoot: id<StateRoot>(reader.bytes(ID_BYTES, 'statement.systemRoot')),
    resultsRoot: id<StateRoot>(reader.bytes(ID_BYTES, 'statement.resultsRoot')),
    paramsHash: id<ParamsHash>(reader.bytes(ID_BYTES, 'statement.paramsHash')),
  };
  return reader.flag('statement.closing') ? { ...statement, closing: readClosing(reader) } : statement;
}

export function statementDigest(hasher: Hasher, statement: Statement): StatementDigest {
  return id<StatementDigest>(hasher.hash('statement', encodeStatement(statement)));
}

function readClosing(reader: ByteReader): Closing {
  return {
    nextCommitteeDigest: reader.bytes(ID_BYTES, 'closing.nextCommitteeDigest'),
    nextParamsHash: id<ParamsHash>(reader.bytes(ID_BYTES, 'closing.nextParamsHash')),
    nextProtocolVersion: reader.u32('closing.nextProtocolVersion'),
  };
}
