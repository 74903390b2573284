import type { ExecutedCommit, Ledger } from '../execution/index.ts';
import type { CommitIndex } from '../types/ids.ts';
import { type AccountHandle, MAX_ACCOUNTS } from '../types/transaction.ts';
import type { Statistics } from './service.ts';

/** What this process has seen the network do. */
export class StatisticsCounter {
  readonly #ledger: Pick<Ledger, 'lastCommit' | 'accountByHandle'>;
  readonly #since: CommitIndex;
  #applied = 0;
  #dropped = 0;
  #transfers = 0;
  /** At least so many accounts exist: they are never removed. */
  #accounts = 0;

  constructor(ledger: Pick<Ledger, 'lastCommit' | 'accountByHandle'>) {
    this.#ledger = ledger;
    this.#since = ledger.lastCommit;
  }

  executed({ applied, dropped, transfers }: Pick<ExecutedCommit, 'applied' | 'dropped' | 'transfers'>): void {
    this.#applied += applied;
    this.#dropped += dropped;
    this.#transfers += transfers;
  }

  current(): Statistics {
    const commit = this.#ledger.lastCommit;
    const counted = { applied: this.#applied, dropped: this.#dropped, transfers: this.#transfers };
    return { commit, since: this.#since, ...counted, accounts: this.#countAccounts() };
  }

  /** Handles are dense, so the first one without an account is their number: a doubling search from what is known. */
  #countAccounts(): number {
    const has = (handle: AccountHandle): boolean =>
      handle < MAX_ACCOUNTS && this.#ledger.accountByHandle(handle) !== undefined;
    let step = 1;
    while (has(this.#accounts + step - 1)) {
      this.#accounts += step;
      step *= 2;
    }
    for (; step >= 1; step = Math.floor(step / 2)) {
      if (has(this.#accounts + step - 1)) this.#accounts += step;
    }
    return this.#accounts;
  }
}
