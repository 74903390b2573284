import type { NodeService } from '../replica/service.ts';
import { id, type TransactionId } from '../types/ids.ts';
import { isMade, type Receipt } from '../types/receipt.ts';
import { type Batch, MAX_PAGE_TRANSFERS, type Transfer } from '../types/rest-chain.ts';
import type { TransferBatch } from '../types/transaction.ts';
import { decodeTransactionBody } from '../types/transaction-codec.ts';
import type { ChainReads } from './chain-reads.ts';
import type { Handlers } from './endpoints.ts';
import { RestError } from './errors.ts';
import { pageLimit, queryNumber } from './page.ts';

interface FinalBatch {
  readonly batch: TransferBatch;
  readonly receipt: Receipt;
}

export function transferHandlers(
  service: NodeService,
  reads: ChainReads,
): Pick<Handlers, 'getTransfers' | 'getTransfer'> {
  return {
    async getTransfers({ params, query }) {
      const found = await findBatch(service, reads, id<TransactionId>(params.id));
      const count = found.batch.recipients.length;
      const from = query.from === undefined ? 0 : queryNumber(query.from, 'from');
      const end = Math.min(count, from + pageLimit(query.limit, MAX_PAGE_TRANSFERS));
      const transfers: Transfer[] = [];
      for (let index = from; index < end; index++) transfers.push(transferAt(found, index));
      return { status: 200, body: { ...factsOf(found), count, transfers, next: end < count ? end : null } };
    },
    async getTransfer({ params }) {
      const found = await findBatch(service, reads, id<TransactionId>(params.id));
      const index = Number(params.index);
      if (index >= found.batch.recipients.length) {
        const fields = { id: params.id, index, count: found.batch.recipients.length };
        throw new RestError('TRANSFER_UNKNOWN', `the batch has ${fields.count} transfers`, fields);
      }
      return { status: 200, body: { ...factsOf(found), transfer: transferAt(found, index) } };
    },
  };
}

async function findBatch(service: NodeService, reads: ChainReads, txId: TransactionId): Promise<FinalBatch> {
  const status = await reads.transaction(txId);
  if (status === undefined) throw new RestError('TRANSACTION_UNKNOWN', 'not known here, or no longer', { id: txId });
  const { receipt } = status;
  const body = receipt === undefined ? undefined : await reads.body(txId);
  if (receipt === undefined || body === undefined) {
    const fields = { id: txId, level: status.level, oldest: service.chain.oldest };
    throw new RestError('CONTENT_UNKNOWN', 'not final yet, or no longer kept here', fields);
  }
  const batch = decodeTransactionBody(body);
  if (batch.kind === 'transfer-batch') return { batch, receipt };
  throw new RestError('TRANSFER_UNKNOWN', 'the transaction is no batch', { id: txId, kind: batch.kind });
}

function factsOf({ batch, receipt }: FinalBatch): Omit<Batch, 'count' | 'transfers' | 'next'> {
  const { asset, atomic } = batch;
  return { commit: receipt.commit, id: receipt.id, from: receipt.sender, asset, atomic };
}

function transferAt({ batch, receipt }: FinalBatch, index: number): Transfer {
  const to = batch.recipients[index] as number;
  const amount = batch.amounts[index] as bigint;
  return { index, to, amount: amount.toString(), made: isMade(receipt, index) };
}
