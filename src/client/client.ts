import { type CanonicalValue, canonicalJson } from '../params/canonical-json.ts';
import { decodeGenesis, type Genesis } from '../params/genesis.ts';
import { type Address, id, type TransactionId } from '../types/ids.ts';
import type { SignedBody } from '../types/payload.ts';
import * as rest from '../types/rest.ts';
import * as chain from '../types/rest-chain.ts';
import type { AccountHandle, TransactionKind } from '../types/transaction.ts';
import { transactionId } from '../types/transaction-codec.ts';
import { concatBytes, utf8 } from '../util/bytes.ts';
import { errorText } from '../util/errors.ts';
import { hasShape } from './answer-shape.ts';
import { batches } from './batches.ts';
import { Av10ApiError, isApiError } from './errors.ts';
import { type ChainEvent, type EventSubscription, followEvents } from './events.ts';
import { type ClientModules, type ClientOptions, DEFAULT_REQUEST_TIMEOUT_MS, withDefaults } from './options.ts';
import {
  type CertifiedAccount,
  type CertifiedCheckpoint,
  verifyAccountAnswer,
  verifyCheckpointAnswer,
} from './proof.ts';
import { Requester } from './requester.ts';
import { type Settled, type SettleOptions, settle, type Unapplied } from './settle.ts';

/** An account as one validator says it is. */
export interface AccountInfo {
  /** The values hold up to and including this commit. */
  readonly commit: number;
  readonly address: Address;
  readonly handle: AccountHandle;
  readonly keyVersion: number;
  readonly nextNonce: number;
  readonly frozen: boolean;
  readonly balances: readonly { readonly asset: number; readonly amount: bigint }[];
}

export interface SubmitResult {
  readonly id: TransactionId;
  readonly status: 'accepted' | 'known' | 'refused';
  /** `refused` only. */
  readonly error?: Av10ApiError;
}

/** Handles never change, so the cache is only bounded, never stale. */
const MAX_CACHED_HANDLES = 100_000;
/** The longest a validator is asked to hold one request. */
const MAX_HELD_MS = 30_000;
/** Between two questions about a transaction that the validator does not know yet. */
const UNKNOWN_PAUSE_MS = 250;
const DEFAULT_WAIT_MS = 30_000;
/** What may be another answer in a moment, or at another validator. */
const NOT_KNOWN_NOW = ['TRANSACTION_UNKNOWN', 'TOO_MANY_WAITERS', 'RATE_LIMITED', 'UNREACHABLE', 'STOPPING'];

/** The part of a list that is asked for. */
export interface Page {
  readonly from?: number;
  readonly limit?: number;
}

/** Which transactions of an account are asked for: times of their blocks, both included. */
export interface HistoryQuery {
  readonly cursor?: string;
  readonly limit?: number;
  readonly fromMs?: number;
  readonly toMs?: number;
  readonly kind?: TransactionKind;
  readonly counterparty?: Address | AccountHandle;
}

/**
 * The client of an AV10 network, for Node and browsers.
 *
 * @example
 * const client = new Av10Client({ urls: ['http://127.0.0.1:8181', 'http://127.0.0.1:8182'] });
 * const { balances, commit } = await client.account(address);
 * const { id } = await client.submit({ body, signature });
 * const { receipt } = await client.waitFinal(id);
 */
export class Av10Client {
  readonly modules: ClientModules;
  readonly #options: ClientOptions;
  readonly #requester: Requester;
  readonly #handles = new Map<Address, AccountHandle>();
  #genesis: Promise<Genesis> | undefined;

  constructor(options: ClientOptions, modules: Partial<ClientModules> = {}) {
    this.modules = withDefaults(modules);
    this.#options = options;
    this.#requester = new Requester(options.urls, this.modules.send);
  }

