import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { nobleBackend } from '../../../src/crypto/noble.ts';
import { type Address, id } from '../../../src/types/ids.ts';
import { PUBLIC_KEY_BYTES, SIGNATURE_BYTES } from '../../../src/types/limits.ts';
import type { Transaction } from '../../../src/types/transaction.ts';
import {
  decodeTransactionBody,
  encodeTransactionBody,
  MAX_BODY_BYTES,
  transactionId,
  wireKey,
} from '../../../src/types/transaction-codec.ts';
import { AssertionFailure } from '../../../src/util/assert.ts';
import { DecodeError } from '../../../src/util/byte-reader.ts';

const { hasher } = nobleBackend();

const bytes = (length: number): fc.Arbitrary<Uint8Array> => fc.uint8Array({ minLength: length, maxLength: length });
const envelope = {
  sender: bytes(32).map((value) => id<Address>(value)),
  keyVersion: fc.nat(2 ** 32 - 1),
  nonce: fc.maxSafeNat(),
  expiryMs: fc.maxSafeNat(),
  fee: fc.bigInt(0n, 2n ** 64n - 1n),
};
/** Shifted, so that narrow columns come as often as wide ones. */
const transfer = fc
  .tuple(fc.nat(2 ** 32 - 1), fc.bigInt(1n, 2n ** 64n - 1n), fc.nat(31), fc.nat(63))
  .map(([handle, amount, by, bits]) => [handle >>> by, amount >> BigInt(bits) || 1n] as const);
const batch = fc
  .record({
    ...envelope,
    asset: fc.nat(2 ** 32 - 1),
    atomic: fc.boolean(),
    transfers: fc.array(transfer, { minLength: 1 }),
  })
  .map(({ transfers, ...rest }): Transaction => {
    const recipients = Uint32Array.from(transfers, ([handle]) => handle);
    const amounts = BigUint64Array.from(transfers, ([, amount]) => amount);
    return { ...rest, kind: 'transfer-batch', recipients, amounts };
  });
const transaction: fc.Arbitrary<Transaction> = fc.oneof(
  batch,
  fc.record({ ...envelope, kind: fc.constant('open-account' as const), publicKey: bytes(PUBLIC_KEY_BYTES) }),
  fc.record({ ...envelope, kind: fc.constant('rotate-key' as const), publicKey: bytes(PUBLIC_KEY_BYTES) }),
  fc.record({
    ...envelope,
    kind: fc.constant('validator-change' as const),
    validatorId: bytes(32),
    power: fc.nat(2 ** 31 - 1),
  }),
  fc.record({
    ...envelope,
    kind: fc.constant('data-anchor' as const),
    data: fc.uint8Array({ minLength: 1, maxLength: 64 }),
  }),
);

/** Decoding either gives back the same bytes or is refused with a code. */
function assertCanonicalOrRefused(body: Uint8Array): void {
  let decoded: Transaction;
  try {
    decoded = decodeTransactionBody(body);
  } catch (error) {
    assert.ok(error instanceof DecodeError, String(error));
    return;
  }
  assert.deepEqual(encodeTransactionBody(decoded), body);
}

describe('transaction codec', () => {
  it('decodes what it encodes', () => {
    fc.assert(
      fc.property(transaction, (value) => {
        assert.deepEqual(decodeTransactionBody(encodeTransactionBody(value)), { ...value });
      }),
    );
  });

  it('accepts one encoding of a value only', () => {
    fc.assert(
      fc.property(transaction, fc.nat(), fc.nat(255), (value, at, byte) => {
        const body = encodeTransactionBody(value);
        body[at % body.length] = byte;
        assertCanonicalOrRefused(body);
        assertCanonicalOrRefused(body.subarray(0, at % body.length));
      }),
    );
    fc.assert(fc.property(fc.uint8Array({ maxLength: 200 }), assertCanonicalOrRefused));
  });

  it('refuses a body above the limit before reading it', () => {
    assert.throws(() => decodeTransactionBody(new Uint8Array(MAX_BODY_BYTES + 1)), { code: 'LIMIT' });
  });

  it('refuses to encode what no decoder accepts', () => {
    const [sample] = fc.sample(batch, { seed: 1, numRuns: 1 }) as [Transaction & { kind: 'transfer-batch' }];
    const none = { recipients: new Uint32Array(0), amounts: new BigUint64Array(0) };
    const many = { recipients: new Uint32Array(8_193), amounts: new BigUint64Array(8_193).fill(1n) };
    const unequal = { recipients: Uint32Array.of(1, 2), amounts: BigUint64Array.of(1n) };
    const nothing = { recipients: Uint32Array.of(1), amounts: BigUint64Array.of(0n) };
    for (const broken of [none, many, unequal, nothing]) {
      assert.throws(() => encodeTransactionBody({ ...sample, ...broken }), AssertionFailure);
    }
  });

  it('names a body without its signature and wire bytes with it', () => {
    const body = Uint8Array.of(1, 2, 3);
    const txId = transactionId(hasher, body);
    const key = (fill: number): string => wireKey(hasher, txId, new Uint8Array(SIGNATURE_BYTES).fill(fill));
    assert.notEqual(key(0), key(1));
    assert.notEqual(transactionId(hasher, Uint8Array.of(1, 2, 4)), txId);
  });
});
