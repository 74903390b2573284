import { setTimeout as delay } from 'node:timers/promises';
import type { Wallet } from '../../src/client/index.ts';
import { isApiError } from '../../src/client/index.ts';
import { MAX_TRANSFERS } from '../../src/types/limits.ts';
import type { TestDevnet } from '../support/devnet.ts';

const BUSY_MS = 50;
const FINAL_LIMIT_MS = 60_000;

/** Full batches of transfers from many accounts, each waiting until its last one is final; all together not faster than a rate that can be changed. */
export class BatchLoad {
  /** Milliseconds from submission to final of each batch since the last `reset`. */
  latencies: number[] = [];
  readonly #runs: Promise<void>[];
  #perSecond: number;
  #dueMs = performance.now();
  #isRunning = true;

  /** @param perSecond batches */
  static async start(devnet: TestDevnet, validators: readonly number[], perSecond: number): Promise<BatchLoad> {
    const clients = validators.map((validator) => devnet.client(validator));
    const wallets = await Promise.all(
      devnet.file.accounts.map(async (_, account) => {
        const client = clients[account % clients.length] as (typeof clients)[number];
        return { client, wallet: await devnet.wallet(account, client) };
      }),
    );
    return new BatchLoad(wallets, perSecond);
  }

  private constructor(
    wallets: readonly { readonly client: ReturnType<TestDevnet['client']>; readonly wallet: Wallet }[],
    perSecond: number,
  ) {
    this.#perSecond = perSecond;
    const accounts = wallets.length;
    const recipients = Uint32Array.from({ length: MAX_TRANSFERS }, (_, index) => index % accounts);
    const amounts = new BigUint64Array(MAX_TRANSFERS).fill(1n);
    this.#runs = wallets.map(async ({ client, wallet }) => {
      while (await this.#turn()) {
        const startedMs = performance.now();
        try {
          const { id } = await wallet.send({ kind: 'transfer-batch', asset: 0, atomic: true, recipients, amounts });
          await client.waitFinal(id, FINAL_LIMIT_MS);
          this.latencies.push(performance.now() - startedMs);
        } catch (error) {
          if (!isApiError(error, 'BUSY', 'OVERLOADED', 'UNREACHABLE', 'NOT_READY')) throw error;
          wallet.resync();
          await delay(BUSY_MS);
        }
      }
    });
  }

  /** @returns transfers a second that became final */
  async measure(durationMs: number): Promise<number> {
    this.latencies = [];
    const startedMs = performance.now();
    await delay(durationMs);
    return (this.latencies.length * MAX_TRANSFERS) / ((performance.now() - startedMs) / 1_000);
  }

  pace(perSecond: number): void {
    this.#perSecond = perSecond;
    this.#dueMs = performance.now();
  }

  async stop(): Promise<void> {
    this.#isRunning = false;
    await Promise.all(this.#runs);
  }

  async #turn(): Promise<boolean> {
    const nowMs = performance.now();
    const atMs = Math.max(this.#dueMs, nowMs);
    this.#dueMs = atMs + 1_000 / this.#perSecond;
    if (atMs > nowMs) await delay(atMs - nowMs);
    return this.#isRunning;
  }
}
