import type { CommitIndex, TransactionId } from '../../src/types/ids.ts';
import { assert } from '../../src/util/assert.ts';
import type { Prng } from '../../src/util/prng.ts';
import { BALANCE, type Cluster } from '../support/cluster.ts';

type Transfer = ReturnType<Cluster['transfer']>;

/** Transactions of one sender under way at the same time: the nonce window of admission. */
const MAX_OPEN_PER_SENDER = 40;

/** Clients that follow the rule of docs/spec/finality.md: the same bytes to another validator until they are final somewhere. */
export class Clients {
  readonly #cluster: Cluster;
  readonly #prng: Prng;
  /** By sender, in nonce order. */
  readonly #transfers: Transfer[][];
  /** Nodes that answer clients, sooner or later. */
  readonly #honest: readonly number[];

  constructor(cluster: Cluster, prng: Prng, faulty: readonly number[] = []) {
    this.#cluster = cluster;
    this.#prng = prng;
    this.#honest = [...cluster.nodes.keys()].filter((node) => !faulty.includes(node));
    this.#transfers = cluster.accounts.map(() => []);
  }

  ids(): TransactionId[] {
    return this.#transfers.flat().map(({ id }) => id);
  }

  /** New transfers of random senders to random validators, or all to `node`; some to several, some out of order. */
  async submit(count: number, node?: number): Promise<void> {
    for (let i = 0; i < count; i++) {
      const sender = this.#prng.below(this.#transfers.length);
      const transfers = this.#transfers[sender] as Transfer[];
      if (transfers.filter((transfer) => !this.#isFinal(transfer.id)).length >= MAX_OPEN_PER_SENDER) continue;
      const pair = [this.#cluster.transfer(sender), this.#cluster.transfer(sender)];
      transfers.push(...pair);
      if (this.#prng.chance(0.2)) pair.reverse();
      for (const transfer of pair) {
        const copies = this.#prng.chance(0.2) ? 2 : 1;
        for (let copy = 0; copy < copies; copy++) await this.#send(transfer, node);
      }
    }
  }

  /** What is not final is sent again, to any validator that runs. */
  async resubmit(): Promise<void> {
    for (const transfers of this.#transfers) {
      const open = transfers.filter(({ id }) => !this.#isFinal(id)).slice(0, MAX_OPEN_PER_SENDER);
      for (const transfer of open) await this.#send(transfer);
    }
  }

  open(): TransactionId[] {
    return this.ids().filter((id) => !this.#honest.every((node) => this.#cluster.node(node).finals.has(id)));
  }

  /** The newest transfer of each sender, as anybody can hear of it. */
  newest(): Transfer[] {
    return this.#transfers.flatMap((transfers) => transfers.at(-1) ?? []);
  }

  allFinal(): boolean {
    const nonces = this.#cluster.accounts.map(({ nonce }) => nonce);
    return this.#honest.every((node) => {
      const validator = this.#cluster.validator(node);
      return nonces.every((nonce, handle) => validator.account(handle).value?.nextNonce === nonce);
    });
  }

  /** Every transfer was applied exactly once, and no coin came or went. */
  assertState(): void {
    const spent = this.#transfers.map((transfers) => BigInt(transfers.length));
    for (const node of this.#honest) {
      for (const handle of this.#cluster.accounts.keys()) {
        const received = spent.at(handle - 1) as bigint;
        const balance = this.#cluster.validator(node).account(handle).value?.balances[0]?.amount;
        const expected = BALANCE - (spent[handle] as bigint) + received;
        assert(balance === expected, `account ${handle} of node ${node} holds ${balance}, not ${expected}`);
      }
    }
  }

  async #send(transfer: Transfer, node?: number): Promise<void> {
    const running = this.#cluster.nodes.flatMap(({ validator }, index) =>
      node === undefined || node === index ? (validator ?? []) : [],
    );
    if (running.length > 0) await this.#prng.pick(running).submit([transfer], 'test');
  }

  #isFinal(id: TransactionId): CommitIndex | undefined {
    for (const { finals } of this.#cluster.nodes) if (finals.has(id)) return finals.get(id);
    return undefined;
  }
}
