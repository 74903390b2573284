import { Piscina } from 'piscina';
import { loadAddon } from '../addon/load-addon.ts';
import { MAX_TRANSACTION_BYTES } from '../types/limits.ts';
import type { SignedBody } from '../types/payload.ts';
import { assert } from '../util/assert.ts';
import { BoundedQueue } from '../util/bounded-queue.ts';
import type { Clock } from '../util/clock.ts';
import { errorText } from '../util/errors.ts';
import type { Instruments } from '../util/instruments.ts';
import type { Logger } from '../util/logger.ts';
import { siblingModule } from '../util/sibling-module.ts';
import type { Timer, Timers } from '../util/timers.ts';
import { PipelineError } from './errors.ts';
import { verifyPoolMetrics } from './metrics.ts';
import type { VerifyPoolOptions } from './options.ts';
import { INVALID, isWellFormed, type SignatureVerifier, UNCHECKED, VALID } from './signature-verifier.ts';
import { ITEM_OVERHEAD_BYTES, packTask, type VerifyTask } from './verify-task.ts';

export interface VerifyPoolModules {
  /** Number of the native ledger whose accounts count now; a restored one has another. */
  readonly ledger: () => number;
  readonly clock: Clock;
  readonly timers: Timers;
  readonly logger: Logger;
  readonly instruments: Instruments;
}

/** Handing over a task costs as much as one verification: with 32 it is 3 %. */
const MIN_TASK_ITEMS = 32;
/** 16 to 60 ms of one core: what a late urgent signature waits for. */
const MAX_TASK_ITEMS = 256;
/** 256 small transactions, or 20 of the largest, which take as long. */
const TASK_BYTES = 2 * 1024 * 1024;
/** A task is closed by the item that fills it, which may be of the largest. */
const SLAB_BYTES = TASK_BYTES + 4 + MAX_TRANSACTION_BYTES;
/** One at work and one that waits for it, so that no worker idles while an answer travels. */
const SLABS_PER_WORKER = 2;
/** A worker that has not answered by then is replaced: a task takes 60 ms on a slow machine. */
const TASK_TIMEOUT_MS = 10_000;

/** One call of `verify`. */
interface Request {
  readonly verdicts: Uint8Array;
  readonly resolve: (verdicts: Uint8Array) => void;
  open: number;
}

interface Job {
  readonly item: SignedBody;
  /** In the payload of its task. */
  readonly bytes: number;
  readonly request: Request;
  readonly index: number;
}

/**
 * Verifies on worker threads. Signatures of all callers are gathered into tasks of 32 to 256, by size or after `gatherMs`. A worker that dies leaves its
 * items UNCHECKED and is replaced; nobody waits for ever.
 */
export class VerifyPool implements SignatureVerifier {
  readonly #options: VerifyPoolOptions;
  readonly #modules: VerifyPoolModules;
  readonly #metrics: ReturnType<typeof verifyPoolMetrics>;
  readonly #workers: Piscina<VerifyTask | undefined, Uint8Array>;
  readonly #queue: BoundedQueue<Job>;
  readonly #slabs: SharedArrayBuffer[];
  #gathering: Timer | undefined;
  /** What is queued has waited long enough. */
  #due = false;
  #stopped = false;
  #keyLookups = { hits: 0, misses: 0 };

  /** @throws ADDON_MISSING, VERIFY_WORKERS_FAILED */
  static async start(options: VerifyPoolOptions, modules: VerifyPoolModules): Promise<VerifyPool> {
    loadAddon();
    const pool = new VerifyPool(options, modules);
    try {
      await pool.#workers.run(undefined, { name: 'ready' });
    } catch (error) {
      await pool.stop();
      throw new PipelineError('VERIFY_WORKERS_FAILED', errorText(error), {}, { cause: error });
    }
    return pool;
  }

