import { DEFAULT_MEMPOOL_OPTIONS, NONCE_WINDOW } from '../../src/pipeline/options.ts';
import type { BlockRef } from '../../src/types/block.ts';
import type { BlockId } from '../../src/types/ids.ts';
import { assert } from '../../src/util/assert.ts';
import { BALANCE, type Cluster } from '../support/cluster.ts';

const MAX_SUSPENDED_BYTES = 256 * 1024 * 1024;
const MAX_LAG_COMMITS = 1_024;
const MAX_MISSING = 10_000;
/** Both channels of a link, each with a frame that was taken when there was just room for it. */
const MAX_QUEUED_BYTES = 2 * (8 + 4.1) * 1024 * 1024;

/** Promises that are looked at from outside the nodes, again and again; those of faulty members count for nothing. */
export class Checkers {
  readonly #cluster: Cluster;
  readonly #honest: readonly number[];
  readonly #supply: bigint;
  /** Newest answers of each node in this life of it. */
  readonly #reads = new Map<string, { commit: number; nonces: number[] }>();
  /** First admitted block at any honest node, by round and author. */
  readonly #admitted = new Map<string, string>();
  /** Blocks that were looked at. */
  readonly #checked = new Set<BlockId>();
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
    this.#checkQueues(node);
  }

  #checkQueues(node: number): void {
    const { instruments } = this.#cluster.node(node);
    const waiting = instruments.total('av10_mempool_transactions');
    const limit = this.#cluster.accounts.length * NONCE_WINDOW;
    assert(waiting <= limit, `the mempool of node ${node} holds ${waiting} transactions, more than ${limit}`);
    const bytes = instruments.total('av10_mempool_bytes');
    assert(bytes <= DEFAULT_MEMPOOL_OPTIONS.maxBytes, `the mempool of node ${node} holds ${bytes} bytes`);
    for (const { name, queuedBytes } of this.#cluster.validator(node).status().peers)
      assert(queuedBytes <= MAX_QUEUED_BYTES, `${queuedBytes} bytes wait at node ${node} for ${name}`);
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

  /** Every admitted block rests on members with a quorum of the power, each counted once. */
  #checkQuorum(ref: BlockRef, ancestors: readonly BlockRef[]): void {
    this.#checked.add(ref.id);
    const { committee } = this.#cluster.genesis;
    const below = new Set(ancestors.filter(({ round }) => round === ref.round - 1).map(({ author }) => author));
    const power = [...below].reduce((sum, author) => sum + committee.power(author), 0);
    assert(power >= committee.quorum, `a block of ${ref.author} in round ${ref.round} rests on a power of ${power}`);
  }

  #noteBlocks(node: number): void {
    for (const { ref, ancestors } of this.#cluster.validator(node).replica.core.blocks()) {
      if (!this.#checked.has(ref.id)) this.#checkQuorum(ref, ancestors);
      const slot = `${ref.round}/${ref.author}`;
      const known = this.#admitted.get(slot);
      if (known === undefined) this.#admitted.set(slot, ref.id);
      else if (known !== ref.id) this.#equivocators.add(ref.author);
    }
  }
}
