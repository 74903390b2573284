import {
  type AddOutcome,
  type AdmissionError,
  DEFAULT_MEMPOOL_OPTIONS,
  type ExecutedTransaction,
  Mempool,
  type MempoolOptions,
  type PooledTransaction,
} from '../../../src/pipeline/index.ts';
import { id, type TransactionId, type WireKey } from '../../../src/types/ids.ts';
import { SIGNATURE_BYTES } from '../../../src/types/limits.ts';
import { assertDefined } from '../../../src/util/assert.ts';
import { NO_INSTRUMENTS } from '../../../src/util/instruments.ts';
import { ALICE, BOB, NOW_MS, TestAccounts } from './test-accounts.ts';

export function mempoolFixture(
  options: Partial<MempoolOptions> = {},
  accounts = new TestAccounts().set(ALICE).set(BOB),
) {
  return { accounts, mempool: new Mempool({ ...DEFAULT_MEMPOOL_OPTIONS, ...options }, accounts, NO_INSTRUMENTS) };
}

let counter = 0;

/** What a pooled transaction of `BODY_BYTES` takes in a payload. */
export const BODY_BYTES = 100;
export const PAYLOAD_BYTES = 4 + BODY_BYTES + SIGNATURE_BYTES;

/** A verified transaction with an id of its own. */
export function pooled(change: Partial<PooledTransaction> & { readonly bodyBytes?: number } = {}): PooledTransaction {
  const { bodyBytes = BODY_BYTES, ...rest } = change;
  const digest = (++counter).toString(16).padStart(64, '0');
  return {
    id: id<TransactionId>(digest),
    wireKey: id<WireKey>(digest),
    body: new Uint8Array(bodyBytes),
    signature: new Uint8Array(SIGNATURE_BYTES),
    sender: ALICE,
    nonce: 0,
    fee: 10n,
    expiryMs: NOW_MS + 60_000,
    ...rest,
  };
}

export const ROOMY = { maxBytes: 2 * 1024 * 1024, maxTransactions: 400 };

/** Adds all, each of which must be accepted. */
export function addAll(mempool: Mempool, ...transactions: readonly PooledTransaction[]): void {
  for (const tx of transactions) {
    const outcome = mempool.add(tx);
    if (outcome.kind !== 'accepted') throw new Error(`${outcome.kind}: nonce ${tx.nonce}`);
  }
}

export function refusal(outcome: AddOutcome): AdmissionError {
  return assertDefined(outcome.kind === 'refused' ? outcome.error : undefined, `refused expected, got ${outcome.kind}`);
}

export function applied(tx: PooledTransaction, own = true): ExecutedTransaction {
  return { id: tx.id, sender: tx.sender, nonce: tx.nonce, own, outcome: 'applied', code: 'OK' };
}

export function dropped(
  tx: PooledTransaction,
  code: (ExecutedTransaction & { outcome: 'dropped' })['code'],
  own = true,
): ExecutedTransaction {
  return { id: tx.id, sender: tx.sender, nonce: tx.nonce, own, outcome: 'dropped', code };
}
