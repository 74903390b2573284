import type { CryptoBackend } from '../crypto/backend.ts';
import { PrometheusInstruments } from '../metrics/index.ts';
import { payloadProblem } from '../replica/intake.ts';
import type { RestartOptions } from '../replica/restart.ts';
import {
  BlockLog,
  DEFAULT_BLOCK_LOG_OPTIONS,
  NodeDisk,
  type OpenedLog,
  SnapshotStore,
  type StorageModules,
  storageMetrics,
} from '../storage/index.ts';
import { decodeSignedHeader } from '../types/block-codec.ts';
import type { AuthorIndex } from '../types/ids.ts';
import type { NodeConfig } from './config.ts';
import { type GenesisFiles, readGenesisFiles } from './genesis-files.ts';
import { ReadOnlyDisk } from './read-only-disk.ts';
import { lockDataFolder, restartOptions } from './restart-setup.ts';
import { SYSTEM_CLOCK, SYSTEM_RANDOM } from './system.ts';

/** The files of a validator that does not run, for whoever looks at them. Nothing of them is changed, and nobody starts it meanwhile. */
export interface StoppedNode {
  readonly files: GenesisFiles;
  readonly own: AuthorIndex;
  readonly options: RestartOptions;
  readonly opened: OpenedLog;
  readonly snapshots: SnapshotStore;
  readonly modules: StorageModules;
}

/**
 * Runs `use` on the files, which are locked until it ends.
 * @throws NodeError ALREADY_RUNNING, NOT_A_MEMBER, GENESIS_FILES; StorageError LOG_MISSING, LOG_FOREIGN, LOG_VERSION, LOG_DAMAGED; DiskError
 */
export async function withStoppedNode<T>(
  config: NodeConfig,
  { hasher }: CryptoBackend,
  use: (node: StoppedNode) => Promise<T>,
): Promise<T> {
  const files = await readGenesisFiles(hasher, config.genesisFile);
  const { options, own } = restartOptions(config, files, false);
  const machine = new NodeDisk('/');
  const lock = await lockDataFolder(machine, config);
  try {
    const metrics = storageMetrics(new PrometheusInstruments());
    const modules = { disk: new ReadOnlyDisk(machine), hasher, random: SYSTEM_RANDOM, clock: SYSTEM_CLOCK, metrics };
    const snapshots = new SnapshotStore({ directory: options.paths.snapshots, networkId: options.networkId }, modules);
    const opened = await BlockLog.open(
      { ...DEFAULT_BLOCK_LOG_OPTIONS, directory: options.paths.log },
      modules,
      (entry) => {
        const header = decodeSignedHeader(hasher, entry.header, entry.signature);
        return payloadProblem(hasher, header, entry.payload) === undefined;
      },
    );
    try {
      return await use({ files, own, options, opened, snapshots, modules });
    } finally {
      await opened.log.close();
    }
  } finally {
    await lock.release();
  }
}
