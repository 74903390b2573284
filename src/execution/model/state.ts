import type { BlockRef } from '../../types/block.ts';
import { compareRefs } from '../../types/block.ts';
import type { Address, CommitIndex, Round } from '../../types/ids.ts';
import type { AccountHandle, AssetIndex } from '../../types/transaction.ts';
import { assertDefined } from '../../util/assert.ts';

export interface ModelAccount {
  readonly address: Address;
  keyHash: Uint8Array;
  keyVersion: number;
  readonly frozen: boolean;
  /** Genesis accounts first, then every key in the order in which it came. */
  keySlot: number;
  nonce: number;
  /** By asset. */
  readonly balances: bigint[];
}

export interface YoungKey {
  readonly version: number;
  readonly createdAt: CommitIndex;
}

/** The state that transactions change. Every change is made here, so that a payload that breaks half way can be undone. */
export class ModelState {
  readonly accounts: ModelAccount[] = [];
  readonly handles = new Map<Address, AccountHandle>();
  /** Public keys by slot. */
  readonly keys: Uint8Array[] = [];
  feePool = 0n;
  /** By asset. */
  readonly supply: bigint[] = [];
  gcRound: Round = 0;
  /** The highest linearised round by author. */
  readonly lastRounds: Round[];
  /** Linearised blocks above `gcRound`, ascending. */
  linearised: BlockRef[] = [];
  readonly youngKeys = new Map<AccountHandle, YoungKey>();
  #undo: (() => void)[] = [];

  constructor(members: number) {
    this.lastRounds = new Array<Round>(members).fill(0);
  }

  account(handle: AccountHandle): ModelAccount {
    return assertDefined(this.accounts[handle], 'the handle is one of an account');
  }

  balance(handle: AccountHandle, asset: AssetIndex): bigint {
    return assertDefined(this.account(handle).balances[asset], 'the asset exists');
  }

  setBalance(handle: AccountHandle, asset: AssetIndex, balance: bigint): void {
    const { balances } = this.account(handle);
    const before = assertDefined(balances[asset], 'the asset exists');
    this.#undo.push(() => {
      balances[asset] = before;
    });
    balances[asset] = balance;
  }

  addFee(fee: bigint): void {
    const before = this.feePool;
    this.#undo.push(() => {
      this.feePool = before;
    });
    this.feePool += fee;
  }

  open(account: ModelAccount, publicKey: Uint8Array): AccountHandle {
    const handle = this.accounts.length;
    this.#undo.push(() => {
      this.accounts.pop();
      this.keys.pop();
      this.handles.delete(account.address);
    });
    this.accounts.push(account);
    this.keys.push(publicKey);
    this.handles.set(account.address, handle);
    return handle;
  }

  rotate(handle: AccountHandle, publicKey: Uint8Array, keyHash: Uint8Array): void {
    const account = this.account(handle);
    const before = { ...account };
    this.#undo.push(() => {
      Object.assign(account, before);
      this.keys.pop();
    });
    account.keySlot = this.keys.push(publicKey) - 1;
    account.keyHash = keyHash;
    account.keyVersion += 1;
  }

  setYoungKey(handle: AccountHandle, key: YoungKey): void {
    const before = this.youngKeys.get(handle);
    this.#undo.push(() => {
      if (before === undefined) this.youngKeys.delete(handle);
      else this.youngKeys.set(handle, before);
    });
    this.youngKeys.set(handle, key);
  }

  /** From here on `rollBack` undoes what follows. */
  begin(): void {
    this.#undo = [];
  }

  rollBack(): void {
    for (const undo of this.#undo.reverse()) undo();
    this.#undo = [];
  }

  linearise(refs: readonly BlockRef[], gcRound: Round): void {
    for (const { author, round } of refs) this.lastRounds[author] = Math.max(round, this.lastRounds[author] ?? 0);
    this.gcRound = Math.max(this.gcRound, gcRound);
    this.linearised = [...this.linearised, ...refs].filter((ref) => ref.round > this.gcRound).sort(compareRefs);
  }

  /** Forgets key creations that every block of a later commit must know of. */
  ageKeys(commit: CommitIndex, historyCommits: number): void {
    for (const [handle, { createdAt }] of this.youngKeys) {
      if (createdAt + historyCommits <= commit) this.youngKeys.delete(handle);
    }
  }
}
