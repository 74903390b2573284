/** What the event loop of a process was late by. Its own measure has steps of 10 ms and begins there. */
export interface LoopLag {
  readonly p50Ms: number;
  readonly p99Ms: number;
  readonly maxMs: number;
}

/** Looks at `/metrics` of a process. Each look begins a new histogram of the event loop, so whatever looks goes through here. */
export class MetricsWatch {
  readonly #url: string;
  #worst: LoopLag = { p50Ms: 0, p99Ms: 0, maxMs: 0 };

  /** Begins with this moment. @param metrics the base URL of the server of metrics, without path */
  static async begin(metrics: string): Promise<MetricsWatch> {
    const watch = new MetricsWatch(`${metrics}/metrics`);
    await watch.look();
    watch.#worst = { p50Ms: 0, p99Ms: 0, maxMs: 0 };
    return watch;
  }

  private constructor(url: string) {
    this.#url = url;
  }

  async look(): Promise<string> {
    const text = await (await fetch(this.#url)).text();
    const inMs = (name: string): number => {
      const value = new RegExp(`^nodejs_eventloop_lag_${name}_seconds (\\S+)$`, 'm').exec(text)?.[1];
      if (value === undefined) throw new Error(`${this.#url} shows no event-loop lag ${name}`);
      return Math.round(Number(value) * 1_000);
    };
    this.#worst = {
      p50Ms: Math.max(this.#worst.p50Ms, inMs('p50')),
      p99Ms: Math.max(this.#worst.p99Ms, inMs('p99')),
      maxMs: Math.max(this.#worst.maxMs, inMs('max')),
    };
    return text;
  }

  /** Of the stretches between two looks, the worst of each kind. */
  async end(): Promise<LoopLag> {
    await this.look();
    return this.#worst;
  }
}
