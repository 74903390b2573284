import type { Health, Readiness, ReadinessFlag } from './service.ts';

const RATE_WINDOW_MS = 10_000;
const LATENCY_SAMPLES = 100;
/** A node that should commit and has not for this long is unhealthy. */
export const STALL_MS = 10_000;
/** A disk that has been at one write for this long keeps the node from signing, although it has not refused. */
export const DISK_STALL_MS = 2_000;

/** Measures what `/health` answers: rates over the last ten seconds, latency over the last hundred transactions submitted here. */
export class HealthMonitor {
  readonly #startMs: number;
  /** Transfers by second, newest last. */
  readonly #transfers: { readonly second: number; count: number }[] = [];
  readonly #latenciesMs: number[] = [];
  #lastCommitMs: number;

  constructor(nowMs: number) {
    this.#startMs = nowMs;
    this.#lastCommitMs = nowMs;
  }

  committed(transfers: number, nowMs: number): void {
    this.#lastCommitMs = nowMs;
    const second = Math.floor(nowMs / 1_000);
    const last = this.#transfers.at(-1);
    if (last?.second === second) last.count += transfers;
    else this.#transfers.push({ second, count: transfers });
    const oldest = second - RATE_WINDOW_MS / 1_000;
    while ((this.#transfers[0]?.second ?? second) < oldest) this.#transfers.shift();
  }

  latency(ms: number): void {
    this.#latenciesMs.push(ms);
    if (this.#latenciesMs.length > LATENCY_SAMPLES) this.#latenciesMs.shift();
  }

  sinceCommitMs(nowMs: number): number {
    return nowMs - this.#lastCommitMs;
  }

  health(
    nowMs: number,
    facts: { readonly readiness: Readiness; readonly quantumLevel: number; readonly validators: number },
  ): Health {
    const { readiness, quantumLevel, validators } = facts;
    const healthy =
      readiness.alive.ok && readiness.synced.ok && readiness.quorumProgressing.ok && readiness.ableToSign.ok;
    return {
      status: healthy ? 'healthy' : 'unhealthy',
      tps: this.#rate(nowMs),
      latency: this.#medianLatencyMs(),
      quantum_level: quantumLevel,
      validators,
      uptime: Math.floor((nowMs - this.#startMs) / 1_000),
    };
  }

  #rate(nowMs: number): number {
    const from = nowMs / 1_000 - RATE_WINDOW_MS / 1_000;
    const count = this.#transfers.reduce((sum, entry) => (entry.second >= from ? sum + entry.count : sum), 0);
    return Math.round(count / (RATE_WINDOW_MS / 1_000));
  }

  #medianLatencyMs(): number {
    if (this.#latenciesMs.length === 0) return 0;
    const sorted = [...this.#latenciesMs].sort((a, b) => a - b);
    return Math.round(sorted[Math.floor(sorted.length / 2)] as number);
  }
}

export const READY: ReadinessFlag = { ok: true };

export function notReady(code: string, reason: string): ReadinessFlag {
  return { ok: false, code, reason };
}