  /**
   * The genesis: parameters, assets, committee. Checked to hash to its network id, and asked for once.
   * @throws Av10ApiError NETWORK_MISMATCH, MALFORMED_ANSWER
   */
  network(): Promise<Genesis> {
    this.#genesis ??= this.#fetchGenesis().catch((error: unknown) => {
      this.#genesis = undefined;
      throw error;
    });
    return this.#genesis;
  }

  /** @throws Av10ApiError ACCOUNT_UNKNOWN */
  async account(account: Address | AccountHandle): Promise<AccountInfo> {
    return accountInfo(await this.#get(rest.Account, `/v1/accounts/${account}`));
  }

  /**
   * An account that a quorum signed, at the newest certified checkpoint.
   * @throws Av10ApiError ACCOUNT_UNKNOWN, PROOF_UNAVAILABLE, PROOF_INVALID
   */
  async certifiedAccount(account: Address | AccountHandle): Promise<CertifiedAccount> {
    const { address, handle, proof } = await this.#get(rest.Account, `/v1/accounts/${account}?proof=true`);
    if (!proof) {
      const message = 'no certified checkpoint covers the account yet';
      throw new Av10ApiError('PROOF_UNAVAILABLE', message, { account }, { retryable: true });
    }
    const certified = await verifyAccountAnswer(this.modules.crypto, await this.network(), handle, proof);
    const isAnother = typeof account === 'string' ? certified.account.address !== account : handle !== account;
    if (isAnother || certified.account.address !== address) {
      throw new Av10ApiError('PROOF_INVALID', 'the proof shows another account', { account });
    }
    return certified;
  }

  /**
   * The handle that transfers name instead of the address. A validator that lies about it would divert them, so the proof is checked.
   * @throws Av10ApiError ACCOUNT_UNKNOWN, PROOF_INVALID; PROOF_UNAVAILABLE if proofs are required
   */
  async handleOf(address: Address): Promise<AccountHandle> {
    const cached = this.#handles.get(address);
    if (cached !== undefined) return cached;
    const handle = await this.#resolveHandle(address);
    const [oldest] = this.#handles.keys();
    if (this.#handles.size === MAX_CACHED_HANDLES && oldest !== undefined) this.#handles.delete(oldest);
    this.#handles.set(address, handle);
    return handle;
  }

  /**
   * Hands a signed transaction to a validator, and the same bytes to the next one if that does not answer.
   * @throws Av10ApiError of admission; UNREACHABLE leaves open whether it was taken, and the fields name its id
   */
  async submit({ body, signature }: SignedBody): Promise<SubmitResult> {
    const txId = transactionId(this.modules.crypto.hasher, body);
    const path = '/v1/transactions';
    try {
      const answer = await this.#ask(path, { method: 'POST', body: concatBytes(body, signature) });
      return { id: txId, status: this.#checked(rest.Submitted, path, answer).status };
    } catch (error) {
      if (isApiError(error, 'UNREACHABLE')) throw error.with({ id: txId });
      if (isApiError(error, 'NONCE_USED') && (await this.#isApplied(txId))) return { id: txId, status: 'known' };
      throw error;
    }
  }

  /** One result for each, in their order; sent in as few requests as the limits allow. A refusal is a result and stops nothing. */
  async submitMany(items: readonly SignedBody[]): Promise<SubmitResult[]> {
    const path = '/v1/transactions/batch';
    const results: SubmitResult[] = [];
    for (const batch of batches(items)) {
      const answer = this.#checked(
        rest.SubmittedBatch,
        path,
        await this.#ask(path, { method: 'POST', body: batch.bytes }),
      );
      if (answer.results.length !== batch.items.length) throw malformed(path, 'a result for each transaction expected');
      for (const [i, { status, problem }] of answer.results.entries()) {
        const txId = transactionId(this.modules.crypto.hasher, (batch.items[i] as SignedBody).body);
        results.push({
          id: txId,
          status,
          ...(problem === undefined ? {} : { error: Av10ApiError.fromProblem(problem) }),
        });
      }
    }
    return results;
  }

  /** @throws Av10ApiError TRANSACTION_UNKNOWN */
  transaction(txId: TransactionId): Promise<rest.Transaction> {
    return this.#get(rest.Transaction, `/v1/transactions/${txId}`);
  }

  /** {@link waitFor} `final`: executed, and safe if the validator is honest. */
  waitFinal(txId: TransactionId, timeoutMs = DEFAULT_WAIT_MS): Promise<rest.Transaction> {
    return this.waitFor(txId, 'final', timeoutMs);
  }

  /**
   * The transaction once it has reached the level or a later one, or was dropped: look at `level` before the receipt.
   * @throws Av10ApiError TIMEOUT
   */
  async waitFor(txId: TransactionId, level: rest.WaitLevel, timeoutMs = DEFAULT_WAIT_MS): Promise<rest.Transaction> {
    const { clock } = this.modules;
    const deadlineMs = clock.monotonicMs() + timeoutMs;
    let seen = 'unknown';
    for (let leftMs = timeoutMs; leftMs > 0; leftMs = deadlineMs - clock.monotonicMs()) {
      const heldMs = Math.ceil(Math.min(leftMs, MAX_HELD_MS));
      const found = await this.hold(txId, level, heldMs);
      if (found === undefined) {
        await this.pause(Math.min(leftMs, UNKNOWN_PAUSE_MS));
        continue;
      }
      if (rest.endsWait(found.level, level)) return found;
      seen = found.level;
    }
    const message = `not ${level} within ${timeoutMs} ms: ${seen}`;
    throw new Av10ApiError('TIMEOUT', message, { id: txId, level: seen }, { retryable: true });
  }

  /** As {@link waitFor}, at one validator and once: the newest status, undefined if it knows of none or does not answer. */
  async hold(txId: TransactionId, level: rest.WaitLevel, heldMs: number): Promise<rest.Transaction | undefined> {
    try {
      const path = `/v1/transactions/${txId}?wait=${level}&timeoutMs=${heldMs}`;
      return await this.#get(rest.Transaction, path, heldMs + this.#timeoutMs);
    } catch (error) {
      if (isApiError(error, ...NOT_KNOWN_NOW)) return undefined;
      throw error;
    }
  }

  /** Sends until the outcome is known, which is never two payments: {@link settle}. */
  settle(signed: SignedBody, options?: SettleOptions): Promise<Settled> {
    return settle(this, signed, options);
  }

  /**
   * How far the preferred validator knows that the transaction was not applied.
   * @throws Av10ApiError
   */
  async unapplied(txId: TransactionId): Promise<Unapplied> {
    try {
      const { receipt, commit } = await this.transaction(txId);
      // What it took had not been applied before, and it follows what it took.
      return { commit: receipt === undefined ? commit : -1, knownSinceMs: 0 };
    } catch (error) {
      if (!isApiError(error, 'TRANSACTION_UNKNOWN') || typeof error.fields.commit !== 'number') throw error;
      const { commit, knownSinceMs } = error.fields;
      return { commit, knownSinceMs: typeof knownSinceMs === 'number' ? knownSinceMs : Number.POSITIVE_INFINITY };
    }
  }

  /** A page of the transfers of a final batch. @throws Av10ApiError TRANSACTION_UNKNOWN, CONTENT_UNKNOWN, TRANSFER_UNKNOWN */
  transfers(txId: TransactionId, page: Page = {}): Promise<chain.Batch> {
    return this.#get(chain.Batch, `/v1/transactions/${txId}/transfers${queryOf(page)}`);
  }

  /** @throws Av10ApiError TRANSACTION_UNKNOWN, CONTENT_UNKNOWN, TRANSFER_UNKNOWN */
  transfer(txId: TransactionId, index: number): Promise<chain.SingleTransfer> {
    return this.#get(chain.SingleTransfer, `/v1/transactions/${txId}/transfers/${index}`);
  }

  /**
   * A page of what an account sent and received, the newest first: `cursor` is `next` of the page before.
   * @throws Av10ApiError ACCOUNT_UNKNOWN, BUSY
   */
  accountTransactions(account: Address | AccountHandle, query: HistoryQuery = {}): Promise<chain.AccountTransactions> {
    return this.#get(chain.AccountTransactions, `/v1/accounts/${account}/transactions${queryOf(query)}`);
  }

  /** A range of blocks from `from` on, those of a leader's round, or the newest. */
  blocks(range: Page | { readonly round: number } = {}): Promise<chain.Blocks> {
    return this.#get(chain.Blocks, `/v1/blocks${queryOf(range)}`);
  }

  /** Those that the validator keeps, from `from` on or the newest. */
  checkpoints(page: Page = {}): Promise<chain.Checkpoints> {
    return this.#get(chain.Checkpoints, `/v1/checkpoints${queryOf(page)}`);
  }

  /**
   * The statement of a checkpoint that a quorum of the genesis' committee signed.
   * @throws Av10ApiError CHECKPOINT_UNKNOWN, PROOF_UNAVAILABLE, PROOF_INVALID
   */
  async certifiedCheckpoint(index: number | 'latest'): Promise<CertifiedCheckpoint> {
    const { certificate } = await this.checkpoint(index);
    if (certificate === null) {
      const message = 'no quorum has signed the checkpoint yet';
      throw new Av10ApiError('PROOF_UNAVAILABLE', message, { checkpoint: index }, { retryable: true });
    }
    const verified = await verifyCheckpointAnswer(this.modules.crypto, await this.network(), certificate);
    if (index === 'latest' || verified.index === index) return verified;
    throw new Av10ApiError('PROOF_INVALID', 'the certificate is of another checkpoint', { checkpoint: index });
  }

  statistics(): Promise<chain.Statistics> {
    return this.#get(chain.Statistics, '/v1/statistics');
  }

  evidence(): Promise<chain.Evidence> {
    return this.#get(chain.Evidence, '/v1/evidence');
  }

  /**
   * What becomes final, for ever: after a break it goes on behind the last event, at another validator if need be.
   * @throws Av10ApiError EVENTS_GONE; and what refuses the subscription
   */
  events(subscription: EventSubscription = {}): AsyncGenerator<ChainEvent, void> {
    return followEvents({ urls: () => this.#requester.urls, ...this.modules }, subscription);
  }

  /** Other validators are asked first from here on. */
  preferNext(): void {
    this.#requester.preferNext();
  }

  pause(delayMs: number): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    this.modules.timers.after(delayMs, resolve);
    return promise;
  }

  /** @throws Av10ApiError BLOCK_UNKNOWN */
  block(block: number | string | 'latest'): Promise<rest.Block> {
    return this.#get(rest.Block, `/v1/blocks/${block}`);
  }

  /** @throws Av10ApiError CHECKPOINT_UNKNOWN */
  checkpoint(index: number | 'latest'): Promise<rest.Checkpoint> {
    return this.#get(rest.Checkpoint, `/v1/checkpoints/${index}`);
  }

  validators(): Promise<rest.Validators> {
    return this.#get(rest.Validators, '/v1/validators');
  }

  status(): Promise<rest.Status> {
    return this.#get(rest.Status, '/v1/status');
  }

  /** Of the preferred validator, unhealthy or not. */
  async health(): Promise<rest.Health> {
    return this.#checked(rest.Health, '/health', await this.#requester.askOne('/health', this.#timeoutMs));
  }

  /** Of the preferred validator, ready or not. */
  async readiness(): Promise<rest.Readiness> {
    return this.#checked(rest.Readiness, '/ready', await this.#requester.askOne('/ready', this.#timeoutMs));
  }

  async #fetchGenesis(): Promise<Genesis> {
    const path = '/v1/network';
    const { networkId, genesis } = await this.#get(rest.Network, path);
    const decoded = this.#decodeGenesis(path, genesis);
    const expected = this.#options.networkId ?? networkId;
    if (decoded.networkId !== expected) {
      const fields = { expected, got: decoded.networkId };
      throw new Av10ApiError('NETWORK_MISMATCH', `network ${expected} expected, ${decoded.networkId} found`, fields);
    }
    return decoded;
  }

  #decodeGenesis(path: string, genesis: rest.Network['genesis']): Genesis {
    try {
      return decodeGenesis(this.modules.crypto.hasher, utf8(canonicalJson(genesis as CanonicalValue)));
    } catch (error) {
      throw malformed(path, errorText(error));
    }
  }

  async #resolveHandle(address: Address): Promise<AccountHandle> {
    try {
      return (await this.certifiedAccount(address)).account.handle;
    } catch (error) {
      if (!isApiError(error, 'PROOF_UNAVAILABLE') || this.#options.requireProofs === true) throw error;
      const { handle, address: got } = await this.account(address);
      if (got !== address) throw malformed(`/v1/accounts/${address}`, 'another account');
      return handle;
    }
  }

  /** Whether the nonce was used by this very transaction: an earlier try, whose answer was lost, had been taken. */
  async #isApplied(txId: TransactionId): Promise<boolean> {
    try {
      return (await this.transaction(txId)).level !== 'dropped';
    } catch (error) {
      if (isApiError(error, 'TRANSACTION_UNKNOWN')) return false;
      throw error;
    }
  }

  async #get<S extends rest.Schema>(schema: S, path: string, timeoutMs = this.#timeoutMs): Promise<rest.Shape<S>> {
    return this.#checked(schema, path, await this.#ask(path, { method: 'GET' }, timeoutMs));
  }

  #ask(
    path: string,
    request: { method: 'GET' | 'POST'; body?: Uint8Array },
    timeoutMs = this.#timeoutMs,
  ): Promise<unknown> {
    return this.#requester.ask(path, { ...request, timeoutMs });
  }

  #checked<S extends rest.Schema>(schema: S, path: string, value: unknown): rest.Shape<S> {
    if (hasShape(schema, value)) return value;
    throw malformed(path, 'the answer does not have the shape of the API');
  }

  get #timeoutMs(): number {
    return this.#options.requestTimeoutMs ?? DEFAULT_REQUEST_TIMEOUT_MS;
  }
}

function accountInfo({ commit, address, handle, keyVersion, nextNonce, frozen, balances }: rest.Account): AccountInfo {
  return {
    ...{ commit, address: id<Address>(address), handle, keyVersion, nextNonce: Number(nextNonce), frozen },
    balances: balances.map(({ asset, amount }) => ({ asset, amount: BigInt(amount) })),
  };
}

function queryOf(parameters: Page | HistoryQuery | { readonly round: number }): string {
  const text = Object.entries(parameters).map(([name, value]) => `${name}=${value}`);
  return text.length === 0 ? '' : `?${text.join('&')}`;
}

function malformed(path: string, why: string): Av10ApiError {
  return new Av10ApiError('MALFORMED_ANSWER', `${path}: ${why}`, { path });
}
