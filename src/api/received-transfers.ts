import type { AppliedTransaction } from '../replica/service.ts';
import { isMade } from '../types/receipt.ts';
import type { ReceivedTransfers } from '../types/rest-events.ts';
import type { AccountHandle } from '../types/transaction.ts';
import { decodeTransactionBody } from '../types/transaction-codec.ts';

/** The transfers of a batch that reached the account; undefined if none did. */
export function receivedTransfers(
  { receipt, body }: AppliedTransaction,
  account: AccountHandle,
): ReceivedTransfers | undefined {
  if (receipt.kind !== 'transfer-batch' || (receipt.code !== 'OK' && receipt.code !== 'PARTIAL')) return undefined;
  const batch = decodeTransactionBody(body);
  if (batch.kind !== 'transfer-batch' || !batch.recipients.includes(account)) return undefined;
  const transfers: ReceivedTransfers['transfers'] = [];
  let total = 0n;
  for (const [index, recipient] of batch.recipients.entries()) {
    if (recipient !== account || !isMade(receipt, index)) continue;
    const amount = batch.amounts[index] as bigint;
    total += amount;
    transfers.push({ index, amount: amount.toString() });
  }
  if (transfers.length === 0) return undefined;
  const { commit, id, sender } = receipt;
  return { commit, id, from: sender, to: account, asset: batch.asset, total: total.toString(), transfers };
}
