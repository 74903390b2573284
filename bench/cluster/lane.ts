import { setTimeout as delay } from 'node:timers/promises';
import { MAX_BODY_BYTES, type SubmittedBatch } from '../../src/types/rest.ts';
import { concatBytes } from '../../src/util/bytes.ts';
import type { Api } from './api.ts';
import { BenchError } from './errors.ts';
import type { Schedule } from './schedule.ts';
import type { Item, TransactionSource } from './sources.ts';

/** Of one sender. A validator takes 64; half of them leaves room for those that are final and not yet known to be. */
export const MAX_OUTSTANDING_OF_SENDER = 32;
const MAX_ITEMS_OF_POST = 128;
const MAX_POSTS = 8;
/** Of one sender in one request: together with those outstanding still within a validator's window of 64 nonces. */
const MAX_TURNS_OF_POST = 8;
/** For a refusal that names no time. */
const RETRY_MS = 100;
/** A validator that takes nothing for so long has failed. */
const MAX_RETRY_MS = 60_000;
const MAX_WAIT_MS = 60_000;

export interface LaneOptions {
  readonly senders: number;
  /** Transactions on their way at a time, those included that are final without anybody having looked. */
  readonly window: number;
  /** Every so many transactions of a sender one is waited for; as nonces are sequential, it answers for those before it. */
  readonly sampleEvery: number;
  /** Due transactions are gathered for so long into one request. */
  readonly gatherMs: number;
}

export interface LaneCounts {
  readonly accepted: number;
  readonly final: number;
  readonly dropped: number;
  readonly retried: number;
}

interface Outgoing extends Item {
  /** When it should have gone out. */
  readonly dueMs: number;
  readonly deadlineMs: number;
}

interface Accepted {
  readonly id: string;
  readonly sender: number;
  readonly nonce: number;
}

/** The load on one validator: takes what the schedule says is due, submits it, and hears when it is final. */
export class Lane {
  readonly #api: Api;
  readonly #source: TransactionSource;
  readonly #options: LaneOptions;
  /** Per sender: how many were accepted, and how many of those are known to be final. */
  readonly accepted: Uint32Array;
  readonly #settled: Uint32Array;
  readonly #sent: Uint32Array;
  /** The last one accepted of each sender. */
  readonly #last: (Accepted | undefined)[];
  #outstanding = 0;
  #posts = 0;
  #waits = 0;
  #dropped = 0;
  #retried = 0;
  #lastCommit = 0;
  #latenciesMs: number[] = [];
  #changed = Promise.withResolvers<void>();
  #failure: unknown;

  constructor(api: Api, source: TransactionSource, options: LaneOptions) {
    this.#api = api;
    this.#source = source;
    this.#options = options;
    this.accepted = new Uint32Array(options.senders);
    this.#settled = new Uint32Array(options.senders);
    this.#sent = new Uint32Array(options.senders);
    this.#last = new Array<Accepted | undefined>(options.senders);
  }

  get window(): number {
    return this.#options.window;
  }

