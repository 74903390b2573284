import type { AppliedTransaction } from '../../src/replica/service.ts';
import type { Address } from '../../src/types/ids.ts';
import { id } from '../../src/types/ids.ts';
import type { Receipt } from '../../src/types/receipt.ts';
import type { AppliedCode } from '../../src/types/receipt-code.ts';
import { encodeTransactionBody, transactionId } from '../../src/types/transaction-codec.ts';
import { shaHasher } from './sha-hasher.ts';

export interface BatchFacts {
  readonly commit: number;
  readonly position: number;
  readonly sender: number;
  readonly recipients: readonly number[];
  readonly amounts?: readonly bigint[];
  readonly code?: AppliedCode;
  /** `PARTIAL` only. */
  readonly bitmap?: Uint8Array;
}

/** A transfer batch as a commit applied it. The body is real, its sender's address is made up. */
export function appliedBatch(facts: BatchFacts): AppliedTransaction {
  const { commit, position, sender, recipients, code = 'OK', bitmap = new Uint8Array(0) } = facts;
  const amounts = facts.amounts ?? recipients.map(() => 1n);
  const body = encodeTransactionBody({
    kind: 'transfer-batch',
    sender: id<Address>(sender.toString(16).padStart(64, '0')),
    keyVersion: 0,
    nonce: commit * 10_000 + position,
    expiryMs: 1_700_000_000_000,
    fee: 0n,
    asset: 0,
    atomic: code !== 'PARTIAL',
    recipients: Uint32Array.from(recipients),
    amounts: BigUint64Array.from(amounts),
  });
  const receipt: Receipt = {
    ...{ id: transactionId(shaHasher, body), commit, code, kind: 'transfer-batch', sender, nonce: position },
    ...{ fee: 0n, detail: 0, transfers: recipients.length, bitmap },
  };
  return { position, body, receipt };
}
