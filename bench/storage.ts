/** Costs of the block log, the sign guard and the receipt index on this machine's disk: `node bench/storage.ts [folder] [--json FILE]`. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { open } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { nativeBackend } from '../src/crypto/native.ts';
import {
  type BlockEntry,
  BlockLog,
  DEFAULT_BLOCK_LOG_OPTIONS,
  NodeDisk,
  SignGuard,
  SqliteReceiptIndex,
  type StorageModules,
  storageMetrics,
  UNUSED_MARKS,
} from '../src/storage/index.ts';
import { type BlockId, id, type NetworkId, type TransactionId, type ValidatorId } from '../src/types/ids.ts';
import { SIGNATURE_BYTES } from '../src/types/limits.ts';
import { NO_INSTRUMENTS } from '../src/util/instruments.ts';
import { Prng } from '../src/util/prng.ts';

interface Row {
  readonly name: string;
  readonly p50Ms: number;
  readonly p99Ms: number;
  readonly mibPerSecond?: number;
}

const { hasher } = nativeBackend();
const prng = new Prng(1);

function modulesOn(folder: string): StorageModules {
  const clock = { wallMs: () => Date.now(), monotonicMs: () => performance.now() };
  const metrics = storageMetrics(NO_INSTRUMENTS);
  return { disk: new NodeDisk(folder), hasher, random: prng, clock, metrics };
}

function block(payloadBytes: number): BlockEntry {
  return {
    type: 'admitted-block',
    header: prng.bytes(300),
    signature: prng.bytes(SIGNATURE_BYTES),
    payload: prng.bytes(payloadBytes),
  };
}

async function measure(name: string, count: number, bytes: number, action: (i: number) => Promise<void>): Promise<Row> {
  const times: number[] = [];
  for (let i = 0; i < count; i++) {
    const started = performance.now();
    await action(i);
    times.push(performance.now() - started);
  }
  const totalMs = times.reduce((sum, time) => sum + time, 0);
  times.sort((a, b) => a - b);
  const at = (share: number): number => times[Math.floor(share * (count - 1))] as number;
  const row = { name, p50Ms: at(0.5), p99Ms: at(0.99) };
  return bytes === 0 ? row : { ...row, mibPerSecond: (bytes * count) / totalMs / 1_048.576 };
}

async function fdatasyncRow(folder: string): Promise<Row> {
  const file = await open(join(folder, 'calibration'), 'wx');
  const page = prng.bytes(4_096);
  const row = await measure('calibration: 4 KiB append and fdatasync', 500, 4_096, async (i) => {
    await file.write(page, 0, page.length, i * page.length);
    await file.datasync();
  });
  await file.close();
  return row;
}

async function logRows(folder: string): Promise<Row[]> {
  const rows: Row[] = [];
  for (const [blocks, payloadBytes, count] of [
    [1, 0, 500],
    [4, 0, 500],
    [4, 64 * 1024, 300],
    [4, 512 * 1024, 60],
    [3, 2 * 1024 * 1024, 30],
  ] as const) {
    const options = { ...DEFAULT_BLOCK_LOG_OPTIONS, directory: `log-${blocks}-${payloadBytes}` };
    const log = await BlockLog.create(options, modulesOn(folder));
    const entry = block(payloadBytes);
    const name = `log: append ${blocks} blocks of ${payloadBytes / 1024} KiB, flush`;
    const row = await measure(name, count, blocks * (payloadBytes + 5_000), async () => {
      for (let i = 0; i < blocks; i++) log.append(entry);
      await log.flush();
    });
    rows.push(row);
    await log.close();
  }
  return rows;
}

async function appendRow(folder: string): Promise<Row> {
  const log = await BlockLog.create({ ...DEFAULT_BLOCK_LOG_OPTIONS, directory: 'append' }, modulesOn(folder));
  const entry = block(0);
  const row = await measure('log: append 500 empty blocks and 500 small records', 8, 0, async () => {
    for (let i = 0; i < 500; i++) log.append(entry);
    for (let i = 0; i < 500; i++)
      log.append({ type: 'executed', commitIndex: i, stateMarker: entry.header.subarray(0, 32) });
  });
  await log.close();
  return row;
}

async function reopenRow(folder: string): Promise<Row> {
  const options = { ...DEFAULT_BLOCK_LOG_OPTIONS, directory: 'log-4-524288' };
  const modules = modulesOn(folder);
  return measure('log: open and verify 120 MiB, payloads hashed', 3, 240 * (512 * 1024 + 5_000), async () => {
    const { log } = await BlockLog.open(options, modules, ({ payload }) => hasher.plain(payload).length === 32);
    await log.close();
  });
}

async function guardRow(folder: string): Promise<Row> {
  const identity = {
    networkId: id<NetworkId>('11'.repeat(32)),
    validatorId: id<ValidatorId>('22'.repeat(32)),
    logId: '33'.repeat(16),
  };
  const guard = await SignGuard.create('guard/bench', identity, UNUSED_MARKS, modulesOn(folder));
  const blockId = id<BlockId>('44'.repeat(32));
  const row = await measure('guard: advance', 500, 0, (i) => guard.advance({ epoch: 1, round: i + 1, id: blockId }));
  await guard.close();
  return row;
}

async function indexRow(folder: string): Promise<Row> {
  const options = { retainCommits: 100_000, maxPendingBytes: 64 * 1024 * 1024 };
  const index = SqliteReceiptIndex.open(join(folder, 'index'), options);
  const row = await measure('receipt index: 1,000 receipts of 100 B, flush', 50, 0, async (i) => {
    const receipts = Array.from({ length: 1_000 }, () => ({
      id: id<TransactionId>(prng.bytes(32)),
      receipt: prng.bytes(100),
    }));
    index.add(i + 1, receipts);
    await index.flush();
  });
  await index.close();
  return row;
}

const { values, positionals } = parseArgs({ allowPositionals: true, options: { json: { type: 'string' } } });
const folder = mkdtempSync(join(positionals[0] ?? tmpdir(), 'av10-bench-storage-'));
try {
  const rows = [
    await fdatasyncRow(folder),
    await appendRow(folder),
    ...(await logRows(folder)),
    await reopenRow(folder),
    await guardRow(folder),
    await indexRow(folder),
  ];
  for (const { name, p50Ms, p99Ms, mibPerSecond } of rows) {
    const rate = mibPerSecond === undefined ? '' : `${mibPerSecond.toFixed(0)} MiB/s`;
    console.log(`${name.padEnd(52)} p50 ${p50Ms.toFixed(3)} ms  p99 ${p99Ms.toFixed(3)} ms  ${rate}`);
  }
  if (values.json !== undefined) writeFileSync(values.json, `${JSON.stringify(rows, null, 2)}\n`);
} finally {
  rmSync(folder, { recursive: true });
}
