import type { BlockRef } from '../types/block.ts';
import type { CheckpointIndex, CommitIndex, TransactionId } from '../types/ids.ts';
import type { Receipt } from '../types/receipt.ts';
import { type DroppedCode, isRetryable } from '../types/receipt-code.ts';
import type { Timer, Timers } from '../util/timers.ts';
import type { FinalityLevel, TransactionStatus } from './service.ts';

/** Transactions whose progress is remembered; older ones are found through their receipts. */
const MAX_TRACKED = 200_000;
/** Clients that wait at the same time; the next one gets the status as it is. */
const MAX_WAITERS = 20_000;

const ORDER: Readonly<Record<FinalityLevel, number>> = { accepted: 0, included: 1, dropped: 1, final: 2, certified: 3 };

interface Tracked {
  status: TransactionStatus;
  acceptedMs: number | undefined;
  /** Executed, and not final yet: nothing may call it dropped any more. */
  isApplied?: boolean;
}

interface Waiter {
  readonly level: FinalityLevel;
  readonly timer: Timer;
  readonly resolve: (status: TransactionStatus | undefined) => void;
}

/** How far the newest transactions are on this node, and who waits to hear of it. */
export class TransactionTracker {
  readonly #timers: Timers;
  readonly #changed: (status: TransactionStatus, latencyMs: number | undefined) => void;
  readonly #tracked = new Map<TransactionId, Tracked>();
  readonly #waiters = new Map<TransactionId, Set<Waiter>>();
  /** Final and not yet certified, by commit. */
  readonly #uncertified = new Map<CommitIndex, TransactionId[]>();
  #waiting = 0;

  /** `changed` hears of every new status; `latencyMs` is given when a transaction that was submitted here becomes final. */
  constructor(
    modules: { readonly timers: Timers },
    changed: (status: TransactionStatus, latencyMs: number | undefined) => void,
  ) {
    this.#timers = modules.timers;
    this.#changed = changed;
  }

  get(id: TransactionId): TransactionStatus | undefined {
    return this.#tracked.get(id)?.status;
  }

  accepted(id: TransactionId, nowMs: number): void {
    const known = this.#tracked.get(id);
    if (known !== undefined && known.status.level !== 'dropped') known.acceptedMs ??= nowMs;
    else this.#set({ id, level: 'accepted' }, nowMs);
  }

  /** Only what this node knows already: transactions that others submitted elsewhere become visible when they are final. */
  included(id: TransactionId, block: BlockRef): void {
    const known = this.#tracked.get(id);
    if (known === undefined || ORDER[known.status.level] >= ORDER.final) return;
    this.#set({ id, level: 'included', block }, known.acceptedMs);
  }

  /** The own block that held it was collected: back to waiting in the mempool. */
  requeued(id: TransactionId): void {
    const known = this.#tracked.get(id);
    if (known?.status.level === 'included') this.#set({ id, level: 'accepted' }, known.acceptedMs);
  }

  /** Its commit was executed; `final` follows when that may be spoken of. Until then further copies of it may be dropped as duplicates. */
  applied(id: TransactionId): void {
    const known = this.#tracked.get(id);
    if (known !== undefined) known.isApplied = true;
  }

  dropped(id: TransactionId, code: DroppedCode): void {
    const known = this.#tracked.get(id);
    if (known === undefined || known.isApplied || ORDER[known.status.level] >= ORDER.final) return;
    this.#set({ id, level: 'dropped', dropped: { code, retryable: isRetryable(code) } }, known.acceptedMs);
  }

  final(receipt: Receipt, nowMs: number): void {
    const { id, commit } = receipt;
    const known = this.#tracked.get(id);
    const waiting = this.#uncertified.get(commit);
    if (waiting === undefined) this.#uncertified.set(commit, [id]);
    else waiting.push(id);
    const block = known?.status.block;
    const status = { id, level: 'final', receipt } as const;
    const latencyMs = known?.acceptedMs === undefined ? undefined : nowMs - known.acceptedMs;
    this.#set(block === undefined ? status : { ...status, block }, known?.acceptedMs, latencyMs);
  }

  certified(through: CommitIndex, checkpoint: CheckpointIndex): void {
    for (const [commit, ids] of this.#uncertified) {
      if (commit > through) return;
      this.#uncertified.delete(commit);
      for (const id of ids) {
        const known = this.#tracked.get(id);
        if (known?.status.level === 'final')
          this.#set({ ...known.status, level: 'certified', checkpoint }, known.acceptedMs);
      }
    }
  }

  /** Resolves at the level, at `dropped`, or when the time is over. */
  waitFor(id: TransactionId, level: FinalityLevel, timeoutMs: number): Promise<TransactionStatus | undefined> {
    const status = this.get(id);
    if ((status !== undefined && reached(status, level)) || timeoutMs <= 0 || this.#waiting >= MAX_WAITERS)
      return Promise.resolve(status);
    return new Promise((resolve) => {
      const timer = this.#timers.after(timeoutMs, () => this.#leave(id, waiter));
      const waiter: Waiter = { level, timer, resolve };
      const waiters = this.#waiters.get(id) ?? new Set();
      this.#waiters.set(id, waiters.add(waiter));
      this.#waiting += 1;
    });
  }

  stop(): void {
    for (const [id, waiters] of this.#waiters) for (const waiter of waiters) this.#leave(id, waiter);
  }

  #set(status: TransactionStatus, acceptedMs: number | undefined, latencyMs?: number): void {
    const isApplied = this.#tracked.get(status.id)?.isApplied ?? false;
    this.#tracked.delete(status.id);
    this.#tracked.set(status.id, { status, acceptedMs, isApplied });
    if (this.#tracked.size > MAX_TRACKED) {
      const [oldest] = this.#tracked.keys();
      if (oldest !== undefined) this.#tracked.delete(oldest);
    }
    this.#changed(status, latencyMs);
    for (const waiter of this.#waiters.get(status.id) ?? []) {
      if (reached(status, waiter.level)) this.#leave(status.id, waiter);
    }
  }

  #leave(id: TransactionId, waiter: Waiter): void {
    const waiters = this.#waiters.get(id);
    if (!waiters?.delete(waiter)) return;
    if (waiters.size === 0) this.#waiters.delete(id);
    this.#waiting -= 1;
    waiter.timer.cancel();
    waiter.resolve(this.get(id));
  }
}

function reached(status: TransactionStatus, level: FinalityLevel): boolean {
  return status.level === 'dropped' || ORDER[status.level] >= ORDER[level];
}
