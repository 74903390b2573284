import { nodeSend } from '../../src/client/node-send.ts';
import type { Account, Checkpoint, Status, SubmittedBatch, Transaction } from '../../src/types/rest.ts';
import { BenchError } from './errors.ts';
import { parseExposition } from './exposition.ts';

/** Held connections: one for each transaction that is waited for. */
const MAX_SOCKETS = 2_048;
const ANSWER_MS = 65_000;
const HELD_MS = 30_000;

export interface Endpoints {
  readonly name: string;
  readonly api: string;
  readonly metrics: string;
}

/** The routes of one validator that the benchmark uses. Answers are taken as they come: checking their shape would be paid by the measured cores. */
export class Api {
  readonly name: string;
  readonly #endpoints: Endpoints;
  /** Apart, so that a submission never queues behind those that wait. */
  readonly #submitting = nodeSend();
  readonly #asking = nodeSend(MAX_SOCKETS);

  constructor(endpoints: Endpoints) {
    this.name = endpoints.name;
    this.#endpoints = endpoints;
  }

  /** Framed transactions; a result for each, in their order. */
  async submit(body: Uint8Array): Promise<SubmittedBatch> {
    const path = '/v1/transactions/batch';
    const answer = await this.#submitting({
      method: 'POST',
      url: this.#endpoints.api + path,
      body,
      timeoutMs: ANSWER_MS,
    });
    return decode(path, answer) as SubmittedBatch;
  }

  waitFinal(id: string, timeoutMs: number): Promise<Transaction> {
    const heldMs = Math.max(1, Math.floor(Math.min(timeoutMs, HELD_MS)));
    return this.#get(`/v1/transactions/${id}?wait=final&timeoutMs=${heldMs}`);
  }

  account(handle: number): Promise<Account> {
    return this.#get(`/v1/accounts/${handle}`);
  }

  checkpoint(index: number | 'latest'): Promise<Checkpoint> {
    return this.#get(`/v1/checkpoints/${index}`);
  }

  status(): Promise<Status> {
    return this.#get('/v1/status');
  }

  /** Whether it says that it is healthy and sees so many validators; false as long as it does not answer. */
  async isHealthy(validators: number): Promise<boolean> {
    try {
      return (await this.#get<{ readonly validators: number }>('/health')).validators === validators;
    } catch {
      return false; // not listening yet, or 503; its process is watched apart
    }
  }

  async metrics(): Promise<ReadonlyMap<string, number>> {
    const url = `${this.#endpoints.metrics}/metrics`;
    const { body } = await this.#asking({ method: 'GET', url, timeoutMs: ANSWER_MS });
    return parseExposition(new TextDecoder().decode(body));
  }

  close(): void {
    this.#submitting.close();
    this.#asking.close();
  }

  async #get<T>(path: string): Promise<T> {
    return decode(
      path,
      await this.#asking({ method: 'GET', url: this.#endpoints.api + path, timeoutMs: ANSWER_MS }),
    ) as T;
  }
}

/** @throws BenchError BENCH_ANSWER */
function decode(path: string, { status, body }: { readonly status: number; readonly body: Uint8Array }): unknown {
  const text = new TextDecoder().decode(body);
  if (status === 200) return JSON.parse(text);
  throw new BenchError('BENCH_ANSWER', `${path} answered ${status}: ${text.slice(0, 300)}`, { path, status });
}
