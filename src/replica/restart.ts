import { Core, type CoreOptions } from '../consensus/index.ts';
import type { ExecutableCommit, ExecutedCommit, Ledger } from '../execution/index.ts';
import {
  BlockLog,
  type BlockLogOptions,
  type BlockMark,
  type DamagedRange,
  DEFAULT_BLOCK_LOG_OPTIONS,
  type GuardIdentity,
  type GuardMarks,
  NO_BLOCK,
  NO_STATEMENT,
  type OpenedLog,
  type RestartVerdict,
  readGuard,
  restartVerdict,
  SignGuard,
  SnapshotStore,
  type StorageModules,
  UNUSED_MARKS,
} from '../storage/index.ts';
import { decodeSignedHeader } from '../types/block-codec.ts';
import type { CheckpointIndex, NetworkId, Round, ValidatorId } from '../types/ids.ts';
import type { Logger } from '../util/logger.ts';
import type { Timers } from '../util/timers.ts';
import { BlockStore } from './block-store.ts';
import { ReplicaError } from './errors.ts';
import { type CommitRunner, executableCommit } from './executor.ts';
import { payloadProblem } from './intake.ts';
import { LastingGuard } from './lasting-guard.ts';
import { Replay, type ReplayedCommit } from './replay.ts';
import type { ReplicaStart } from './replica-setup.ts';
import { readSnapshotContent, type SnapshotContent } from './snapshot-content.ts';

/** Where a node keeps what it must not lose. The guard lies outside the data folder, so that a restored backup does not bring an old one back. */
export interface ReplicaPaths {
  readonly log: string;
  readonly snapshots: string;
  readonly guard: string;
}

export interface RestartOptions {
  readonly networkId: NetworkId;
  readonly validatorId: ValidatorId;
  readonly core: CoreOptions;
  readonly paths: ReplicaPaths;
  readonly log?: Partial<BlockLogOptions>;
  readonly payloadCacheBytes: number;
  /** The operator says that this identity may have signed what the data folder does not know. */
  readonly recoverIdentity: boolean;
}

export interface RestartModules extends StorageModules {
  readonly timers: Timers;
  readonly logger: Logger;
  /** Opens the ledger of the genesis, or of a snapshot. */
  openLedger(snapshot: readonly Uint8Array[] | undefined): Ledger;
  runnerOf(ledger: Ledger): CommitRunner;
  /** Each commit as it is executed again. */
  replayed(result: ExecutedCommit, commit: ExecutableCommit): Promise<void>;
}

export interface Restarted {
  readonly start: ReplicaStart;
  readonly store: BlockStore;
  readonly snapshots: SnapshotStore;
  readonly ledger: Ledger;
  readonly runner: CommitRunner;
  readonly verdict: RestartVerdict;
}

/**
 * Makes log and sign guard of a new validator. An explicit act: a guard that is made silently forgets what was signed.
 * @throws StorageError LOG_EXISTS, GUARD_EXISTS
 */
export async function initialise(options: RestartOptions, modules: StorageModules): Promise<void> {
  const log = await BlockLog.create(logOptions(options), modules);
  const guard = await SignGuard.create(options.paths.guard, guardIdentity(options, log), UNUSED_MARKS, modules);
  await guard.close();
  await log.close();
}

/**
 * Brings a node back to where its disk says it was: the newest sound snapshot, the log replayed behind it, and the verdict on what it may sign
 * (docs/spec/storage.md, "Restart").
 * @throws ReplicaError LOG_DAMAGED, NEEDS_IDENTITY_RECOVERY, HALT_COMMIT_MISMATCH; StorageError; DiskError
 */
export async function restart(options: RestartOptions, modules: RestartModules): Promise<Restarted> {
  const snapshots = new SnapshotStore({ directory: options.paths.snapshots, networkId: options.networkId }, modules);
  const opened = await openLog(options, modules, snapshots);
  refuseDamage(opened.damage);
  const { log } = opened;
  const lastOwn = await lastOwnBlock(opened, modules);
  const verdict = await verdictOf(options, log.logId, lastOwn, modules);
  const { snapshot, rejected } = await snapshots.newest();
  for (const error of rejected) modules.logger.warn('snapshot rejected', { error: error.message });
  const content = snapshot === undefined ? undefined : await readSnapshotContent(modules.hasher, snapshot.read());
  const ledger = modules.openLedger(content?.ledger);
  const runner = modules.runnerOf(ledger);
  const store = new BlockStore(log, options.payloadCacheBytes, modules);
  const { core, certificates } = await replayLog(options, modules, {
    store,
    runner,
    ledger,
    content,
    from: snapshot?.metadata.logPosition ?? log.firstPosition,
  });
  const guard = verdict.action === 'recover' ? undefined : await openGuard(options, modules, verdict, lastOwn);
  if (guard !== undefined) core.barRounds(guard.mark.round);
  const old = await readGuard(options.paths.guard, modules);
  const recoveredGuard = (barred: Round, certified: CheckpointIndex): Promise<LastingGuard> => {
    const marks = recoveredMarks(options.core, { barred, certified }, old.state === 'good' ? old.value : undefined);
    return LastingGuard.make(options.paths.guard, guardIdentity(options, log), marks, modules);
  };
  const ranBefore = log.lastSequence > 0 || verdict.action === 'recover';
  return { start: { core, guard, recoveredGuard, certificates, ranBefore }, store, snapshots, ledger, runner, verdict };
}

