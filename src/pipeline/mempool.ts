import type { Address, TransactionId, WireKey } from '../types/ids.ts';
import { MAX_TRANSACTION_BYTES, SIGNATURE_BYTES } from '../types/limits.ts';
import { type AppliedCode, type DroppedCode, isRetryable } from '../types/receipt-code.ts';
import { assert } from '../util/assert.ts';
import type { Instruments } from '../util/instruments.ts';
import type { AccountView } from './account-view.ts';
import { nonceObjection } from './admission-rules.ts';
import { AdmissionError } from './errors.ts';
import { IncludedNotes } from './included-notes.ts';
import { type LeftReason, mempoolMetrics } from './metrics.ts';
import type { MempoolOptions } from './options.ts';
import { Rotation } from './rotation.ts';
import { type PooledTransaction, SenderChain, type Slot } from './sender-chain.ts';

export type AddOutcome =
  /** `displaced` had to go: the one it replaces, or some that waited behind a gap. */
  | { readonly kind: 'accepted'; readonly displaced: readonly TransactionId[] }
  | { readonly kind: 'known' }
  | { readonly kind: 'refused'; readonly error: AdmissionError };

/** What execution did with one transaction of a block. `own`: the block is this node's. */
export type ExecutedTransaction = {
  readonly id: TransactionId;
  readonly sender: Address;
  readonly nonce: number;
  readonly own: boolean;
} & (
  | { readonly outcome: 'applied'; readonly code: AppliedCode }
  | { readonly outcome: 'dropped'; readonly code: DroppedCode }
);

export interface MempoolStats {
  readonly transactions: number;
  readonly bytes: number;
  readonly senders: number;
  readonly readySenders: number;
  readonly includedNotes: number;
}

/** A sender's turn in a block: three small transactions; a batch of 8,192 transfers saves up for seven turns. */
const TURN_BYTES = 16 * 1024;
/** Enough for the largest transaction; turns that end early cannot be saved up beyond it. */
const MAX_CREDIT_BYTES = MAX_TRANSACTION_BYTES + TURN_BYTES;
/** Senders whose transaction did not fit the rest of a block, before the block counts as full. */
const MAX_MISFITS = 16;
/** Version to payload of the smallest body (docs/spec/transaction.md); less room than this ends a block. */
const MIN_BODY_BYTES = 64;

/**
 * Verified transactions on their way into this node's blocks: docs/spec/mempool.md. Nothing leaves because it was merely seen in somebody's
 * block; it leaves when its nonce is consumed, it expires, is replaced or evicted, or an own block had it dropped for good.
 */
export class Mempool {
  readonly #options: MempoolOptions;
  readonly #accounts: AccountView;
  readonly #metrics: ReturnType<typeof mempoolMetrics>;
  readonly #chains = new Map<Address, SenderChain>();
  readonly #slots = new Map<TransactionId, Slot>();
  readonly #notes: IncludedNotes;
  /** Exactly the chains with something ready. */
  readonly #rotation = new Rotation<SenderChain>();
  /** Exactly the chains with something behind a gap. */
  readonly #parked = new Set<SenderChain>();
  /** By sender and nonce, those that left because the ledger had moved on, until the execution that moved it is reported: a commit of them. */
  readonly #surpassed = new Map<string, TransactionId>();
  #bytes = 0;
  #parkedBytes = 0;
  /** None of them expires before: after each commit nothing is looked at until then. */
  #firstExpiryMs = Number.POSITIVE_INFINITY;

  constructor(options: MempoolOptions, accounts: AccountView, instruments: Instruments) {
    this.#options = options;
    this.#accounts = accounts;
    this.#metrics = mempoolMetrics(instruments);
    this.#notes = new IncludedNotes(options.maxIncludedNotes);
  }

  /** Whether a block taken now would hold a transaction: only these wake an idle network. */
  get hasEligible(): boolean {
    return this.#rotation.size > 0;
  }