  private constructor(options: VerifyPoolOptions, modules: VerifyPoolModules) {
    assert(options.workers > 0, 'at least one worker');
    this.#options = options;
    this.#modules = modules;
    this.#metrics = verifyPoolMetrics(modules.instruments);
    this.#queue = new BoundedQueue({ maxItems: options.maxQueuedItems, maxBytes: options.maxQueuedBytes });
    const slabs = options.workers * SLABS_PER_WORKER;
    this.#slabs = Array.from({ length: slabs }, () => new SharedArrayBuffer(SLAB_BYTES));
    this.#workers = new Piscina({
      filename: siblingModule('./verify-worker', import.meta.url).href,
      name: 'verifyTask',
      minThreads: options.workers,
      maxThreads: options.workers,
      maxQueue: slabs,
      atomics: 'disabled',
    });
    // An idle worker died: nothing is lost and piscina has replaced it.
    this.#workers.on('error', (error) => this.#noteFailure(error));
  }

  /** Share of the workers that have a task: 0 to 1. */
  get load(): number {
    const tasks = this.#options.workers * SLABS_PER_WORKER - this.#slabs.length;
    return Math.min(1, tasks / this.#options.workers);
  }

  verify(items: readonly SignedBody[]): Promise<Uint8Array> {
    if (items.length === 0) return Promise.resolve(new Uint8Array(0));
    const { promise, resolve } = Promise.withResolvers<Uint8Array>();
    const request: Request = { verdicts: new Uint8Array(items.length), resolve, open: items.length };
    for (const [index, item] of items.entries()) {
      this.#accept({ item, bytes: ITEM_OVERHEAD_BYTES + item.body.length, request, index });
    }
    this.#pump();
    return promise;
  }

  /** Answers everything that waits as UNCHECKED and ends the workers. */
  async stop(): Promise<void> {
    this.#stopped = true;
    this.#gathering?.cancel();
    for (let job = this.#queue.shift(); job !== undefined; job = this.#queue.shift()) this.#settle(job, UNCHECKED);
    await this.#workers.destroy();
  }

  #accept(job: Job): void {
    if (!isWellFormed(job.item)) this.#settle(job, INVALID);
    else if (this.#stopped || !this.#queue.push(job, job.bytes)) this.#settle(job, UNCHECKED);
  }

  /** Hands over what fills a task or has waited long enough, as long as there are slabs. */
  #pump(): void {
    while (this.#queue.size > 0 && (this.#due || this.#fillsTask())) {
      const slab = this.#slabs.pop();
      if (slab === undefined) break;
      void this.#run(slab, this.#nextTask());
    }
    this.#metrics.queuedItems.set(this.#queue.size);
    this.#metrics.queuedBytes.set(this.#queue.bytes);
    if (this.#queue.size === 0) this.#due = false;
    else if (!this.#due) this.#gathering ??= this.#modules.timers.after(this.#options.gatherMs, () => this.#gathered());
  }

  #gathered(): void {
    this.#gathering = undefined;
    this.#due = true;
    this.#pump();
  }

  #fillsTask(): boolean {
    return this.#queue.size >= MAX_TASK_ITEMS || this.#queue.bytes >= TASK_BYTES;
  }

  /** An equal share for each worker, within the limits of a task. */
  #nextTask(): Job[] {
    const share = Math.ceil(this.#queue.size / this.#options.workers);
    const count = Math.min(Math.max(share, MIN_TASK_ITEMS), MAX_TASK_ITEMS);
    const jobs: Job[] = [];
    let bytes = 0;
    while (jobs.length < count && bytes < TASK_BYTES) {
      const job = this.#queue.shift();
      if (job === undefined) break;
      jobs.push(job);
      bytes += job.bytes;
    }
    return jobs;
  }

  async #run(slab: SharedArrayBuffer, jobs: readonly Job[]): Promise<void> {
    const { clock, timers, ledger } = this.#modules;
    const startedMs = clock.monotonicMs();
    const overdue = new AbortController();
    const timeout = timers.after(TASK_TIMEOUT_MS, () => overdue.abort());
    let verdicts: Uint8Array | undefined;
    try {
      const task = packTask(
        ledger(),
        slab,
        jobs.map((job) => job.item),
      );
      verdicts = await this.#workers.run(task, { signal: overdue.signal });
      this.#metrics.taskSeconds.observe((clock.monotonicMs() - startedMs) / 1_000);
      this.#countKeyLookups();
      this.#slabs.push(slab);
    } catch (error) {
      if (!this.#stopped) this.#noteFailure(error);
      // The thread that dies may still read the slab.
      this.#slabs.push(new SharedArrayBuffer(SLAB_BYTES));
    }
    timeout.cancel();
    for (const [index, job] of jobs.entries()) this.#settle(job, verdicts?.[index] ?? UNCHECKED);
    this.#pump();
  }

  #settle({ request, index }: Job, verdict: number): void {
    this.#metrics.verdicts.add(1, { verdict: verdictLabel(verdict) });
    request.verdicts[index] = verdict;
    request.open -= 1;
    if (request.open === 0) request.resolve(request.verdicts);
  }

  /** Native code counts for the whole process, execution included. */
  #countKeyLookups(): void {
    const { hits, misses } = loadAddon().mlDsaKeyLookups();
    this.#metrics.keyLookups.add(hits - this.#keyLookups.hits, { result: 'hit' });
    this.#metrics.keyLookups.add(misses - this.#keyLookups.misses, { result: 'miss' });
    this.#keyLookups = { hits, misses };
  }

  #noteFailure(error: unknown): void {
    this.#metrics.failures.add(1);
    this.#modules.logger.warn('a verify task failed; its transactions may be submitted again', {
      error: errorText(error),
    });
  }
}

function verdictLabel(verdict: number): string {
  return verdict === VALID ? 'VALID' : verdict === INVALID ? 'INVALID' : 'UNCHECKED';
}

/** Sources run as they are, builds as JavaScript; nobody rewrites the name of a worker's file. */
