import { FROZEN_FLAG } from '../../types/account-proof.ts';
import { type Address, type CommitIndex, ID_BYTES, id, type NetworkId } from '../../types/ids.ts';
import { encodeStatement, readStatement, type Statement } from '../../types/statement.ts';
import { ByteReader, DecodeError } from '../../util/byte-reader.ts';
import { ByteWriter } from '../../util/byte-writer.ts';
import { LedgerError } from '../errors.ts';
import type { LedgerGenesis } from '../genesis.ts';
import { ModelState } from './state.ts';
import { readSystem, writeSystem } from './system-codec.ts';

const VERSION = 1;
const ACCOUNTS_PER_PART = 32_768;
const MAX_LEVELS = 64;

/** What a snapshot holds: docs/spec/ledger.md, "Snapshot". */
export interface Snapshot {
  readonly state: ModelState;
  readonly lastCommit: CommitIndex;
  readonly lastTimeMs: number;
  readonly appendedKeys: number;
  readonly results: PendingResults;
  readonly lastStatement: Statement | undefined;
}

/** The results tree since the last checkpoint as its complete subtrees: the pending node of each level, if there is one. */
export interface PendingResults {
  readonly count: number;
  readonly pending: readonly (Uint8Array | undefined)[];
}

export function encodeSnapshot(networkId: NetworkId, snapshot: Snapshot): Uint8Array[] {
  const { accounts } = snapshot.state;
  const parts = [systemPart(networkId, snapshot)];
  for (let first = 0; first < accounts.length; first += ACCOUNTS_PER_PART)
    parts.push(accountsPart(snapshot.state, first));
  return parts;
}

/** @throws LedgerError LEDGER_SNAPSHOT */
export function decodeSnapshot(genesis: LedgerGenesis, parts: readonly Uint8Array[]): Snapshot {
  try {
    return readSnapshot(genesis, parts);
  } catch (cause) {
    if (!(cause instanceof DecodeError)) throw cause;
    throw new LedgerError('LEDGER_SNAPSHOT', `a part does not follow its format (${cause.message})`, {}, { cause });
  }
}

function systemPart(
  networkId: NetworkId,
  { state, lastCommit, lastTimeMs, appendedKeys, results, lastStatement }: Snapshot,
): Uint8Array {
  const out = new ByteWriter();
  out.u8(VERSION).hex(networkId, ID_BYTES).u53(lastCommit).u53(lastTimeMs);
  out.u32(state.accounts.length).u32(appendedKeys);
  writeSystem(out, state);
  out.u53(results.count).u8(results.pending.length);
  for (const node of results.pending) {
    out.u8(node === undefined ? 0 : 1);
    if (node !== undefined) out.bytes(node);
  }
  out.u8(lastStatement === undefined ? 0 : 1);
  if (lastStatement !== undefined) out.bytes(encodeStatement(lastStatement));
  return out.finish();
}

function accountsPart({ accounts }: ModelState, first: number): Uint8Array {
  const out = new ByteWriter();
  for (const account of accounts.slice(first, first + ACCOUNTS_PER_PART)) {
    out.hex(account.address, ID_BYTES).bytes(account.keyHash).u32(account.keyVersion);
    out
      .u32(account.frozen ? FROZEN_FLAG : 0)
      .u32(account.keySlot)
      .u53(account.nonce);
    for (const balance of account.balances) out.u64(balance);
  }
  return out.finish();
}

function readSnapshot(genesis: LedgerGenesis, [head, ...rest]: readonly Uint8Array[]): Snapshot {
  if (head === undefined) throw new LedgerError('LEDGER_SNAPSHOT', 'a snapshot has parts');
  const reader = new ByteReader(head);
  if (reader.u8('version') !== VERSION) throw reader.refuse('NON_CANONICAL', 'version', `version ${VERSION} expected`);
  if (id<NetworkId>(reader.bytes(ID_BYTES, 'networkId')) !== genesis.networkId) {
    throw new LedgerError('LEDGER_SNAPSHOT', 'the snapshot is of another network');
  }
  const state = new ModelState(genesis.members);
  const lastCommit = reader.u53('lastCommit');
  const lastTimeMs = reader.u53('lastTimeMs');
  const accountCount = reader.u32('accounts');
  const appendedKeys = reader.u32('appendedKeys');
  readSystem(reader, state);
  const results = readResults(reader);
  const lastStatement = reader.flag('lastStatement') ? readStatement(reader) : undefined;
  reader.end();
  for (const part of rest) readAccounts(new ByteReader(part), state);
  if (state.accounts.length !== accountCount)
    throw new LedgerError('LEDGER_SNAPSHOT', 'a part of the accounts is missing');
  return { state, lastCommit, lastTimeMs, appendedKeys, results, lastStatement };
}

function readResults(reader: ByteReader): PendingResults {
  const count = reader.u53('results.count');
  const levels = reader.count(reader.u8('results.levels'), MAX_LEVELS, 1, 'results.levels');
  const pending = Array.from({ length: levels }, () => {
    return reader.flag('results.pending') ? reader.bytes(ID_BYTES, 'results.pending') : undefined;
  });
  return { count, pending };
}

function readAccounts(reader: ByteReader, state: ModelState): void {
  while (reader.remaining > 0) {
    const address = id<Address>(reader.bytes(ID_BYTES, 'address'));
    const keyHash = reader.bytes(ID_BYTES, 'keyHash');
    const keyVersion = reader.u32('keyVersion');
    const frozen = reader.u32('flags') === FROZEN_FLAG;
    const keySlot = reader.u32('keySlot');
    const nonce = reader.u53('nonce');
    const balances = state.supply.map(() => reader.u64('balance'));
    state.handles.set(address, state.accounts.length);
    state.accounts.push({ address, keyHash, keyVersion, frozen, keySlot, nonce, balances });
  }
}
