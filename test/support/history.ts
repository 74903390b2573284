import { Av10ApiError, type Av10Client, isApiError, type Wallet } from '../../src/client/index.ts';
import { id, type TransactionId } from '../../src/types/ids.ts';
import type { TestDevnet } from './devnet.ts';

/** Accounts of each validator's clients: those that pay, and the one that is paid. */
const SENDERS = 2;
export const ACCOUNTS_PER_VALIDATOR = SENDERS + 1;
/** A validator that was killed is back by then. */
const FINAL_LIMIT_MS = 15_000;
const LAST_LIMIT_MS = 1_000;
const PAUSE_MS = 50;

/** What one client asked of one validator and was told; `test/e2e/linearizability` reads these as JSON lines. */
export interface HistoryEntry {
  readonly validator: number;
  readonly client: number;
  readonly kind: 'initial' | 'transfer' | 'read-sink' | 'read-nonce';
  readonly sender: number;
  readonly value: number;
  readonly nonces?: readonly number[];
  readonly final: boolean;
  /** Nanoseconds of one monotonic clock. */
  readonly call: number;
  readonly return: number;
}

/** An account as some validator showed it after a commit: every validator must show the same. */
export interface Sight {
  readonly validator: number;
  readonly account: number;
  readonly commit: number;
  readonly shown: string;
}

/** Clients of every validator that pay and read all the time, and write down when they asked and what they were told. */
export class HistoryClients {
  readonly entries: HistoryEntry[] = [];
  readonly sights: Sight[] = [];
  /** Of those, transfers that were applied. */
  late = 0;
  readonly #open: (() => Promise<boolean>)[] = [];
  readonly #devnet: TestDevnet;
  readonly #runs: Promise<void>[] = [];
  #isRunning = true;

  static async start(devnet: TestDevnet): Promise<HistoryClients> {
    const clients = new HistoryClients(devnet);
    for (const validator of devnet.file.validators.keys()) await clients.#startAt(validator);
    return clients;
  }

  private constructor(devnet: TestDevnet) {
    this.#devnet = devnet;
  }

  /**
   * Ends with every validator up. What was not answered in time is asked for once more: applied, it happened somewhere between its call and now;
   * else it has no part in what anybody saw.
   */
  async stop(): Promise<void> {
    this.#isRunning = false;
    await Promise.all(this.#runs);
    for (const settle of this.#open) if (await settle().catch(() => false)) this.late += 1;
  }

  /** Transfers without an answer in time. */
  get unanswered(): number {
    return this.#open.length;
  }

  async #startAt(validator: number): Promise<void> {
    const first = validator * ACCOUNTS_PER_VALIDATOR;
    const sink = first + SENDERS;
    const client = this.#devnet.client(validator);
    const nonces: number[] = [];
    for (let sender = 0; sender < SENDERS; sender++) nonces.push((await client.account(first + sender)).nextNonce);
    this.#note(validator, 0, 'initial', now(), { value: balance(await client.account(sink)), nonces });
    for (let sender = 0; sender < SENDERS; sender++) {
      const wallet = await this.#devnet.wallet(first + sender, client);
      this.#run(() => this.#pay(validator, sender, client, wallet, sink));
      this.#run(() => this.#read(validator, SENDERS + sender, client, first + sender, sender));
    }
    this.#run(() => this.#read(validator, SENDERS * 2, client, sink));
    const anyAccount = (): number => Math.floor(Math.random() * this.#devnet.file.accounts.length);
    this.#run(async () => this.#see(validator, await client.account(anyAccount())));
  }

  #run(step: () => Promise<void>): void {
    const run = async (): Promise<void> => {
      while (this.#isRunning) {
        try {
          await step();
        } catch (error) {
          // The validator does not answer: nothing was learnt, and a read has no effect.
          if (!(error instanceof Av10ApiError)) throw error;
        }
        await new Promise((resolve) => setTimeout(resolve, PAUSE_MS));
      }
    };
    this.#runs.push(run());
  }

  async #pay(validator: number, sender: number, client: Av10Client, wallet: Wallet, sink: number): Promise<void> {
    const call = now();
    const txId = await submitted(wallet, sink);
    const settle = async (limitMs: number): Promise<boolean> => {
      const { receipt } = await client.waitFinal(txId, limitMs);
      if (receipt?.code === 'OK') this.#note(validator, sender, 'transfer', call, { sender, value: 1, final: true });
      return receipt !== undefined;
    };
    if (await settle(FINAL_LIMIT_MS).catch(() => false)) return;
    wallet.resync();
    this.#open.push(() => settle(LAST_LIMIT_MS));
  }

  async #read(validator: number, reader: number, client: Av10Client, account: number, sender?: number): Promise<void> {
    const call = now();
    const answer = await client.account(account);
    if (sender === undefined) this.#note(validator, reader, 'read-sink', call, { value: balance(answer) });
    else this.#note(validator, reader, 'read-nonce', call, { sender, value: answer.nextNonce });
    this.#see(validator, answer);
  }

  #see(validator: number, { handle, commit, nextNonce, balances }: Awaited<ReturnType<Av10Client['account']>>): void {
    const shown = `${nextNonce} ${balances.map(({ amount }) => amount).join()}`;
    this.sights.push({ validator, account: handle, commit, shown });
  }

  #note(
    validator: number,
    client: number,
    kind: HistoryEntry['kind'],
    call: number,
    what: Partial<Omit<HistoryEntry, 'validator' | 'client' | 'kind' | 'call'>>,
  ): void {
    this.entries.push({ validator, client, kind, sender: 0, value: 0, final: false, ...what, call, return: now() });
  }
}

/** The id of a transfer that may have reached its validator. */
async function submitted(wallet: Wallet, to: number): Promise<TransactionId> {
  try {
    return (await wallet.transfer([{ to, amount: 1n }])).id;
  } catch (error) {
    // Sent, and not answered.
    if (isApiError(error, 'UNREACHABLE') && typeof error.fields.id === 'string')
      return id<TransactionId>(error.fields.id);
    throw error;
  }
}

/** Two answers for one account after one commit that are not the same. */
export function contradictions(sights: readonly Sight[]): string[] {
  const known = new Map<string, Sight>();
  const found: string[] = [];
  for (const sight of sights) {
    const key = `${sight.account}@${sight.commit}`;
    const first = known.get(key) ?? sight;
    known.set(key, first);
    if (first.shown !== sight.shown) found.push(`${key}: ${JSON.stringify([first, sight])}`);
  }
  return found;
}

function balance({ balances }: Awaited<ReturnType<Av10Client['account']>>): number {
  return Number(balances.find(({ asset }) => asset === 0)?.amount ?? 0n);
}

function now(): number {
  return Math.round(performance.now() * 1e6);
}
