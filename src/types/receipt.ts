import { ByteReader } from '../util/byte-reader.ts';
import { ByteWriter } from '../util/byte-writer.ts';
import { type CommitIndex, ID_BYTES, id, type TransactionId } from './ids.ts';
import { MAX_TRANSFERS } from './limits.ts';
import { APPLIED_CODES, type AppliedCode, appliedCode } from './receipt-code.ts';
import { type AccountHandle, KIND_NUMBERS, type TransactionKind, transactionKind } from './transaction.ts';

/** What became of an applied transaction; written once for an id: docs/spec/ledger.md. */
export interface Receipt {
  readonly id: TransactionId;
  readonly commit: CommitIndex;
  readonly code: AppliedCode;
  readonly kind: TransactionKind;
  readonly sender: AccountHandle;
  readonly nonce: number;
  readonly fee: bigint;
  /**
   * `OK` of an opened account: its handle. `PARTIAL`: the number of transfers that succeeded.
   * A batch that failed: the position of the first transfer that could not be made. Otherwise 0.
   */
  readonly detail: number;
  /** Transfers of a batch, 0 for any other kind. */
  readonly transfers: number;
  /** `PARTIAL` only: bit `i mod 8` of byte `i div 8` is 1 if transfer `i` succeeded. Otherwise empty. */
  readonly bitmap: Uint8Array;
}

/** Whether a transfer of an applied batch was made: docs/spec/ledger.md. */
export function isMade({ code, bitmap }: Receipt, index: number): boolean {
  if (code === 'PARTIAL') return (((bitmap[index >> 3] ?? 0) >> (index & 7)) & 1) === 1;
  return code === 'OK';
}

export function encodeReceipt(receipt: Receipt): Uint8Array {
  const out = new ByteWriter(80 + receipt.bitmap.length);
  out.hex(receipt.id, ID_BYTES).u53(receipt.commit).u8(APPLIED_CODES[receipt.code]).u8(KIND_NUMBERS[receipt.kind]);
  out.u32(receipt.sender).u53(receipt.nonce).u64(receipt.fee).u32(receipt.detail).u16(receipt.transfers);
  return out.u16(receipt.bitmap.length).bytes(receipt.bitmap).finish();
}

/** @throws DecodeError */
export function decodeReceipt(bytes: Uint8Array): Receipt {
  const reader = new ByteReader(bytes);
  const receipt = readReceipt(reader);
  reader.end();
  return receipt;
}

/** @throws DecodeError */
export function readReceipt(reader: ByteReader): Receipt {
  const txId = id<TransactionId>(reader.bytes(ID_BYTES, 'receipt.id'));
  const commit = reader.u53('receipt.commit');
  const code = appliedCode(reader.u8('receipt.code'));
  if (code === undefined) throw reader.refuse('NON_CANONICAL', 'receipt.code', 'no such code');
  const kind = transactionKind(reader.u8('receipt.kind'));
  if (kind === undefined) throw reader.refuse('NON_CANONICAL', 'receipt.kind', 'no such kind');
  const sender = reader.u32('receipt.sender');
  const nonce = reader.u53('receipt.nonce');
  const fee = reader.u64('receipt.fee');
  const detail = reader.u32('receipt.detail');
  const transfers = reader.u16('receipt.transfers');
  const bitmapBytes = reader.u16('receipt.bitmap');
  if (bitmapBytes !== (code === 'PARTIAL' ? Math.ceil(transfers / 8) : 0) || transfers > MAX_TRANSFERS) {
    throw reader.refuse('NON_CANONICAL', 'receipt.bitmap', 'a bit for each transfer of a PARTIAL batch expected');
  }
  const bitmap = reader.bytes(bitmapBytes, 'receipt.bitmap');
  return { id: txId, commit, code, kind, sender, nonce, fee, detail, transfers, bitmap };
}
