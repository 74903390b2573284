import { assert } from '../../src/util/assert.ts';
import { BALANCE, type Cluster } from '../support/cluster.ts';

const MAX_SUSPENDED_BYTES = 256 * 1024 * 1024;
const MAX_LAG_COMMITS = 1_024;
const MAX_MISSING = 10_000;
/** What a node in step may lack: rounds on their way over the slowest links. */
const MAX_ROUNDS_BEHIND = 3;

/** Promises that are looked at from outside the nodes, again and again; those of faulty members count for nothing. */
export class Checkers {
  readonly #cluster: Cluster;
  readonly #honest: readonly number[];
  readonly #supply: bigint;
  /** Newest answers of each node in this life of it. */
  readonly #reads = new Map<string, { commit: number; nonces: number[] }>();
  /** First admitted block at any honest node, by round and author. */
  readonly #admitted = new Map<string, string>();
  /** Nodes in step, each with its life, when an author was first seen to say two things. */
  readonly #equivocators = new Map<number, ReadonlyMap<number, number>>();
  /** Nodes in step and their lives when the promises were last looked at. */
  #lives: ReadonlyMap<number, number> = new Map();

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
    this.#lives = new Map(this.#inStep().map((node) => [node, this.#cluster.node(node).boot]));
    return commits;
  }

  /**
   * Two blocks of one author and round that honest nodes admitted are known as such by every honest node that has been in step since.
   * Evidence is told once, so a node that was down or had no links then may never hear of it (docs/spec/block.md, "Equivocation").
   */
  assertEvidence(): void {
    for (const [author, witnesses] of this.#equivocators) {
      assert(!this.#honest.includes(author), `node ${author} is honest and said two things`);
      for (const [node, boot] of witnesses) {
        if (this.#cluster.node(node).boot !== boot) continue;
        const { complaints } = this.#cluster.node(node);
        const knows = complaints.some((line) => line.startsWith(`equivocation {"author":${author},`));
        assert(knows, `node ${node} holds no evidence against ${author}`);
      }
    }
  }

  /** Every honest node runs and follows the others. */
  allInStep(): boolean {
    return this.#inStep().length === this.#honest.length;
  }

  /** Nodes that follow the others, so they are linked to some. */
  #inStep(): readonly number[] {
    const rounds = this.#running().map((node) => this.#cluster.validator(node).replica.core.highestRound);
    return this.#running().filter((_, i) => (rounds[i] as number) >= Math.max(...rounds) - MAX_ROUNDS_BEHIND);
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
      else if (known !== ref.id && !this.#equivocators.has(ref.author)) this.#equivocators.set(ref.author, this.#lives);
    }
  }
}
