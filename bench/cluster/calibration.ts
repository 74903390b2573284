import { execFile } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, fdatasyncSync, openSync, rmSync, writeSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { Worker } from 'node:worker_threads';
import { summarise } from './latency.ts';
import { sum } from './usage.ts';

const VERIFY_MS = 2_000;
const SYNCS = 200;
const SYNCED_BYTES = 4_096;
const LINK_MEBIBYTES = 64;

/** What this machine does at this hour, so that the figures beside it can be compared with those of another day and machine. */
export interface Calibration {
  /** ML-DSA-87 by AWS-LC, raw key, 200 B messages. */
  readonly verifyPerSecondAllCores: number;
  /** CPU of both ends of a validator link. */
  readonly linkNanosecondsPerByte: number;
  readonly fdatasyncMsP50: number;
}

/** With nothing else running. */
export async function calibrate(folder: string): Promise<Calibration> {
  return {
    verifyPerSecondAllCores: await verifyRate(),
    linkNanosecondsPerByte: await linkCost(),
    fdatasyncMsP50: syncTimeMs(folder),
  };
}

async function verifyRate(): Promise<number> {
  const rates = Array.from({ length: availableParallelism() }, async () => {
    const worker = new Worker(new URL('./verify-rate.ts', import.meta.url), { workerData: VERIFY_MS });
    const [perSecond] = (await once(worker, 'message')) as [number];
    return perSecond;
  });
  return Math.round(sum(await Promise.all(rates)));
}

/** By the microbenchmark of links, in processes of its own. */
async function linkCost(): Promise<number> {
  const script = fileURLToPath(new URL('../links.ts', import.meta.url));
  const { stdout } = await promisify(execFile)(process.execPath, [
    script,
    '--json',
    '--mebibytes',
    String(LINK_MEBIBYTES),
  ]);
  const [largeFrames] = JSON.parse(stdout) as {
    readonly senderNsPerByte: number;
    readonly receiverNsPerByte: number;
  }[];
  if (largeFrames === undefined) throw new Error('bench/links.ts printed no figure');
  return Math.round((largeFrames.senderNsPerByte + largeFrames.receiverNsPerByte) * 100) / 100;
}

function syncTimeMs(folder: string): number {
  const path = join(folder, 'sync.bin');
  const file = openSync(path, 'wx');
  try {
    const bytes = new Uint8Array(SYNCED_BYTES).fill(1);
    const times = Array.from({ length: SYNCS }, () => {
      const startMs = performance.now();
      writeSync(file, bytes);
      fdatasyncSync(file);
      return performance.now() - startMs;
    });
    return summarise(times)?.p50 ?? 0;
  } finally {
    closeSync(file);
    rmSync(path);
  }
}
