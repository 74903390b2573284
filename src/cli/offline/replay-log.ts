import { copyFile, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Core } from '../../consensus/index.ts';
import { type ExecutedCommit, NativeLedger } from '../../execution/index.ts';
import type { NodeConfig } from '../../node/config.ts';
import { ledgerOptionsOf } from '../../node/restart-setup.ts';
import type { StoppedNode } from '../../node/stopped-node.ts';
import { SYSTEM_TIMERS } from '../../node/system.ts';
import { BlockStore } from '../../replica/block-store.ts';
import { executableCommit } from '../../replica/executor.ts';
import { Replay, type ReplayedCommit } from '../../replica/replay.ts';
import { readSnapshotContent } from '../../replica/snapshot-content.ts';
import type { BlockLog, FoundSnapshot, LogPosition, LogRecord, StorageErrorCode } from '../../storage/index.ts';
import { isCoded } from '../../util/errors.ts';
import { SILENT_LOGGER } from '../../util/logger.ts';
import { exists } from '../files.ts';

/** Decides and executes the commits of a log again, as a restart does, on a ledger of its own that is thrown away. */
export class LogReplay {
  /** Commit from whose state it goes on; 0 for the genesis. */
  readonly from: number;
  readonly #start: LogPosition;
  readonly #replay: Replay;
  readonly #ledger: NativeLedger;
  readonly #scratch: string;

  /** From the genesis if the log is whole, else from the newest snapshot; nothing if there is none. */
  static async begin(
    node: StoppedNode,
    config: NodeConfig,
    onExecuted: (result: ExecutedCommit) => void,
  ): Promise<LogReplay | undefined> {
    const isWhole = await beginsAtGenesis(node.opened.log);
    const snapshot = isWhole ? undefined : (await node.snapshots.newest()).snapshot;
    if (!isWhole && snapshot === undefined) return undefined;
    const scratch = await mkdtemp(join(tmpdir(), 'av10-replay-'));
    try {
      return await LogReplay.#open(node, config, snapshot, scratch, onExecuted);
    } catch (error) {
      await rm(scratch, { recursive: true, force: true });
      throw error;
    }
  }

  static async #open(
    node: StoppedNode,
    config: NodeConfig,
    snapshot: FoundSnapshot | undefined,
    scratch: string,
    onExecuted: (result: ExecutedCommit) => void,
  ): Promise<LogReplay> {
    const { hasher } = node.modules;
    const content = snapshot === undefined ? undefined : await readSnapshotContent(hasher, snapshot.read());
    const options = ledgerOptionsOf(config, node.files, hasher);
    const keyFile = join(scratch, 'keys.bin');
    // A ledger cuts keys that its state does not know of: it gets a copy.
    if (content !== undefined && (await exists(options.keyFile))) await copyFile(options.keyFile, keyFile);
    const ledger = new NativeLedger({ ...options, keyFile }, content?.ledger);
    const { core: coreOptions, payloadCacheBytes } = node.options;
    const store = new BlockStore(node.opened.log, payloadCacheBytes, {
      hasher,
      timers: SYSTEM_TIMERS,
      logger: SILENT_LOGGER,
    });
    if (content !== undefined) {
      store.restoreCommits(content.commits);
      for (const evidence of content.evidence) store.noteEvidence(evidence);
    }
    const core =
      content === undefined ? new Core(coreOptions, { hasher }) : Core.restore(coreOptions, { hasher }, content.state);
    const execute = async (commit: ReplayedCommit): Promise<void> => {
      if (commit.commit.index <= ledger.lastCommit) return;
      onExecuted(await ledger.executeAsync(await executableCommit(store, commit)));
      store.executed(commit.commit.index, commit.gcRound);
    };
    const replay = new Replay(coreOptions, { hasher, store }, core, execute);
    const start = snapshot?.metadata.logPosition ?? node.opened.log.firstPosition;
    return new LogReplay({ from: snapshot?.metadata.commitIndex ?? 0, start, replay, ledger, scratch });
  }

  private constructor(parts: {
    readonly from: number;
    readonly start: LogPosition;
    readonly replay: Replay;
    readonly ledger: NativeLedger;
    readonly scratch: string;
  }) {
    this.from = parts.from;
    this.#start = parts.start;
    this.#replay = parts.replay;
    this.#ledger = parts.ledger;
    this.#scratch = parts.scratch;
  }

  get lastCommit(): number {
    return this.#ledger.lastCommit;
  }

  /** @throws ReplicaError HALT_COMMIT_MISMATCH, LOG_DAMAGED: nothing behind it can be replayed */
  async record(record: LogRecord): Promise<void> {
    if (record.position >= this.#start) await this.#replay.record(record);
  }

  async end(): Promise<void> {
    this.#ledger.close();
    await rm(this.#scratch, { recursive: true, force: true });
  }
}

async function beginsAtGenesis(log: BlockLog): Promise<boolean> {
  if (log.lastSequence === 0) return true;
  try {
    return (await log.read(log.firstPosition)).sequence === 1;
  } catch (error) {
    if (isCoded<StorageErrorCode>(error, 'LOG_DAMAGED')) return false;
    throw error;
  }
}
