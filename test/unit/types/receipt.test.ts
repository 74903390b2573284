import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { decodeReceipt, encodeReceipt, type Receipt } from '../../../src/types/receipt.ts';
import {
  APPLIED_CODES,
  appliedCode,
  DROPPED_CODES,
  type DroppedCode,
  droppedCode,
  isRetryable,
} from '../../../src/types/receipt-code.ts';
import { sampleReceipts } from '../../vectors/ledger/golden.ts';

describe('receipts', () => {
  const [ok, partial] = sampleReceipts() as [Receipt, Receipt];
  const changed = (receipt: Receipt, offset: number, value: number): Uint8Array => {
    const bytes = encodeReceipt(receipt);
    bytes[offset] = value;
    return bytes;
  };

  it('refuse unknown codes and kinds', () => {
    assert.throws(() => decodeReceipt(changed(ok, 40, 10)), {
      code: 'NON_CANONICAL',
      fields: { field: 'receipt.code', offset: 41 },
    });
    assert.throws(() => decodeReceipt(changed(ok, 40, 128)), { code: 'NON_CANONICAL' });
    assert.throws(() => decodeReceipt(changed(ok, 41, 0)), {
      code: 'NON_CANONICAL',
      fields: { field: 'receipt.kind', offset: 42 },
    });
  });

  it('have a bitmap exactly if some transfers failed', () => {
    const field = { code: 'NON_CANONICAL', fields: { field: 'receipt.bitmap', offset: 70 } };
    assert.throws(() => decodeReceipt(changed(ok, 40, APPLIED_CODES.PARTIAL)), field);
    assert.throws(() => decodeReceipt(changed(partial, 40, APPLIED_CODES.OK)), field);
    assert.throws(() => decodeReceipt(encodeReceipt({ ...partial, bitmap: Uint8Array.of(1) })), field);
  });

  it('refuse a byte too few or too many', () => {
    const bytes = encodeReceipt(partial);
    assert.throws(() => decodeReceipt(bytes.subarray(0, -1)), { code: 'TRUNCATED' });
    assert.throws(() => decodeReceipt(Uint8Array.of(...bytes, 0)), { code: 'TRAILING_BYTES' });
  });
});

describe('result codes', () => {
  it('are two classes that share no number', () => {
    for (const [code, number] of Object.entries(APPLIED_CODES)) {
      assert.ok(number < 128);
      assert.deepEqual([appliedCode(number), droppedCode(number)], [code, undefined]);
    }
    for (const [code, number] of Object.entries(DROPPED_CODES)) {
      assert.ok(number >= 128 && number < 256);
      assert.deepEqual([appliedCode(number), droppedCode(number)], [undefined, code]);
    }
  });

  it('say which dropped transactions may still be applied', () => {
    const final = (Object.keys(DROPPED_CODES) as DroppedCode[]).filter((code) => !isRetryable(code));
    assert.deepEqual(final, ['MALFORMED', 'BAD_SIGNATURE', 'NONCE_USED', 'KEY_ROTATED', 'EXPIRED']);
  });
});
