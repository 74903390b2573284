import type { Clock } from '../../src/util/clock.ts';
import type { Timer, Timers } from '../../src/util/timers.ts';

interface Entry {
  readonly atMs: number;
  /** Entries of one instant run in the order they were made. */
  readonly sequence: number;
  readonly callback: () => void;
  cancelled: boolean;
}

/** Monotonic and wall clock with timers that run only when a test says so, in an order that depends on nothing else. */
export class VirtualTime implements Clock, Timers {
  readonly #startWallMs: number;
  #nowMs = 0;
  #sequence = 0;
  /** Binary heap, the earliest entry first. */
  readonly #heap: Entry[] = [];

  constructor(startWallMs = Date.UTC(2026, 0, 1)) {
    this.#startWallMs = startWallMs;
  }

  wallMs(): number {
    return this.#startWallMs + Math.floor(this.#nowMs);
  }

  monotonicMs(): number {
    return this.#nowMs;
  }

  after(delayMs: number, callback: () => void): Timer {
    const entry: Entry = {
      atMs: this.#nowMs + Math.max(0, delayMs),
      sequence: this.#sequence++,
      callback,
      cancelled: false,
    };
    this.#add(entry);
    return {
      cancel: () => {
        entry.cancelled = true;
      },
    };
  }

  /** Runs everything that is due within the next `ms`, and ends there. */
  advance(ms: number): void {
    const untilMs = this.#nowMs + ms;
    while (this.step(untilMs));
    this.#nowMs = untilMs;
  }

  /** Runs until the condition holds; false when it does not within `limitMs` or nothing is left to run. */
  runUntil(condition: () => boolean, limitMs: number): boolean {
    const untilMs = this.#nowMs + limitMs;
    while (!condition()) if (!this.step(untilMs)) return false;
    return true;
  }

  /** Runs the next callback that is due by `untilMs`; false if there is none. */
  step(untilMs: number): boolean {
    for (;;) {
      const next = this.#heap[0];
      if (next === undefined || next.atMs > untilMs) return false;
      this.#removeFirst();
      if (next.cancelled) continue;
      this.#nowMs = next.atMs;
      next.callback();
      return true;
    }
  }

  #add(entry: Entry): void {
    const heap = this.#heap;
    let at = heap.length;
    heap.push(entry);
    while (at > 0) {
      const parent = (at - 1) >> 1;
      if (!precedes(entry, heap[parent] as Entry)) break;
      heap[at] = heap[parent] as Entry;
      at = parent;
    }
    heap[at] = entry;
  }

  #removeFirst(): void {
    const heap = this.#heap;
    const last = heap.pop() as Entry;
    if (heap.length === 0) return;
    let at = 0;
    for (;;) {
      let child = 2 * at + 1;
      if (child >= heap.length) break;
      if (child + 1 < heap.length && precedes(heap[child + 1] as Entry, heap[child] as Entry)) child += 1;
      if (!precedes(heap[child] as Entry, last)) break;
      heap[at] = heap[child] as Entry;
      at = child;
    }
    heap[at] = last;
  }
}

function precedes(a: Entry, b: Entry): boolean {
  return a.atMs < b.atMs || (a.atMs === b.atMs && a.sequence < b.sequence);
}
