import { setTimeout as delay } from 'node:timers/promises';
import type { Av10Client, Wallet } from '../../src/client/index.ts';
import { Av10ApiError, isApiError } from '../../src/client/index.ts';
import type { TransactionId } from '../../src/types/ids.ts';
import type { TestDevnet } from './devnet.ts';

/** A transfer that its validator called final. */
export interface FinalTransfer {
  readonly id: TransactionId;
  readonly commit: number;
  readonly amount: bigint;
  readonly to: number;
  readonly latencyMs: number;
}

/**
 * One account after another sends single transfers of one unit, each waiting until its last one is final. What fails on the way is asked for
 * again until it is known, as a careful application does.
 */
export class Load {
  readonly finals: FinalTransfer[] = [];
  /** Submissions whose outcome is not known: their validator went away. */
  unknown = 0;
  readonly #runs: Promise<void>[];
  #isRunning = true;

  private constructor(
    wallets: readonly {
      readonly wallet: Wallet;
      readonly to: number;
      readonly submit: (wallet: Wallet, to: number) => Promise<FinalTransfer>;
    }[],
    pauseMs: number,
  ) {
    this.#runs = wallets.map(async ({ wallet, to, submit }) => {
      while (this.#isRunning) {
        try {
          this.finals.push(await submit(wallet, to));
          if (pauseMs > 0) await delay(pauseMs);
        } catch (error) {
          if (!(error instanceof Av10ApiError)) throw error;
          this.unknown += 1;
          wallet.resync();
          await delay(RETRY_MS);
        }
      }
    });
  }

  /** Account i sends through validator `validators[i]` to the account after it; `pauseMs` after each that is final. */
  static async start(devnet: TestDevnet, validators: readonly number[], waitMs = 5_000, pauseMs = 0): Promise<Load> {
    const accounts = devnet.file.accounts.length;
    const senders = await Promise.all(
      validators.map(async (validator, account) => {
        const client = devnet.client(validator);
        const wallet = await devnet.wallet(account, client);
        const submit = async (from: Wallet, to: number): Promise<FinalTransfer> => {
          const startedMs = performance.now();
          const { id } = await from.transfer([{ to, amount: 1n }]);
          const { receipt } = await client.waitFinal(id, waitMs);
          if (receipt?.code !== 'OK') throw new Av10ApiError('DROPPED', `${id} did not succeed`);
          return { id, commit: receipt.commit, amount: 1n, to, latencyMs: performance.now() - startedMs };
        };
        return { wallet, to: (account + 1) % accounts, submit };
      }),
    );
    return new Load(senders, pauseMs);
  }

  async stop(): Promise<void> {
    this.#isRunning = false;
    await Promise.all(this.#runs);
  }
}

/** How many of these the validator does not show as applied in the commit that was said. */
export async function countLost(client: Av10Client, finals: readonly FinalTransfer[]): Promise<number> {
  let lost = 0;
  for (const { id, commit } of finals) {
    const found = await client.transaction(id).catch((error: unknown) => {
      if (isApiError(error, 'TRANSACTION_UNKNOWN')) return undefined;
      throw error;
    });
    if (found?.receipt?.commit !== commit || found.receipt.code !== 'OK') lost += 1;
  }
  return lost;
}

export function lastCommit(finals: readonly FinalTransfer[]): number {
  return finals.reduce((last, { commit }) => Math.max(last, commit), 0);
}

export function percentile(values: readonly number[], fraction: number): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * fraction))] ?? Number.NaN;
}

const RETRY_MS = 50;
