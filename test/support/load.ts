import type { Wallet } from '../../src/client/index.ts';
import { Av10ApiError } from '../../src/client/index.ts';
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
  ) {
    this.#runs = wallets.map(async ({ wallet, to, submit }) => {
      while (this.#isRunning) {
        try {
          this.finals.push(await submit(wallet, to));
        } catch (error) {
          if (!(error instanceof Av10ApiError)) throw error;
          this.unknown += 1;
          wallet.resync();
          await new Promise((resolve) => setTimeout(resolve, RETRY_MS));
        }
      }
    });
  }

  /** Account i sends through validator `validators[i]` to the account after it. */
  static async start(devnet: TestDevnet, validators: readonly number[], waitMs = 5_000): Promise<Load> {
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
    return new Load(senders);
  }

  async stop(): Promise<void> {
    this.#isRunning = false;
    await Promise.all(this.#runs);
  }
}

export function percentile(values: readonly number[], fraction: number): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * fraction))] ?? Number.NaN;
}

const RETRY_MS = 50;