  get stats(): MempoolStats {
    return {
      transactions: this.#slots.size,
      bytes: this.#bytes,
      senders: this.#chains.size,
      readySenders: this.#rotation.size,
      includedNotes: this.#notes.count,
    };
  }

  /** Whether exactly these bytes are here; by wire key, since nothing is known of a signature that was not verified. */
  holds(id: TransactionId, wireKey: WireKey): boolean {
    return this.#slots.get(id)?.tx.wireKey === wireKey;
  }

  /** `tx` was verified. The ledger is asked again, for it may have moved while the signature was checked. */
  add(tx: PooledTransaction): AddOutcome {
    if (this.#slots.has(tx.id)) return { kind: 'known' };
    const next = this.#accounts.sender(tx.sender)?.nextNonce;
    const slot: Slot = { tx, bytes: payloadBytes(tx), reserved: false };
    const chain = this.#chains.get(tx.sender) ?? new SenderChain(tx.sender);
    const error = this.#objection(chain, slot, next);
    if (error !== undefined) return { kind: 'refused', error };
    const holder = chain.at(tx.nonce);
    const displaced = holder === undefined ? this.#makeRoom(slot.bytes) : [holder.tx.id];
    if (holder !== undefined) this.#remove(holder, 'REPLACED');
    this.#chains.set(tx.sender, chain);
    chain.put(slot);
    this.#slots.set(tx.id, slot);
    this.#bytes += slot.bytes;
    this.#firstExpiryMs = Math.min(this.#firstExpiryMs, tx.expiryMs);
    this.#update(chain, next);
    this.#report();
    return { kind: 'accepted', displaced };
  }

  /**
   * Reserves transactions for an own block, in the order of inclusion: senders take turns of equal bytes. `maxBytes` bounds the encoded payload.
   * They stay reserved until `executed` or `giveBack` names them.
   */
  take(limits: { readonly maxBytes: number; readonly maxTransactions: number }): PooledTransaction[] {
    const taken: PooledTransaction[] = [];
    const misfits: SenderChain[] = [];
    let room = limits.maxBytes;
    while (
      taken.length < limits.maxTransactions &&
      room >= 4 + MIN_BODY_BYTES + SIGNATURE_BYTES &&
      misfits.length < MAX_MISFITS
    ) {
      const chain = this.#rotation.shift();
      if (chain === undefined) break;
      // The ledger may have executed more than was reported here.
      const next = this.#update(chain);
      this.#rotation.delete(chain);
      chain.credit = Math.min(chain.credit + TURN_BYTES, MAX_CREDIT_BYTES);
      for (const slot of chain.ready) {
        if (slot.bytes > chain.credit) break;
        if (slot.bytes > room || taken.length === limits.maxTransactions) {
          misfits.push(chain);
          break;
        }
        slot.reserved = true;
        taken.push(slot.tx);
        room -= slot.bytes;
        chain.credit -= slot.bytes;
      }
      if (misfits.at(-1) !== chain) this.#update(chain, next);
    }
    for (const chain of misfits) {
      this.#update(chain);
      if (chain.ready.length > 0) this.#rotation.addFirst(chain);
    }
    this.#report();
    return taken;
  }

  /** The block was not made, or was garbage-collected unexecuted: its transactions go again, before later ones of their senders. */
  giveBack(ids: readonly TransactionId[]): void {
    const chains = new Set<SenderChain>();
    for (const id of ids) {
      const slot = this.#slots.get(id);
      if (slot?.reserved !== true) continue;
      slot.reserved = false;
      chains.add(this.#chainOf(slot));
    }
    for (const chain of chains) {
      this.#update(chain);
      if (chain.ready.length > 0) this.#rotation.addFirst(chain);
    }
    this.#report();
  }

  /** Another author's admitted block holds this transaction and its signature is good: not to be included a second time before that block is executed. */
  noteIncluded(sender: Address, nonce: number, id: TransactionId): void {
    this.#notes.add(sender, nonce, id);
    this.#updateSender(sender);
    this.#report();
  }

  /** That block was garbage-collected unexecuted. */
  noteCollected(sender: Address, nonce: number, id: TransactionId): void {
    this.#notes.remove(sender, nonce, id);
    this.#updateSender(sender);
    this.#report();
  }

  /** Called after each commit, before the ledger executes the next one. Returns those that left because another transaction consumed their nonce: they are surely dead. */
  executed(results: readonly ExecutedTransaction[]): readonly TransactionId[] {
    const superseded: TransactionId[] = [];
    for (const result of results) {
      if (result.outcome === 'applied') superseded.push(...this.#consume(result));
      else this.#drop(result);
    }
    // The ledger is no further than these results: what is left here has no part in them.
    this.#surpassed.clear();
    for (const sender of new Set(results.map((result) => result.sender))) this.#updateSender(sender);
    this.#report();
    return superseded;
  }

  /**
   * Removes those that can no longer be applied and returns them. What is in a block under way is left to its execution, which may
   * happen at an earlier commit time.
   */
  expire(nowMs: number): readonly TransactionId[] {
    if (this.#firstExpiryMs >= nowMs) return [];
    this.#firstExpiryMs = Number.POSITIVE_INFINITY;
    const expired: TransactionId[] = [];
    for (const chain of [...this.#chains.values()]) {
      const noted = this.#notes.of(chain.sender);
      const gone = [...chain.slots()].filter(({ tx, reserved }) => {
        const isDead = !reserved && tx.expiryMs < nowMs && !noted.has(tx.nonce);
        if (!isDead) this.#firstExpiryMs = Math.min(this.#firstExpiryMs, tx.expiryMs);
        return isDead;
      });
      for (const slot of gone) this.#remove(slot, 'EXPIRED');
      expired.push(...gone.map(({ tx }) => tx.id));
      if (gone.length > 0) this.#update(chain);
    }
    this.#report();
    return expired;
  }

  #objection(chain: SenderChain, slot: Slot, next: number | undefined): AdmissionError | undefined {
    const { sender, nonce, fee } = slot.tx;
    if (next === undefined) return new AdmissionError('UNKNOWN_SENDER', 'no such account', { sender });
    const nonceError = nonceObjection(nonce, next);
    if (nonceError !== undefined) return nonceError;
    const holder = chain.at(nonce);
    if (holder !== undefined) {
      const minimumFee = replacementFee(holder.tx.fee);
      if (holder.reserved || fee < minimumFee) {
        const message = holder.reserved
          ? 'the transaction of this nonce is in a block under way'
          : `a replacement pays at least ${minimumFee}`;
        return new AdmissionError('SLOT_TAKEN', message, { nonce, heldBy: holder.tx.id, minimumFee });
      }
    }
    const added = slot.bytes - (holder?.bytes ?? 0);
    const { maxSenderBytes, maxBytes } = this.#options;
    if (chain.bytes + added > maxSenderBytes) {
      return new AdmissionError('SENDER_LIMIT', `a sender has at most ${maxSenderBytes} bytes in the mempool`, {
        bytes: chain.bytes,
        limit: maxSenderBytes,
      });
    }
    const yielding = holder === undefined && chain.reaches(nonce, next, this.#notes.of(sender)) ? this.#parkedBytes : 0;
    if (this.#bytes - yielding + added > maxBytes) {
      return new AdmissionError('MEMPOOL_FULL', 'the mempool is full', { bytes: this.#bytes, limit: maxBytes });
    }
    return undefined;
  }

  /** What waits behind a gap yields to what can be executed: else a stranger's gaps could hold the memory until they expire. */
  #makeRoom(bytes: number): TransactionId[] {
    const evicted: TransactionId[] = [];
    while (this.#bytes + bytes > this.#options.maxBytes) {
      const [chain] = this.#parked;
      const slot = chain?.parked.at(-1);
      assert(chain !== undefined && slot !== undefined, 'parked transactions make room');
      this.#remove(slot, 'EVICTED');
      evicted.push(slot.tx.id);
      this.#update(chain);
    }
    return evicted;
  }

  #consume({ id, sender, nonce }: ExecutedTransaction): TransactionId[] {
    this.#notes.removeAll(sender, nonce);
    const slot = this.#chains.get(sender)?.at(nonce);
    const key = surpassedKey(sender, nonce);
    const holder = slot?.tx.id ?? this.#surpassed.get(key);
    this.#surpassed.delete(key);
    if (slot !== undefined) this.#remove(slot, holder === id ? 'APPLIED' : 'NONCE_USED');
    return holder === undefined || holder === id ? [] : [holder];
  }

  #drop(result: ExecutedTransaction & { readonly outcome: 'dropped' }): void {
    this.#notes.remove(result.sender, result.nonce, result.id);
    // A copy in another author's block may carry a bad signature, or have come too early: it says nothing of the one held here.
    const slot = result.own ? this.#slots.get(result.id) : undefined;
    if (slot === undefined) return;
    if (goesAgain(result.code)) slot.reserved = false;
    else this.#remove(slot, 'DROPPED');
  }

  #remove(slot: Slot, reason: LeftReason): void {
    this.#chainOf(slot).remove(slot);
    this.#slots.delete(slot.tx.id);
    this.#bytes -= slot.bytes;
    this.#metrics.left.add(1, { reason });
  }

  #chainOf(slot: Slot): SenderChain {
    const chain = this.#chains.get(slot.tx.sender);
    assert(chain !== undefined, 'every slot is in a chain');
    return chain;
  }

  #updateSender(sender: Address): void {
    const chain = this.#chains.get(sender);
    if (chain !== undefined) this.#update(chain);
  }

  /** Brings everything that is derived from a chain up to date; the only place that knows what is derived. @returns the next nonce */
  #update(chain: SenderChain, next = this.#accounts.sender(chain.sender)?.nextNonce ?? 0): number {
    for (const slot of [...chain.slots()]) {
      if (slot.tx.nonce >= next) continue;
      this.#remove(slot, 'NONCE_USED');
      this.#surpassed.set(surpassedKey(slot.tx.sender, slot.tx.nonce), slot.tx.id);
    }
    this.#parkedBytes -= chain.parkedBytes;
    chain.update(next, this.#notes.of(chain.sender));
    this.#parkedBytes += chain.parkedBytes;
    if (chain.parked.length > 0) this.#parked.add(chain);
    else this.#parked.delete(chain);
    if (chain.ready.length > 0) this.#rotation.add(chain);
    else this.#rotation.delete(chain);
    if (chain.ready.length === 0) chain.credit = 0;
    if (chain.size === 0) this.#chains.delete(chain.sender);
    return next;
  }

  #report(): void {
    this.#metrics.transactions.set(this.#slots.size);
    this.#metrics.bytes.set(this.#bytes);
    this.#metrics.readySenders.set(this.#rotation.size);
    this.#metrics.notes.set(this.#notes.count);
  }
}

function surpassedKey(sender: Address, nonce: number): string {
  return `${sender}/${nonce}`;
}

/** The length prefix, the body and the signature: docs/spec/block.md. */
function payloadBytes(tx: PooledTransaction): number {
  return 4 + tx.body.length + tx.signature.length;
}

/** At least twice, and always more: a free transaction is not replaced by a free one for ever. */
function replacementFee(fee: bigint): bigint {
  return fee === 0n ? 1n : 2n * fee;
}

/** Without funds or frozen it would be dropped in block after block; its owner is told and may submit it again. */
function goesAgain(code: DroppedCode): boolean {
  return isRetryable(code) && code !== 'FEE' && code !== 'FROZEN';
}
