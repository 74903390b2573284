import { join, resolve } from 'node:path';
import { type CoreOptions, DEFAULT_PACING, defaultBounds } from '../consensus/index.ts';
import type { Hasher } from '../crypto/hasher.ts';
import { ledgerGenesis, type NativeLedgerOptions } from '../execution/index.ts';
import { DEFAULT_REPLICA_OPTIONS } from '../replica/options.ts';
import type { RestartOptions } from '../replica/restart.ts';
import type { NodeDisk } from '../storage/index.ts';
import type { AuthorIndex, CommitDigest } from '../types/ids.ts';
import { id } from '../types/ids.ts';
import type { DiskErrorCode, DiskLock } from '../util/disk.ts';
import { isCoded } from '../util/errors.ts';
import type { NodeConfig } from './config.ts';
import { NodeError } from './errors.ts';
import type { GenesisFiles } from './genesis-files.ts';

export const EPOCH = 1;
export const LOG_FOLDER = 'log';
const SNAPSHOT_FOLDER = 'snapshots';
export const RECEIPT_FOLDER = 'receipts';
/** Public keys of accounts opened after genesis. */
const KEY_FILE = 'keys.bin';
/** What lies in the data folder and comes back from the peers. The highest link key sequences seen do not. */
export const CHAIN_STATE: readonly string[] = [LOG_FOLDER, SNAPSHOT_FOLDER, RECEIPT_FOLDER, KEY_FILE];
const GUARD_FILE = 'guard';

/**
 * What genesis and settings say about this validator's place in the network, and where its state lies.
 * @throws NodeError NOT_A_MEMBER
 */
export function restartOptions(
  config: NodeConfig,
  { genesis }: GenesisFiles,
  recoverIdentity: boolean,
): { readonly options: RestartOptions; readonly own: AuthorIndex } {
  const { committee, parameters, networkId, timeMs } = genesis;
  const own = committee.members.findIndex((member) => member.name === config.nodeId);
  if (own < 0) {
    const names = committee.members.map((member) => member.name).join(', ');
    throw new NodeError('NOT_A_MEMBER', `the genesis has no validator ${config.nodeId}, only ${names}: set --node-id`, {
      nodeId: config.nodeId,
    });
  }
  const core: CoreOptions = {
    committee,
    parameters,
    epoch: EPOCH,
    own,
    genesis: { digest: id<CommitDigest>(networkId), timeMs },
    pacing: DEFAULT_PACING,
    bounds: defaultBounds(committee.size, parameters.gcDepth),
  };
  const paths = {
    log: logFolder(config),
    snapshots: diskPath(config.dataDir, SNAPSHOT_FOLDER),
    guard: diskPath(config.guardDir, GUARD_FILE),
  };
  const { validatorId } = committee.member(own);
  return {
    options: {
      networkId,
      validatorId,
      core,
      paths,
      payloadCacheBytes: DEFAULT_REPLICA_OPTIONS.payloadCacheBytes,
      recoverIdentity,
    },
    own,
  };
}

/** Of the block log, as a disk path. */
export function logFolder({ dataDir }: NodeConfig): string {
  return diskPath(dataDir, LOG_FOLDER);
}

export function ledgerOptionsOf(
  config: NodeConfig,
  { genesis, accountsFile }: GenesisFiles,
  hasher: Hasher,
): NativeLedgerOptions {
  return {
    genesis: ledgerGenesis(hasher, genesis),
    accountsFile,
    keyFile: join(resolve(config.dataDir), KEY_FILE),
    threads: config.ledgerThreads,
    verification: 'ml-dsa-87',
  };
}

/**
 * Locks the data folder, which is there.
 * @throws NodeError ALREADY_RUNNING
 */
export async function lockDataFolder(disk: NodeDisk, config: NodeConfig): Promise<DiskLock> {
  try {
    return await disk.lock(diskPath(config.dataDir));
  } catch (error) {
    if (!isCoded<DiskErrorCode>(error, 'LOCKED')) throw error;
    throw new NodeError('ALREADY_RUNNING', `another process uses ${config.dataDir}: stop it first`, {
      path: config.dataDir,
    });
  }
}

/** Disk paths are relative to the root of the file system, because data and guard may lie on different volumes. */
export function diskPath(...parts: readonly string[]): string {
  return resolve(...parts).slice(1);
}
