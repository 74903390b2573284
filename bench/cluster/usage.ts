import { processCpuSeconds, residentBytes, type ThreadGroup, threadCpuSeconds } from './processes.ts';
import type { Validators } from './validators.ts';

/** What the validators and this process have done and used up to a moment. */
export interface Reading {
  readonly validators: readonly ValidatorReading[];
  readonly clientCpuSeconds: number;
}

interface ValidatorReading {
  readonly atMs: number;
  readonly cpuSeconds: number;
  readonly threads: ReadonlyMap<ThreadGroup, number>;
  /** Counters by name. */
  readonly counters: ReadonlyMap<string, number>;
}

export async function read(validators: Validators): Promise<Reading> {
  const readings = validators.apis.map(async (api, index) => {
    const counters = await api.metrics();
    const pid = validators.pids[index] as number;
    return { atMs: performance.now(), cpuSeconds: processCpuSeconds(pid), threads: threadCpuSeconds(pid), counters };
  });
  const { user, system } = process.cpuUsage();
  return { validators: await Promise.all(readings), clientCpuSeconds: (user + system) / 1e6 };
}

/** What happened between two readings. */
export class Interval {
  readonly #from: Reading;
  readonly #to: Reading;

  constructor(from: Reading, to: Reading) {
    this.#from = from;
    this.#to = to;
  }

  get seconds(): number {
    return Math.min(...this.#each((from, to) => (to.atMs - from.atMs) / 1_000));
  }

  /** By the ledger of the validator that has got least far. */
  get transfersPerSecond(): number {
    const rates = this.#each(
      (from, to) => growth(from, to, 'av10_transactions_total') / ((to.atMs - from.atMs) / 1_000),
    );
    return Math.min(...rates);
  }

  /** Of the whole network, as each of the validators executes all of them. */
  get transfers(): number {
    return Math.min(...this.counted('av10_transactions_total'));
  }

  /** Signed transactions, likewise. */
  get transactions(): number {
    return Math.min(...this.counted('av10_signed_transactions_total'));
  }

  get validatorCpuSeconds(): number {
    return sum(this.#each((from, to) => to.cpuSeconds - from.cpuSeconds));
  }

  get clientCpuSeconds(): number {
    return this.#to.clientCpuSeconds - this.#from.clientCpuSeconds;
  }

  /** Of all validators together. */
  get threadCpuSeconds(): ReadonlyMap<ThreadGroup, number> {
    const groups = new Map<ThreadGroup, number>();
    const perValidator = this.#each((from, to) =>
      [...to.threads].map(([group, at]) => [group, at - (from.threads.get(group) ?? 0)] as const),
    );
    for (const [group, seconds] of perValidator.flat()) groups.set(group, (groups.get(group) ?? 0) + seconds);
    return groups;
  }

  /** Growth of a counter at each validator. */
  counted(name: string): number[] {
    return this.#each((from, to) => growth(from, to, name));
  }

  #each<T>(measure: (from: ValidatorReading, to: ValidatorReading) => T): T[] {
    return this.#to.validators.map((to, index) => measure(this.#from.validators[index] as ValidatorReading, to));
  }
}

/** Looks at memory and progress once a second while the load runs. */
export class Observer {
  readonly #validators: Validators;
  readonly #timer: NodeJS.Timeout;
  readonly points: { readonly atMs: number; readonly transfers: number }[] = [];
  rssBytesMax = 0;

  constructor(validators: Validators) {
    this.#validators = validators;
    this.#timer = setInterval(() => void this.#look(), 1_000);
  }

  stop(): void {
    clearInterval(this.#timer);
  }

  async #look(): Promise<void> {
    try {
      for (const pid of this.#validators.pids) this.rssBytesMax = Math.max(this.rssBytesMax, residentBytes(pid));
      const counters = await this.#validators.apis[0]?.metrics();
      this.points.push({ atMs: performance.now(), transfers: counters?.get('av10_transactions_total') ?? 0 });
    } catch {
      // A validator that ended is reported by its own watch; a point less in the chart says nothing more.
    }
  }
}

function growth(from: ValidatorReading, to: ValidatorReading, name: string): number {
  return (to.counters.get(name) ?? 0) - (from.counters.get(name) ?? 0);
}

export function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0);
}
