import { compareRefs } from '../../types/block.ts';
import { REF_BYTES, readRef, writeRef } from '../../types/block-codec.ts';
import { MAX_COMMIT_REFS } from '../../types/commit.ts';
import { MAX_COMMITTEE } from '../../types/limits.ts';
import { MAX_ACCOUNTS } from '../../types/transaction.ts';
import type { ByteReader } from '../../util/byte-reader.ts';
import type { ByteWriter } from '../../util/byte-writer.ts';
import type { ModelState } from './state.ts';

const MAX_ASSETS = 256;
const YOUNG_KEY_BYTES = 16;

/** The state beside the accounts, as the system root and the snapshot hold it: docs/spec/checkpoint.md. */
export function writeSystem(out: ByteWriter, state: ModelState): void {
  out.u64(state.feePool).u16(state.supply.length);
  for (const supply of state.supply) out.u64(supply);
  out.u32(state.gcRound).u16(state.lastRounds.length);
  for (const round of state.lastRounds) out.u32(round);
  out.u32(state.linearised.length);
  for (const ref of state.linearised) writeRef(out, ref);
  out.u32(state.youngKeys.size);
  const byHandle = [...state.youngKeys].sort(([a], [b]) => a - b);
  for (const [handle, { version, createdAt }] of byHandle) out.u32(handle).u32(version).u53(createdAt);
}

/** @throws DecodeError */
export function readSystem(reader: ByteReader, state: ModelState): void {
  state.feePool = reader.u64('feePool');
  const assets = reader.count(reader.u16('assets'), MAX_ASSETS, 8, 'assets');
  for (let asset = 0; asset < assets; asset++) state.supply[asset] = reader.u64('supply');
  state.gcRound = reader.u32('gcRound');
  const members = reader.count(reader.u16('members'), MAX_COMMITTEE, 4, 'members');
  for (let author = 0; author < members; author++) state.lastRounds[author] = reader.u32('lastRound');
  const refs = reader.count(reader.u32('linearised'), MAX_COMMIT_REFS, REF_BYTES, 'linearised');
  state.linearised = Array.from({ length: refs }, () => readRef(reader, 'linearised')).sort(compareRefs);
  const keys = reader.count(reader.u32('youngKeys'), MAX_ACCOUNTS, YOUNG_KEY_BYTES, 'youngKeys');
  for (let i = 0; i < keys; i++) {
    const handle = reader.u32('youngKey.handle');
    state.youngKeys.set(handle, {
      version: reader.u32('youngKey.version'),
      createdAt: reader.u53('youngKey.createdAt'),
    });
  }
}
