import type { SenderAccount } from '../../../src/execution/index.ts';
import type { AccountView } from '../../../src/pipeline/index.ts';
import { type Address, id } from '../../../src/types/ids.ts';

export const NOW_MS = 1_800_000_000_000;
export const ALICE = address(0xa1);
export const BOB = address(0xb0);

export function address(index: number): Address {
  return id<Address>(index.toString(16).padStart(64, '0'));
}

/** A ledger whose every account can be changed. */
export class TestAccounts implements AccountView {
  readonly accounts = new Map<Address, SenderAccount>();

  set(sender: Address, change: Partial<SenderAccount> = {}): this {
    const account = this.accounts.get(sender) ?? { nextNonce: 0, keyVersion: 0, feeBalance: 1_000_000n };
    this.accounts.set(sender, { ...account, ...change });
    return this;
  }

  sender(sender: Address): SenderAccount | undefined {
    return this.accounts.get(sender);
  }
}
