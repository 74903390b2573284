import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { BlockLog } from '../../../src/storage/block-log.ts';
import { type BlockMark, compareRounds, UNUSED_MARKS } from '../../../src/storage/guard-slot.ts';
import type { BlockEntry, LogEntry } from '../../../src/storage/log-entry.ts';
import type { LogPosition } from '../../../src/storage/log-position.ts';
import { restartVerdict } from '../../../src/storage/restart-verdict.ts';
import { readGuard, SignGuard } from '../../../src/storage/sign-guard.ts';
import { SnapshotStore } from '../../../src/storage/snapshot-store.ts';
import { type CommitDigest, id, type NetworkId, type ValidatorId } from '../../../src/types/ids.ts';
import { concatBytes } from '../../../src/util/bytes.ts';
import { Prng } from '../../../src/util/prng.ts';
import { PowerCut, SimulatedDisk } from '../../support/simulated-disk.ts';
import {
  block,
  blockIdOf,
  commit,
  entryText,
  executed,
  LOG_OPTIONS,
  openLog,
  readAll,
  storageModules,
} from './fixture.ts';

const SEEDS = 20;
const ROUNDS = 6;
const OPTIONS = { ...LOG_OPTIONS, segmentBytes: 20 * 1024 };
const NETWORK = id<NetworkId>('11'.repeat(32));
const VALIDATOR = id<ValidatorId>('22'.repeat(32));
const GUARD = 'guard/a';

interface Appended {
  readonly position: LogPosition;
  readonly text: string;
}

/** What a node may rely on, noted at the moment in which it may. */
interface Promises {
  logId: string | undefined;
  guardMade: boolean;
  readonly appended: Appended[];
  durable: number;
  sent: BlockMark | undefined;
  snapshot: number;
}

const noPromises = (): Promises => ({
  logId: undefined,
  guardMade: false,
  appended: [],
  durable: 0,
  sent: undefined,
  snapshot: 0,
});

const snapshotContent = (index: number): Uint8Array => new Prng(index).bytes(1_500);

/** A validator's storage life: blocks of others and own ones, flush, guard, send, commits, snapshots, and segments that are dropped. */
async function live(disk: SimulatedDisk, seed: number, promises: Promises): Promise<void> {
  const modules = storageModules(disk, seed);
  const snapshots = new SnapshotStore({ directory: 'snapshots', networkId: NETWORK }, modules);
  const log = await BlockLog.create(OPTIONS, modules);
  promises.logId = log.logId;
  const identity = { networkId: NETWORK, validatorId: VALIDATOR, logId: log.logId };
  const guard = await SignGuard.create(GUARD, identity, UNUSED_MARKS, modules);
  promises.guardMade = true;
  const append = (entry: LogEntry): LogPosition => {
    const position = log.append(entry);
    promises.appended.push({ position, text: entryText(entry) });
    return position;
  };
  const flush = async (): Promise<void> => {
    const sequence = log.lastSequence;
    await log.flush();
    promises.durable = Math.max(promises.durable, sequence);
  };
  for (let round = 1; round <= ROUNDS; round++) {
    append(block(round * 10));
    append(block(round * 10 + 1, 'admitted-block', 1_000));
    const own = block(round * 10 + 2, 'own-block', 300);
    const position = append(own);
    const flushed = flush();
    append(block(round * 10 + 3));
    await flushed;
    const mark = { epoch: 1, round, id: blockIdOf(own) };
    await guard.advance(mark);
    promises.sent = mark;
    append(commit(round, [position]));
    append(executed(round));
    if (round % 2 === 0) {
      await flush();
      const commitDigest = id<CommitDigest>('33'.repeat(32));
      const metadata = { commitIndex: round, commitDigest, checkpointIndex: 0, logPosition: log.endPosition };
      await snapshots.write(metadata, [snapshotContent(round)]);
      promises.snapshot = round;
      const oldest = await snapshots.oldest();
      if (oldest !== undefined) await log.dropBefore(oldest.logPosition);
    }
  }
  await log.close();
}

/** Opens everything as a restarted node does, and compares it with what was promised. */
async function restartAndCheck(disk: SimulatedDisk, promises: Promises): Promise<void> {
  const modules = storageModules(disk, 99);
  if (promises.logId === undefined && !(await disk.exists('log/segment-0000000.log'))) return;
  const { log, damage } = await openLog(modules, OPTIONS);
  assert.deepEqual(damage, [], 'a power cut is no damage');
  assert.ok(promises.logId === undefined || promises.logId === log.logId);
  const { records } = await readAll(log);
  assert.ok(log.lastSequence >= promises.durable, 'what was flushed is there');
  assert.equal(records.length === 0 ? log.lastSequence : records.at(-1)?.sequence, log.lastSequence);
  for (const [i, { sequence, position, entry }] of records.entries()) {
    assert.equal(sequence, (records[0]?.sequence ?? 0) + i, 'no gap');
    const appended = promises.appended[sequence - 1];
    assert.deepEqual({ position, text: entryText(entry) }, appended, 'nothing is invented');
  }
  await checkSnapshots(disk, log, promises);
  await checkSigning(
    disk,
    log,
    records.map(({ entry }) => entry),
    promises,
  );
  log.append(executed(1_000));
  await log.close();
  disk.restart('power-cut', 'everything');
  const again = await openLog(modules, OPTIONS);
  assert.deepEqual([again.damage, again.tail.cut], [[], false]);
  assert.equal(entryText((await readAll(again.log)).records.at(-1)?.entry as LogEntry), entryText(executed(1_000)));
}

