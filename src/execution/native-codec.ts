import { type AccountState, FROZEN_FLAG } from '../types/account-proof.ts';
import { REF_BYTES, writeRef } from '../types/block-codec.ts';
import { type Address, ID_BYTES, id, type StatementDigest } from '../types/ids.ts';
import { decodeStatement } from '../types/statement.ts';
import { assert } from '../util/assert.ts';
import { ByteReader } from '../util/byte-reader.ts';
import { ByteWriter } from '../util/byte-writer.ts';
import type { Checkpoint, ExecutableCommit, ExecutedCommit } from './ledger.ts';
import { Outcomes } from './outcomes.ts';

/** A commit without its payloads, as `native/core/src/ledger/commit.rs` reads it. */
export function encodeExecutableCommit(commit: ExecutableCommit): Uint8Array {
  const out = new ByteWriter(96 + commit.refs.length * REF_BYTES);
  out.u53(commit.index).hex(commit.digest, ID_BYTES).u53(commit.timeMs).u32(commit.epoch).u32(commit.gcRound);
  out.u32(commit.refs.length);
  for (const ref of commit.refs) writeRef(out, ref);
  out.u32(commit.blocks.length);
  for (const block of commit.blocks) {
    const position = commit.refs.indexOf(block.ref);
    assert(position >= 0, 'a block to execute is one of the commit');
    out.u32(position).u53(block.executedCommit).u16(block.txCount);
  }
  return out.finish();
}

/** What `native/binding/src/ledger.rs` answers to a commit. */
export function decodeExecuted(commit: ExecutableCommit, bytes: Uint8Array): ExecutedCommit {
  const reader = new ByteReader(bytes);
  const index = reader.u53('index');
  const transfers = reader.u53('transfers');
  const applied = reader.u32('applied');
  const dropped = reader.u32('dropped');
  const internal = reader.u32('internal');
  const packed = reader.bytes(reader.u32('outcomes'), 'outcomes');
  const outcomes = new Outcomes(index, commit.refs, packed, applied + dropped);
  const executed = { index, outcomes, transfers, applied, dropped, internal };
  if (reader.remaining === 0) return executed;
  return { ...executed, checkpoint: decodeCheckpoint(reader.bytes(reader.remaining, 'checkpoint')) };
}

export function decodeCheckpoint(bytes: Uint8Array): Checkpoint {
  const digest = id<StatementDigest>(bytes.subarray(0, ID_BYTES));
  const statementBytes = bytes.subarray(ID_BYTES);
  const statement = decodeStatement(statementBytes);
  return { index: statement.index, statement, bytes: statementBytes, digest };
}

export function decodeAccount(bytes: Uint8Array): AccountState {
  const reader = new ByteReader(bytes);
  const handle = reader.u32('handle');
  const address = id<Address>(reader.bytes(ID_BYTES, 'address'));
  const keyHash = reader.bytes(ID_BYTES, 'keyHash');
  const keyVersion = reader.u32('keyVersion');
  const frozen = (reader.u32('flags') & FROZEN_FLAG) !== 0;
  const nonce = reader.u53('nonce');
  const balances: bigint[] = [];
  while (reader.remaining > 0) balances.push(reader.u64('balance'));
  return { handle, address, keyHash, keyVersion, frozen, nonce, balances };
}
