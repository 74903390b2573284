import { once } from 'node:events';
import { Agent, get } from 'node:http';
import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { isMainThread, parentPort, Worker, workerData } from 'node:worker_threads';
import { percentile } from './load.ts';

const PAUSE_MS = 10;
const ANSWER_LIMIT_MS = 10_000;

export interface ProbeResult {
  readonly count: number;
  readonly failed: number;
  readonly p99Ms: number;
  readonly maxMs: number;
}

interface ProbeTask {
  readonly url: string;
  readonly connections: 'kept' | 'new';
}

/**
 * An honest client that asks for a page all the time, on one connection that stays open or on a new one each time. In a thread of its own, so
 * that it does not measure what the test does beside it.
 */
export class LiveProbe {
  readonly #worker: Worker;

  /** Resolves at the first answer or failure. */
  static async start(task: ProbeTask): Promise<LiveProbe> {
    const worker = new Worker(fileURLToPath(import.meta.url), { workerData: task });
    await once(worker, 'message');
    return new LiveProbe(worker);
  }

  private constructor(worker: Worker) {
    this.#worker = worker;
  }

  async stop(): Promise<ProbeResult> {
    const { promise, resolve, reject } = Promise.withResolvers<ProbeResult>();
    this.#worker.once('message', resolve).once('error', reject);
    this.#worker.postMessage('stop');
    return promise.finally(() => this.#worker.terminate());
  }
}

async function probe({ url, connections }: ProbeTask): Promise<void> {
  const agent = connections === 'kept' ? new Agent({ keepAlive: true, maxSockets: 1 }) : false;
  const timesMs: number[] = [];
  let failed = 0;
  let isRunning = true;
  parentPort?.once('message', () => {
    isRunning = false;
  });
  while (isRunning) {
    const startedMs = performance.now();
    if (await isAnswered(url, agent)) timesMs.push(performance.now() - startedMs);
    else failed += 1;
    if (timesMs.length + failed === 1) parentPort?.postMessage('begun');
    await delay(PAUSE_MS);
  }
  const p99Ms = Math.round(percentile(timesMs, 0.99));
  parentPort?.postMessage({ count: timesMs.length, failed, p99Ms, maxMs: Math.round(Math.max(...timesMs)) });
}

export function isAnswered(url: string, agent: Agent | false = false): Promise<boolean> {
  const { promise, resolve } = Promise.withResolvers<boolean>();
  const signal = AbortSignal.timeout(ANSWER_LIMIT_MS);
  get(url, { agent, signal }, (answer) => answer.resume().on('end', () => resolve(answer.statusCode === 200))).on(
    'error',
    () => resolve(false),
  );
  return promise;
}

if (!isMainThread && (workerData as Partial<ProbeTask> | null)?.connections !== undefined)
  await probe(workerData as ProbeTask);