async function checkSnapshots(disk: SimulatedDisk, log: BlockLog, promises: Promises): Promise<void> {
  const modules = storageModules(disk);
  const store = new SnapshotStore({ directory: 'snapshots', networkId: NETWORK }, modules);
  const { snapshot, rejected } = await store.newest();
  assert.deepEqual(rejected, [], 'an unfinished snapshot has no name');
  assert.ok((snapshot?.metadata.commitIndex ?? 0) >= promises.snapshot, 'a written snapshot is there');
  const oldest = await store.oldest();
  assert.ok(log.firstPosition <= (oldest?.logPosition ?? log.firstPosition), 'the log reaches back to every snapshot');
  if (snapshot === undefined) return;
  const chunks: Uint8Array[] = [];
  for await (const chunk of snapshot.read()) chunks.push(chunk);
  assert.deepEqual(concatBytes(...chunks), snapshotContent(snapshot.metadata.commitIndex));
}

async function checkSigning(
  disk: SimulatedDisk,
  log: BlockLog,
  entries: readonly LogEntry[],
  promises: Promises,
): Promise<void> {
  const modules = storageModules(disk);
  const reading = await readGuard(GUARD, modules);
  if (reading.state !== 'good') {
    assert.ok(!promises.guardMade, 'a guard once made is readable');
    return;
  }
  const { sent } = promises;
  const guarded = reading.value.block;
  if (sent !== undefined) {
    assert.ok(compareRounds(guarded, sent) >= 0, 'nothing was sent above the guard');
    if (compareRounds(guarded, sent) === 0) assert.equal(guarded.id, sent.id);
  }
  const lastOwn = entries.findLast((entry): entry is BlockEntry => entry.type === 'own-block');
  const ownRound = lastOwn === undefined ? 0 : roundOf(blockIdOf(lastOwn));
  const mark = lastOwn === undefined ? undefined : { epoch: 1, round: ownRound, id: blockIdOf(lastOwn) };
  const found = log.lastOwn === undefined ? undefined : (await log.read(log.lastOwn)).entry;
  assert.deepEqual(found && entryText(found), lastOwn && entryText(lastOwn));
  const verdict = restartVerdict(reading, { logId: log.logId, lastOwn: mark });
  assert.ok(ownRound >= (sent?.round ?? 0), 'an own block that was sent is in the log');
  const expected = ownRound > guarded.round ? 'adopt-own' : ownRound === 0 ? 'continue' : 'resend';
  assert.deepEqual(verdict, { action: expected }, 'a power cut never needs a recovery');
  if (verdict.action === 'adopt-own') assert.ok(ownRound > (sent?.round ?? 0), 'an adopted block was never sent');
}

const OWN_ROUNDS = new Map(
  Array.from({ length: ROUNDS }, (_, i) => [blockIdOf(block((i + 1) * 10 + 2, 'own-block', 300)), i + 1]),
);

function roundOf(blockId: BlockMark['id']): number {
  const round = OWN_ROUNDS.get(blockId);
  assert.ok(round !== undefined, 'an own block that was appended');
  return round;
}

/** Runs until the planned cut; true if the action came to its end before. */
async function untilCut(action: () => Promise<unknown>): Promise<boolean> {
  try {
    await action();
    return true;
  } catch (error) {
    const cause = (error as Error).cause ?? error;
    assert.ok(cause instanceof PowerCut, String((error as Error).stack));
    return false;
  }
}

async function operationsOfALife(): Promise<number> {
  const disk = new SimulatedDisk();
  await live(disk, 1, noPromises());
  return disk.operations;
}

async function liveCutAndRestart(
  seed: number,
  n: number,
  when: 'before' | 'after',
  cause: 'power-cut' | 'killed',
): Promise<void> {
  const disk = new SimulatedDisk(seed * 1_000 + n);
  const promises = noPromises();
  disk.crashAt(n, when);
  assert.equal(await untilCut(() => live(disk, seed, promises)), false, 'the operation was reached');
  disk.restart(cause);
  // The power goes again while the log is being opened.
  disk.crashAt(1 + (n % 4), when);
  await untilCut(() => openLog(storageModules(disk), OPTIONS).catch(ignoreMissing));
  disk.restart(cause);
  await restartAndCheck(disk, promises);
}

function ignoreMissing(error: unknown): void {
  if ((error as { code?: string }).code !== 'LOG_MISSING') throw error;
}

describe('at every write, sync, rename and removal', async () => {
  const operations = await operationsOfALife();
  assert.ok(operations > 60, `${operations} operations`);
  for (const cause of ['power-cut', 'killed'] as const) {
    for (const when of ['before', 'after'] as const) {
      it(`a node ${cause === 'killed' ? 'that is killed' : 'that loses power'} ${when} it takes effect keeps every promise`, async () => {
        const seeds = cause === 'killed' ? 2 : SEEDS;
        for (let seed = 1; seed <= seeds; seed++) {
          for (let n = 1; n <= operations; n++) {
            await liveCutAndRestart(seed, n, when, cause).catch((error) => {
              throw new Error(`seed ${seed}, operation ${n}: ${(error as Error).message}`, { cause: error });
            });
          }
        }
      });
    }
  }
});