  get counts(): LaneCounts {
    return { accepted: sum(this.accepted), final: sum(this.#settled), dropped: this.#dropped, retried: this.#retried };
  }

  /** The highest commit that a transaction of this lane is known to be in. */
  get lastCommit(): number {
    return this.#lastCommit;
  }

  /** Of the transactions that were waited for, from the time they were due; those since the last call. */
  takeLatencies(): number[] {
    const taken = this.#latenciesMs;
    this.#latenciesMs = [];
    return taken;
  }

  /** Submits until the time is over. Resolves to false if what was prepared ran out first. */
  async run(schedule: Schedule, endMs: number): Promise<boolean> {
    for (let nowMs = performance.now(); nowMs < endMs; nowMs = performance.now()) {
      this.#throwFailure();
      const room = this.#posts < MAX_POSTS ? this.#options.window - this.#outstanding : 0;
      const wanted = Math.min(schedule.due(nowMs), room, MAX_ITEMS_OF_POST, MAX_TURNS_OF_POST * this.#options.senders);
      if (wanted < 1) {
        const idleMs = room < 1 ? endMs - nowMs : Math.max(schedule.nextMs - nowMs, this.#options.gatherMs);
        await this.#change(Math.min(idleMs, endMs - nowMs));
        continue;
      }
      const items = await this.#source.take(wanted);
      if (items.length === 0) return false;
      const outgoing = items.map((item) => {
        return { ...item, dueMs: schedule.take(nowMs), deadlineMs: nowMs + MAX_RETRY_MS };
      });
      for (const item of outgoing) await this.#roomOf(item.sender);
      this.#send(outgoing);
      if (this.#options.gatherMs > 0 && items.length < MAX_ITEMS_OF_POST) await delay(this.#options.gatherMs);
    }
    return true;
  }

  /** Resolves when every transaction that was accepted is final or dropped. */
  async drain(): Promise<void> {
    await this.#until(() => this.#posts === 0);
    for (const [sender, last] of this.#last.entries()) {
      if (last !== undefined && (this.#settled[sender] as number) <= last.nonce) this.#wait(last, undefined);
    }
    await this.#until(() => this.#waits === 0);
  }

  #send(items: readonly Outgoing[]): void {
    for (const { sender } of items) this.#sent[sender] = (this.#sent[sender] as number) + 1;
    this.#outstanding += items.length;
    let bytes = 0;
    let start = 0;
    for (const [i, { framed }] of items.entries()) {
      if (bytes + framed.length > MAX_BODY_BYTES) {
        this.#start(() => this.#submit(items.slice(start, i)));
        [start, bytes] = [i, 0];
      }
      bytes += framed.length;
    }
    this.#start(() => this.#submit(items.slice(start)));
  }

  #start(work: () => Promise<void>): void {
    this.#posts += 1;
    work()
      .catch((error: unknown) => {
        this.#failure ??= error;
      })
      .finally(() => {
        this.#posts -= 1;
        this.#notify();
      });
  }

  /** The same bytes again until each is accepted: a refusal for want of room is part of the load, not a loss. */
  async #submit(items: readonly Outgoing[]): Promise<void> {
    let left = items;
    while (left.length > 0) {
      const { results } = await this.#api.submit(concatBytes(...left.map(({ framed }) => framed)));
      const again: Outgoing[] = [];
      let pauseMs = 0;
      for (const [i, item] of left.entries()) {
        const result = results[i] as SubmittedBatch['results'][number];
        if (result.status !== 'refused') this.#accept(item, result.id as string);
        else {
          pauseMs = Math.max(pauseMs, retryPauseMs(item, result));
          again.push(item);
        }
      }
      this.#retried += again.length;
      if (again.length > 0) await delay(pauseMs);
      left = again;
    }
  }

  #accept({ sender, nonce, dueMs }: Outgoing, id: string): void {
    this.accepted[sender] = (this.accepted[sender] as number) + 1;
    const accepted = { id, sender, nonce };
    if (nonce >= (this.#last[sender]?.nonce ?? 0)) this.#last[sender] = accepted;
    // Staggered, or all senders would be looked at in the same moment.
    if ((nonce + sender) % this.#options.sampleEvery === 0) this.#wait(accepted, dueMs);
  }

  /** With `dueMs` its latency counts. */
  #wait(accepted: Accepted, dueMs: number | undefined): void {
    this.#waits += 1;
    this.#untilFinal(accepted)
      .then((level) => {
        if (level === 'dropped') this.#dropped += 1;
        else if (dueMs !== undefined) this.#latenciesMs.push(performance.now() - dueMs);
      })
      .catch((error: unknown) => {
        this.#failure ??= error;
      })
      .finally(() => {
        this.#waits -= 1;
        this.#notify();
      });
  }

  async #untilFinal({ id, sender, nonce }: Accepted): Promise<string> {
    const endMs = performance.now() + MAX_WAIT_MS;
    for (let leftMs = MAX_WAIT_MS; leftMs > 0; leftMs = endMs - performance.now()) {
      const { level, receipt } = await this.#api.waitFinal(id, leftMs);
      if (level === 'accepted' || level === 'included') continue;
      this.#lastCommit = Math.max(this.#lastCommit, receipt?.commit ?? 0);
      const settled = this.#settled[sender] as number;
      if (nonce >= settled) {
        this.#settled[sender] = nonce + 1;
        this.#outstanding -= nonce + 1 - settled;
      }
      return level;
    }
    const message = `${id} (sender ${sender}, nonce ${nonce}) is not final after ${MAX_WAIT_MS} ms`;
    throw new BenchError('BENCH_STALLED', message, { waitedMs: MAX_WAIT_MS });
  }

  async #roomOf(sender: number): Promise<void> {
    const sent = this.#sent[sender] as number;
    await this.#until(() => sent - (this.#settled[sender] as number) < MAX_OUTSTANDING_OF_SENDER);
  }

  async #until(holds: () => boolean): Promise<void> {
    for (this.#throwFailure(); !holds(); this.#throwFailure()) await this.#change(MAX_WAIT_MS);
  }

  #throwFailure(): void {
    if (this.#failure !== undefined) throw this.#failure;
  }

  #notify(): void {
    this.#changed.resolve();
    this.#changed = Promise.withResolvers();
  }

  /** Resolves when something of this lane has changed, at the latest after that time. */
  async #change(timeoutMs: number): Promise<void> {
    const timer = new AbortController();
    await Promise.race([
      this.#changed.promise,
      delay(timeoutMs, undefined, { signal: timer.signal }).catch(() => undefined),
    ]);
    timer.abort();
  }
}

/** @throws BenchError BENCH_REFUSED when trying again is of no use */
function retryPauseMs({ deadlineMs }: Outgoing, { problem }: SubmittedBatch['results'][number]): number {
  if (problem?.retryable === true && performance.now() < deadlineMs) return problem.retryAfterMs ?? RETRY_MS;
  const refusal = problem?.code ?? 'no problem given';
  throw new BenchError('BENCH_REFUSED', `a validator refused a transaction: ${refusal}: ${problem?.detail}`, {
    refusal,
  });
}

function sum(values: Uint32Array): number {
  let total = 0;
  for (const value of values) total += value;
  return total;
}
