import type { Address, TransactionId } from '../types/ids.ts';
import { MAX_TRANSFERS } from '../types/limits.ts';
import type { Receipt } from '../types/rest.ts';
import type { AccountHandle } from '../types/transaction.ts';
import { fromHex } from '../util/bytes.ts';
import { Av10ApiError } from './errors.ts';
import type { Wallet } from './wallet.ts';

/** What became of one transfer. */
export interface TransferOutcome {
  /** Its batch, and its position there: together the name of the transfer. */
  readonly id: TransactionId;
  readonly index: number;
  readonly commit: number;
  readonly made: boolean;
  /** Of the batch; `PARTIAL` when some transfers were made and others not. */
  readonly code: string;
}

export interface AccumulatorOptions {
  readonly asset?: number;
  /** Of one batch. */
  readonly maxTransfers?: number;
}

interface Waiting {
  readonly to: AccountHandle;
  readonly amount: bigint;
  readonly resolve: (outcome: TransferOutcome) => void;
  readonly reject: (error: unknown) => void;
}

/** Full batches that may wait: some seconds of one sender. */
const MAX_WAITING_BATCHES = 16;

/**
 * Packs transfers into batches. One batch is under way at a time and whatever comes meanwhile makes the next, so batches grow with the load and
 * a single transfer does not wait for company. Each transfer stands for itself: one that cannot be made keeps none of the others.
 *
 * @example
 * const accumulator = new TransferAccumulator(wallet);
 * const { made, id, index } = await accumulator.transfer(address, 5n);
 */
export class TransferAccumulator {
  readonly #wallet: Wallet;
  readonly #asset: number;
  readonly #maxTransfers: number;
  #waiting: Waiting[] = [];
  #sending: Promise<void> | undefined;

  constructor(wallet: Wallet, { asset = 0, maxTransfers = MAX_TRANSFERS }: AccumulatorOptions = {}) {
    this.#wallet = wallet;
    this.#asset = asset;
    this.#maxTransfers = Math.min(maxTransfers, MAX_TRANSFERS);
  }

  /**
   * Resolves once the transfer is final, whether it was made or not.
   * @throws Av10ApiError BACKLOG_FULL; of the account asked for; of the batch, whose transfers then were not made, except after TIMEOUT
   */
  async transfer(to: Address | AccountHandle, amount: bigint): Promise<TransferOutcome> {
    const handle = await this.#wallet.handleOf(to);
    const limit = MAX_WAITING_BATCHES * this.#maxTransfers;
    if (this.#waiting.length === limit)
      throw new Av10ApiError('BACKLOG_FULL', 'too many wait: await some first', { limit }, { retryable: true });
    const { promise, resolve, reject } = Promise.withResolvers<TransferOutcome>();
    this.#waiting.push({ to: handle, amount, resolve, reject });
    this.#sending ??= this.#run();
    return promise;
  }

  /** Resolves when nothing waits any more. */
  async idle(): Promise<void> {
    while (this.#sending !== undefined) await this.#sending;
  }

  async #run(): Promise<void> {
    // What is asked for in the same turn belongs together.
    await Promise.resolve();
    try {
      while (this.#waiting.length > 0) await this.#sendBatch(this.#waiting.splice(0, this.#maxTransfers));
    } finally {
      this.#sending = undefined;
    }
  }

  async #sendBatch(batch: readonly Waiting[]): Promise<void> {
    try {
      const { id, receipt } = await this.#wallet.settle({
        kind: 'transfer-batch',
        asset: this.#asset,
        atomic: false,
        recipients: Uint32Array.from(batch, ({ to }) => to),
        amounts: BigUint64Array.from(batch, ({ amount }) => amount),
      });
      const { commit, code } = receipt;
      const isMade = madeBy(receipt);
      for (const [index, { resolve }] of batch.entries()) resolve({ id, index, commit, code, made: isMade(index) });
    } catch (error) {
      for (const { reject } of batch) reject(error);
    }
  }
}

/** docs/spec/ledger.md: a bit for each transfer of a batch that was made in part. */
function madeBy({ code, bitmap }: Receipt): (index: number) => boolean {
  const bits = fromHex(bitmap);
  if (code !== 'PARTIAL') return () => code === 'OK';
  return (index) => (((bits[index >> 3] ?? 0) >> (index & 7)) & 1) === 1;
}
