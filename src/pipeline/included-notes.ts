import type { Address, TransactionId } from '../types/ids.ts';
import { assert } from '../util/assert.ts';

type Notes = Map<number, readonly TransactionId[]>;

const NO_NOTES: ReadonlyMap<number, readonly TransactionId[]> = new Map();

/**
 * Remembers which (sender, nonce) other authors' admitted blocks hold, verified good and not yet executed. Bounded: the sender noted longest ago
 * goes first, and what is forgotten may at worst be included twice, of which execution drops one.
 */
export class IncludedNotes {
  readonly #limit: number;
  readonly #bySender = new Map<Address, Notes>();
  #count = 0;

  constructor(limit: number) {
    assert(limit > 0, 'a limit of notes must be positive');
    this.#limit = limit;
  }

  get count(): number {
    return this.#count;
  }

  /** The noted nonces of a sender. */
  of(sender: Address): ReadonlyMap<number, readonly TransactionId[]> {
    return this.#bySender.get(sender) ?? NO_NOTES;
  }

  add(sender: Address, nonce: number, id: TransactionId): void {
    const notes: Notes = this.#bySender.get(sender) ?? new Map();
    const ids = notes.get(nonce) ?? [];
    if (ids.includes(id)) return;
    notes.set(nonce, [...ids, id]);
    this.#count += 1;
    this.#bySender.delete(sender);
    this.#bySender.set(sender, notes);
    while (this.#count > this.#limit) this.#forgetOldest();
  }

  remove(sender: Address, nonce: number, id: TransactionId): void {
    const notes = this.#bySender.get(sender);
    const ids = notes?.get(nonce);
    if (notes === undefined || !ids?.includes(id)) return;
    this.#count -= 1;
    if (ids.length > 1)
      notes.set(
        nonce,
        ids.filter((other) => other !== id),
      );
    else notes.delete(nonce);
    if (notes.size === 0) this.#bySender.delete(sender);
  }

  /** The nonce is consumed: no note about it matters any more. */
  removeAll(sender: Address, nonce: number): void {
    for (const id of this.of(sender).get(nonce) ?? []) this.remove(sender, nonce, id);
  }

  #forgetOldest(): void {
    for (const [sender, notes] of this.#bySender) {
      for (const ids of notes.values()) this.#count -= ids.length;
      this.#bySender.delete(sender);
      return;
    }
  }
}
