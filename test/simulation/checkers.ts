import { assert } from '../../src/util/assert.ts';
import { BALANCE, type Cluster } from '../support/cluster.ts';

const MAX_SUSPENDED_BYTES = 256 * 1024 * 1024;
const MAX_LAG_COMMITS = 1_024;
const MAX_MISSING = 10_000;

/** Promises that are looked at from outside the nodes, again and again; those of faulty members count for nothing. */
export class Checkers {
  readonly #cluster: Cluster;
  readonly #honest: readonly number[];
  readonly #supply: bigint;
  /** Newest answers of each node in this life of it. */
  readonly #reads = new Map<string, { commit: number; nonces: number[] }>();
  /** First admitted block at any honest node, by round and author. */
  readonly #admitted = new Map<string, string>();
  /** Authors that were seen to say two things. */
  readonly #equivocators = new Set<number>();

  constructor(cluster: Cluster, faulty: readonly number[] = []) {
    this.#cluster = cluster;
    this.#honest = [...cluster.nodes.keys()].filter((node) => !faulty.includes(node));
    this.#supply = BigInt(cluster.accounts.length) * BALANCE;
  }

  /** @returns commits of the longest history */
  check(): number {
    const commits = this.#cluster.assertAgreement().size;
    for (const node of this.#honest) this.#checkBlame(node);
    for (const node of this.#running()) {
      this.#checkBounds(node);
      this.#checkReads(node);
      this.#noteBlocks(node);
    }
    return commits;
  }

  /**
   * Two blocks of one author and round that honest nodes admitted are known as such by every honest node that runs, whatever it missed
   * (docs/spec/block.md, "Equivocation").
   */
  assertEvidence(): void {
    for (const author of this.#equivocators) {
      assert(!this.#honest.includes(author), `node ${author} is honest and said two things`);
      for (const node of this.#running()) {
        const { evidence } = this.#cluster.validator(node).replica;
        const knows = evidence.some(({ first }) => first.author === author);
        assert(knows, `node ${node} holds no evidence against ${author}`);
      }
    }
  }

  #running(): readonly number[] {
    return this.#honest.filter((node) => this.#cluster.node(node).validator !== undefined);
  }

  #checkBlame(node: number): void {
    for (const line of this.#cluster.node(node).complaints) {
      const peer = /^peer broke a rule \{"peer":(\d+),/.exec(line)?.[1];
      assert(peer === undefined || !this.#honest.includes(Number(peer)), `node ${node} blames an honest peer: ${line}`);
      const author = /^(?:equivocation|false checkpoint vote) \{"author":(\d+),/.exec(line)?.[1];
      assert(
        author === undefined || !this.#honest.includes(Number(author)),
        `node ${node} accuses the honest: ${line}`,
      );
    }
  }

  #checkBounds(node: number): void {
    const { core, executor } = this.#cluster.validator(node).replica;
    const { bytes } = core.suspended;
    assert(bytes <= MAX_SUSPENDED_BYTES, `node ${node} holds ${bytes} bytes of suspended blocks`);
    assert(executor.lag <= MAX_LAG_COMMITS, `execution of node ${node} lags by ${executor.lag} commits`);
    const missing = core.missing().length;
    assert(missing <= MAX_MISSING, `node ${node} misses ${missing} blocks`);
  }

  /** No coin comes or goes, and what a client reads of one node never goes back. */
  #checkReads(node: number): void {
    const validator = this.#cluster.validator(node);
    const accounts = this.#cluster.accounts.map((_, handle) => validator.account(handle));
    const sum = accounts.reduce((total, { value }) => total + (value?.balances[0]?.amount ?? 0n), 0n);
    assert(sum === this.#supply, `the accounts of node ${node} hold ${sum}, not ${this.#supply}`);
    const life = `${node}/${this.#cluster.node(node).boot}`;
    const before = this.#reads.get(life);
    const now = {
      commit: accounts[0]?.commit ?? 0,
      nonces: accounts.map(({ value }) => Number(value?.nextNonce ?? 0)),
    };
    assert(now.commit >= (before?.commit ?? 0), `node ${node} answers from an older commit than before`);
    for (const [handle, nonce] of now.nonces.entries())
      assert(nonce >= (before?.nonces[handle] ?? 0), `the nonce of account ${handle} goes back at node ${node}`);
    this.#reads.set(life, now);
  }

  #noteBlocks(node: number): void {
    for (const { ref } of this.#cluster.validator(node).replica.core.blocks()) {
      const slot = `${ref.round}/${ref.author}`;
      const known = this.#admitted.get(slot);
      if (known === undefined) this.#admitted.set(slot, ref.id);
      else if (known !== ref.id) this.#equivocators.add(ref.author);
    }
  }
}