async function openLog(options: RestartOptions, modules: RestartModules, snapshots: SnapshotStore): Promise<OpenedLog> {
  const { hasher, disk } = modules;
  const missing = (await disk.list(options.paths.log)).length === 0;
  if (missing && !options.recoverIdentity) throw logMissing(options.paths.log);
  if (missing) {
    // A snapshot says where in its own log to go on; in another it would lead astray.
    await snapshots.clear();
    const log = await BlockLog.create(logOptions(options), modules);
    return { log, tail: { cut: false, bytes: 0 }, damage: [] };
  }
  const opened = await BlockLog.open(logOptions(options), modules, (entry) => {
    const header = decodeSignedHeader(hasher, entry.header, entry.signature);
    return payloadProblem(hasher, header, entry.payload) === undefined;
  });
  if (opened.tail.cut) modules.logger.warn('cut an unsynced tail off the log', { bytes: opened.tail.bytes });
  return opened;
}

export function logMissing(path: string): ReplicaError {
  const message =
    'there is no log here: run `av10 init` for a validator that never ran, or start with --recover-identity for one that lost its data';
  return new ReplicaError('NEEDS_IDENTITY_RECOVERY', message, { path, reason: 'log-missing' });
}

function refuseDamage(damage: readonly DamagedRange[]): void {
  const first = damage[0];
  if (first === undefined) return;
  const message = `the log is damaged in ${damage.length} place(s), first in segment ${first.segment} at offset ${first.offset}: move the data folder away and start with --recover-identity; the blocks come back from the peers`;
  throw new ReplicaError('LOG_DAMAGED', message, {
    segment: first.segment,
    offset: first.offset,
    places: damage.length,
  });
}

/** The last block of its own that this node wrote down. */
async function lastOwnBlock({ log }: OpenedLog, { hasher }: RestartModules): Promise<BlockMark | undefined> {
  if (log.lastOwn === undefined) return undefined;
  const { entry } = await log.read(log.lastOwn);
  if (entry.type !== 'own-block') return undefined;
  const { epoch, round, ref } = decodeSignedHeader(hasher, entry.header, entry.signature);
  return { epoch, round, id: ref.id };
}

async function verdictOf(
  options: RestartOptions,
  logId: string,
  lastOwn: BlockMark | undefined,
  modules: RestartModules,
): Promise<RestartVerdict> {
  const verdict = restartVerdict(await readGuard(options.paths.guard, modules), { logId, lastOwn });
  if (options.recoverIdentity)
    return verdict.action === 'recover' ? verdict : { action: 'recover', reason: 'requested' };
  if (verdict.action !== 'recover') return verdict;
  const message = `this validator may have signed what it no longer knows (${verdict.reason}): start it with --recover-identity, and no other process with its keys`;
  throw new ReplicaError('NEEDS_IDENTITY_RECOVERY', message, { reason: verdict.reason, path: options.paths.guard });
}

async function openGuard(
  options: RestartOptions,
  modules: RestartModules,
  verdict: RestartVerdict,
  lastOwn: BlockMark | undefined,
): Promise<LastingGuard> {
  const { networkId, validatorId } = options;
  const guard = await SignGuard.open(options.paths.guard, { networkId, validatorId }, modules);
  if (verdict.action === 'adopt-own' && lastOwn !== undefined) await guard.advance(lastOwn);
  return new LastingGuard(options.paths.guard, guard, modules);
}

/**
 * What a recovered identity must not sign. An old guard that is readable is believed too, except without fault tolerance: there nobody goes on
 * without the barred round, and all others said that nothing above it is under way.
 */
function recoveredMarks(
  { committee, epoch }: CoreOptions,
  { barred, certified }: { readonly barred: Round; readonly certified: CheckpointIndex },
  old: GuardMarks | undefined,
): GuardMarks {
  const oldRound = old?.block.epoch === epoch && committee.f > 0 ? old.block.round : 0;
  const index = Math.max(certified, old?.vote.index ?? 0);
  return { block: { epoch, round: Math.max(barred, oldRound), id: NO_BLOCK }, vote: { index, digest: NO_STATEMENT } };
}

interface ReplayInput {
  readonly store: BlockStore;
  readonly runner: CommitRunner;
  readonly ledger: Ledger;
  readonly content: SnapshotContent | undefined;
  readonly from: Parameters<BlockLog['scan']>[0];
}

async function replayLog(
  options: RestartOptions,
  modules: RestartModules,
  input: ReplayInput,
): Promise<Pick<ReplicaStart, 'core' | 'certificates'>> {
  const { store, runner, ledger, content, from } = input;
  const { hasher } = modules;
  const execute = async (commit: ReplayedCommit): Promise<void> => {
    if (commit.commit.index <= ledger.lastCommit) return;
    const executable = await executableCommit(store, commit);
    await modules.replayed(await runner.execute(executable), executable);
    store.executed(commit.commit.index, commit.gcRound);
  };
  if (content !== undefined) {
    store.restoreCommits(content.commits);
    for (const evidence of content.evidence) store.noteEvidence(evidence);
  }
  const core =
    content === undefined ? new Core(options.core, { hasher }) : Core.restore(options.core, { hasher }, content.state);
  const replay = new Replay(options.core, { hasher, store }, core, execute);
  await store.log.scan(from, { record: (record) => replay.record(record), damaged: (range) => refuseDamage([range]) });
  const { core: replayed, certificates, unlogged, evidence } = replay.finish();
  for (const proof of evidence) if (!store.holdsEvidence(proof.first.author)) store.appendEvidence(proof);
  for (const subDag of unlogged) {
    store.appendCommit(subDag.commit, subDag.gcRound, 'decided');
    await execute(subDag);
  }
  await store.flush();
  return { core: replayed, certificates };
}

function logOptions(options: RestartOptions): BlockLogOptions {
  return { ...DEFAULT_BLOCK_LOG_OPTIONS, directory: options.paths.log, ...options.log };
}

function guardIdentity({ networkId, validatorId }: RestartOptions, log: BlockLog): GuardIdentity {
  return { networkId, validatorId, logId: log.logId };
}
