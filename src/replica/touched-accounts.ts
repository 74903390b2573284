import type { Hasher } from '../crypto/hasher.ts';
import { type ExecutableCommit, type ExecutedCommit, receipt } from '../execution/index.ts';
import { ANYBODY, MAX_LISTED_ACCOUNTS } from '../storage/index.ts';
import type { TransactionId } from '../types/ids.ts';
import { parsePayload } from '../types/payload.ts';
import type { AccountHandle } from '../types/transaction.ts';
import { decodeTransactionBody } from '../types/transaction-codec.ts';

/**
 * The accounts that a commit may have had a part in: senders, recipients of batches and what was opened. A commit with more than an index
 * lists counts for all of them, and is not even looked into where that is plain: at full load it has a hundred thousand recipients.
 */
export function touchedAccounts(hasher: Hasher, commit: ExecutableCommit, result: ExecutedCommit): Uint32Array {
  if (result.transfers > MAX_LISTED_ACCOUNTS || result.applied > MAX_LISTED_ACCOUNTS) return ANYBODY;
  const bodies = bodiesOf(hasher, commit);
  const touched = new Set<AccountHandle>();
  for (const outcome of result.outcomes) {
    if (outcome.kind !== 'applied') continue;
    const { id, kind, code, sender, detail } = receipt(outcome);
    touched.add(sender);
    if (kind === 'open-account' && code === 'OK') touched.add(detail);
    if (kind === 'transfer-batch' && (code === 'OK' || code === 'PARTIAL'))
      for (const recipient of recipientsOf(bodies.get(id))) touched.add(recipient);
    if (touched.size > MAX_LISTED_ACCOUNTS) return ANYBODY;
  }
  return Uint32Array.from(touched);
}

/** The payloads were parsed when their blocks arrived, which is remembered. */
function bodiesOf(hasher: Hasher, { blocks }: ExecutableCommit): ReadonlyMap<TransactionId, Uint8Array> {
  const items = blocks.flatMap(({ payload, txCount }) => parsePayload(hasher, payload, txCount).items);
  return new Map(items.map(({ id, body }) => [id, body]));
}

function recipientsOf(body: Uint8Array | undefined): Iterable<AccountHandle> {
  const transaction = body && decodeTransactionBody(body);
  return transaction?.kind === 'transfer-batch' ? transaction.recipients : [];
}
