import { readFile, stat } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import type { Restarted } from '../replica/restart.ts';
import type { Validator } from '../replica/validator.ts';
import { DEFAULT_RECEIPT_INDEX_OPTIONS, type ReceiptIndex, type ReceiptIndexOptions } from '../storage/index.ts';
import { archiveMetrics } from '../storage/metrics.ts';
import type { ArchiveAddress } from '../storage/mongo/index.ts';
import { type CommitTime, LogHold } from '../storage/mongo/log-hold.ts';
import type { CommitIndex } from '../types/ids.ts';
import { errorText } from '../util/errors.ts';
import type { Instruments } from '../util/instruments.ts';
import type { Logger } from '../util/logger.ts';
import type { NodeConfig } from './config.ts';
import { NodeError } from './errors.ts';
import { logFolder, RECEIPT_FOLDER } from './restart-setup.ts';
import { SYSTEM_CLOCK, SYSTEM_TIMERS } from './system.ts';

/** A connection string is a line. */
const MAX_URI_BYTES = 16 * 1024;
/** Of a network of few validators that run at full speed with little to do. */
const COMMITS_PER_SECOND = 250;

export interface ArchivedNode {
  readonly validator: Validator;
  readonly restarted: Restarted;
  readonly receipts: ReceiptIndex;
}

interface ArchiveModules {
  readonly instruments: Instruments;
  readonly logger: Logger;
}

/** The archive of a node as its configuration wishes it; with level `off` not even the driver is loaded. */
export class NodeArchive {
  /** For the validator: the log keeps commits from here on. */
  readonly hold = { commitsNeededFrom: (): CommitIndex => this.#neededFrom() };
  readonly #config: NodeConfig;
  readonly #address: ArchiveAddress | undefined;
  readonly #modules: ArchiveModules;
  readonly #hold: LogHold;
  /** The last commit of the chain; none before `start`. */
  #last: (() => CommitTime) | undefined;

  /** @throws NodeError CONFIG_INVALID */
  static async open(config: NodeConfig, modules: ArchiveModules): Promise<NodeArchive> {
    const address = config.archiveLevel === 'off' ? undefined : await readArchiveAddress(config);
    return new NodeArchive(config, address, modules);
  }

  private constructor(config: NodeConfig, address: ArchiveAddress | undefined, modules: ArchiveModules) {
    this.#config = config;
    this.#address = address;
    this.#modules = modules;
    const { archiveHoldSeconds } = config;
    const behindMs = archiveHoldSeconds * 1_000;
    this.#hold = new LogHold({ behindMs, behindCommits: archiveHoldSeconds * COMMITS_PER_SECOND }, SYSTEM_CLOCK);
  }

  /** Receipts of as many commits are kept as the log waits for an archive. */
  get receiptOptions(): ReceiptIndexOptions {
    const { retainCommits, archiveHoldSeconds } = this.#config;
    const held = this.#address === undefined ? 0 : archiveHoldSeconds * COMMITS_PER_SECOND;
    const defaults = DEFAULT_RECEIPT_INDEX_OPTIONS;
    return { ...defaults, retainCommits: Math.max(defaults.retainCommits, retainCommits, held) };
  }

  /** @returns what stops it */
  async start({ validator, restarted, receipts }: ArchivedNode): Promise<() => Promise<void>> {
    const address = this.#address;
    if (address === undefined) return async () => undefined;
    const { store } = restarted;
    const { networkId, timeMs } = validator.genesis;
    const { ArchiveThread } = await import('../storage/mongo/index.ts');
    const genesis = new Uint8Array(await readFile(this.#config.genesisFile));
    const folders = {
      directory: logFolder(this.#config),
      receipts: join(resolve(this.#config.dataDir), RECEIPT_FOLDER),
    };
    const data = { address, level: this.#config.archiveLevel, networkId, genesis, ...folders };
    this.#last = () => {
      const { index, timeMs } = validator.replica.core.lastCommit;
      return { height: index, timeMs };
    };
    const thread = new ArchiveThread(data, timeMs, {
      clock: SYSTEM_CLOCK,
      timers: SYSTEM_TIMERS,
      logger: this.#modules.logger.child('archive'),
      metrics: archiveMetrics(this.#modules.instruments),
      hold: this.#hold,
      progress: () => ({
        durable: store.log.durableSequence,
        final: validator.chain.lastFinal,
        receiptsFrom: receipts.completeFrom,
        receiptsThrough: receipts.written,
      }),
      place: (commit) => ({
        position: commit === 0 && store.oldestCommit === 1 ? store.log.firstPosition : store.commitPosition(commit),
        oldest: store.oldestCommit,
      }),
    });
    thread.start();
    return () => thread.stop();
  }

  #neededFrom(): CommitIndex {
    if (this.#address === undefined) return Number.POSITIVE_INFINITY;
    return this.#last === undefined ? 1 : this.#hold.from(this.#last());
  }
}

/** @throws NodeError CONFIG_INVALID */
export async function readArchiveAddress({ archiveUriFile, archiveDatabase }: NodeConfig): Promise<ArchiveAddress> {
  try {
    if (archiveUriFile === '') throw new Error('no file is named');
    if ((await stat(archiveUriFile)).size > MAX_URI_BYTES) throw new Error('the file is too large');
    const uri = (await readFile(archiveUriFile, 'utf8')).trim();
    return { uri, database: archiveDatabase };
  } catch (cause) {
    const message = `the connection string of the archive cannot be read: ${errorText(cause)}; set --archive-uri-file`;
    throw new NodeError('CONFIG_INVALID', message, { path: archiveUriFile }, { cause });
  }
}
