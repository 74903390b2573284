import type { Address, TransactionId, WireKey } from '../types/ids.ts';
import { assert } from '../util/assert.ts';
import { NONCE_WINDOW } from './options.ts';

/** A transaction whose signature was verified. */
export interface PooledTransaction {
  readonly id: TransactionId;
  readonly wireKey: WireKey;
  readonly body: Uint8Array;
  readonly signature: Uint8Array;
  readonly sender: Address;
  readonly nonce: number;
  readonly fee: bigint;
  readonly expiryMs: number;
}

export interface Slot {
  readonly tx: PooledTransaction;
  /** What it takes in a payload. */
  readonly bytes: number;
  /** In an own block that is neither executed nor given back. */
  reserved: boolean;
}

type Nonces = Pick<ReadonlyMap<number, unknown>, 'has'>;

/** The waiting transactions of one sender, one a nonce. Who may go is read off once after each change, by {@link update}. */
export class SenderChain {
  readonly sender: Address;
  /** Bytes this sender may take in its turn; what it left over counts in the next one. */
  credit = 0;
  readonly #slots = new Map<number, Slot>();
  #bytes = 0;
  #ready: readonly Slot[] = [];
  #parked: readonly Slot[] = [];
  #parkedBytes = 0;

  constructor(sender: Address) {
    this.sender = sender;
  }

  get size(): number {
    return this.#slots.size;
  }

  get bytes(): number {
    return this.#bytes;
  }

  /** Those that may go into a block now, in the order of their nonces. */
  get ready(): readonly Slot[] {
    return this.#ready;
  }

  /** Those behind a gap, in the order of their nonces. */
  get parked(): readonly Slot[] {
    return this.#parked;
  }

  get parkedBytes(): number {
    return this.#parkedBytes;
  }

  slots(): Iterable<Slot> {
    return this.#slots.values();
  }

  at(nonce: number): Slot | undefined {
    return this.#slots.get(nonce);
  }

  put(slot: Slot): void {
    assert(!this.#slots.has(slot.tx.nonce), 'one transaction a nonce');
    this.#slots.set(slot.tx.nonce, slot);
    this.#bytes += slot.bytes;
  }

  remove(slot: Slot): void {
    assert(this.#slots.get(slot.tx.nonce) === slot, 'the slot is in this chain');
    this.#slots.delete(slot.tx.nonce);
    this.#bytes -= slot.bytes;
  }

  /** Whether every nonce from `next` up to `nonce` is taken care of: here, or by another author's block. */
  reaches(nonce: number, next: number, included: Nonces): boolean {
    for (let n = next; n < nonce; n++) if (!this.#slots.has(n) && !included.has(n)) return false;
    return true;
  }

  /** Sorts the slots into ready, under way and parked, given the ledger's next nonce. */
  update(next: number, included: Nonces): void {
    const ready: Slot[] = [];
    let end = next;
    for (; end < next + NONCE_WINDOW; end++) {
      const slot = this.#slots.get(end);
      if (slot === undefined && !included.has(end)) break;
      if (slot !== undefined && !slot.reserved && !included.has(end)) ready.push(slot);
    }
    const parked = [...this.#slots.values()].filter((slot) => slot.tx.nonce > end && !slot.reserved);
    this.#ready = ready;
    this.#parked = parked.sort((a, b) => a.tx.nonce - b.tx.nonce);
    this.#parkedBytes = parked.reduce((sum, slot) => sum + slot.bytes, 0);
  }
}
