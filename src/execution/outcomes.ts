import type { BlockRef } from '../types/block.ts';
import { type CommitIndex, ID_BYTES, id, type TransactionId, type WireKey } from '../types/ids.ts';
import { decodeReceipt, encodeReceipt, type Receipt } from '../types/receipt.ts';
import {
  APPLIED_CODES,
  type AppliedCode,
  appliedCode,
  DROPPED_CODES,
  type DroppedCode,
  droppedCode,
} from '../types/receipt-code.ts';
import { assertDefined } from '../util/assert.ts';
import { ByteReader } from '../util/byte-reader.ts';
import { ByteWriter } from '../util/byte-writer.ts';

/** Where a transaction stood and how it is named; a dropped copy must not be taken for another copy of the same id, hence the wire key. */
interface Place {
  readonly block: BlockRef;
  /** In the block. */
  readonly position: number;
  readonly id: TransactionId;
  readonly wireKey: WireKey;
}

export interface AppliedOutcome extends Place {
  readonly kind: 'applied';
  readonly code: AppliedCode;
  /** Canonical; `receipt()` decodes them. */
  readonly receiptBytes: Uint8Array;
}

export interface DroppedOutcome extends Place {
  readonly kind: 'dropped';
  readonly code: DroppedCode;
}

export type Outcome = AppliedOutcome | DroppedOutcome;

const FIRST_DROPPED = DROPPED_CODES.MALFORMED;

/** The outcomes of a commit, packed as an engine wrote them (docs/spec/ledger.md) and decoded one at a time. */
export class Outcomes implements Iterable<Outcome> {
  readonly commit: CommitIndex;
  readonly bytes: Uint8Array;
  readonly length: number;
  readonly #refs: readonly BlockRef[];

  constructor(commit: CommitIndex, refs: readonly BlockRef[], bytes: Uint8Array, length: number) {
    this.commit = commit;
    this.bytes = bytes;
    this.length = length;
    this.#refs = refs;
  }

  *[Symbol.iterator](): Iterator<Outcome> {
    const reader = new ByteReader(this.bytes);
    for (let i = 0; i < this.length; i++) yield this.#read(reader);
    reader.end();
  }

  #read(reader: ByteReader): Outcome {
    const block = assertDefined(this.#refs[reader.u32('outcome.block')], 'an outcome names a block of its commit');
    const position = reader.u16('outcome.position');
    const code = reader.u8('outcome.code');
    const txId = id<TransactionId>(reader.bytes(ID_BYTES, 'outcome.id'));
    const wireKey = id<WireKey>(reader.bytes(ID_BYTES, 'outcome.wireKey'));
    const place = { block, position, id: txId, wireKey };
    if (code >= FIRST_DROPPED) {
      return { ...place, kind: 'dropped', code: assertDefined(droppedCode(code), 'a code of the closed set') };
    }
    const receiptBytes = reader.bytes(reader.u16('outcome.receipt'), 'outcome.receipt');
    return {
      ...place,
      kind: 'applied',
      code: assertDefined(appliedCode(code), 'a code of the closed set'),
      receiptBytes,
    };
  }
}

export function receipt(outcome: AppliedOutcome): Receipt {
  return decodeReceipt(outcome.receiptBytes);
}

/** Packs outcomes; `block` is a position among the refs of the commit. */
export class OutcomeWriter {
  readonly #out = new ByteWriter();
  #length = 0;

  get length(): number {
    return this.#length;
  }

  applied(block: number, position: number, wireKey: WireKey, applied: Receipt): void {
    this.#place(block, position, APPLIED_CODES[applied.code], applied.id, wireKey);
    const bytes = encodeReceipt(applied);
    this.#out.u16(bytes.length).bytes(bytes);
  }

  dropped(block: number, position: number, wireKey: WireKey, txId: TransactionId, code: DroppedCode): void {
    this.#place(block, position, DROPPED_CODES[code], txId, wireKey);
  }

  finish(): Uint8Array {
    return this.#out.finish();
  }

  #place(block: number, position: number, code: number, txId: TransactionId, wireKey: WireKey): void {
    this.#length += 1;
    this.#out.u32(block).u16(position).u8(code).hex(txId, ID_BYTES).hex(wireKey, ID_BYTES);
  }
}
