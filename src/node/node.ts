import { existsSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { join, resolve } from 'node:path';
import { type Api, createApi, DEFAULT_API_OPTIONS } from '../api/index.ts';
import type { CryptoBackend } from '../crypto/backend.ts';
import { nativeBackend } from '../crypto/native.ts';
import type { SecretBytes } from '../crypto/secret-bytes.ts';
import { type Ledger, NativeLedger } from '../execution/index.ts';
import { PrometheusInstruments, startMetricsServer } from '../metrics/index.ts';
import { Libp2pTransport, type NetworkOptions } from '../network/index.ts';
import { committeeWarnings, type Member } from '../params/committee.ts';
import {
  addressSource,
  DEFAULT_ADMISSION_OPTIONS,
  DEFAULT_MEMPOOL_OPTIONS,
  DEFAULT_VERIFY_POOL_OPTIONS,
  VerifyPool,
  type VerifyPoolModules,
} from '../pipeline/index.ts';
import { DEFAULT_REPLICA_OPTIONS } from '../replica/options.ts';
import { replayReceipts } from '../replica/receipt-feed.ts';
import { initialise, logMissing, type RestartModules, type RestartOptions, restart } from '../replica/restart.ts';
import type { NodeService, PostureEntry } from '../replica/service.ts';
import { touchedAccounts } from '../replica/touched-accounts.ts';
import { Validator, type ValidatorSetup } from '../replica/validator.ts';
import { NodeDisk, SqliteReceiptIndex, storageMetrics } from '../storage/index.ts';
import type { AuthorIndex } from '../types/ids.ts';
import { toHex } from '../util/bytes.ts';
import type { DiskLock } from '../util/disk.ts';
import { CodedError, errorText } from '../util/errors.ts';
import type { Logger } from '../util/logger.ts';
import { stopAll } from '../util/stop-all.ts';
import { NodeArchive } from './archive.ts';
import type { NodeConfig } from './config.ts';
import { NodeError } from './errors.ts';
import { type GenesisFiles, readGenesisFiles } from './genesis-files.ts';
import { hostAndPort } from './host-and-port.ts';
import { openConsensusKey, openLinkKey, readPeerKey } from './key-files.ts';
import { LinkKeySequences } from './link-key-sequences.ts';
import { nodeMetrics, reportStatus } from './metrics.ts';
import { postureOf } from './posture.ts';
import { openReadSources } from './read-sources.ts';
import {
  diskPath,
  EPOCH,
  ledgerOptionsOf,
  lockDataFolder,
  logFolder,
  RECEIPT_FOLDER,
  restartOptions,
} from './restart-setup.ts';
import { SYSTEM_CLOCK, SYSTEM_RANDOM, SYSTEM_TIMERS } from './system.ts';
import { readTlsFiles } from './tls-files.ts';

const BOOT_ID_BYTES = 16;
const STATUS_INTERVAL_MS = 5_000;

export interface RunningNode {
  readonly service: NodeService;
  readonly apiUrl: string;
  readonly metricsUrl: string;
  /** Resolves when going on could break a promise: it must be stopped. */
  readonly halted: Promise<CodedError>;
  /** Opens the link keystore again and makes every link anew with what it holds: docs/spec/links.md. */
  reloadLinkKey(passphrase: SecretBytes): Promise<void>;
  /** Stops in the reverse order of the start; what was accepted and decided is durable afterwards. */
  stop(): Promise<void>;
}

export interface StartOptions {
  readonly config: NodeConfig;
  readonly passphrase: SecretBytes;
  readonly recoverIdentity: boolean;
  readonly logger: Logger;
}

/** Makes log and sign guard of a validator that never ran. Once, explicitly: docs/spec/storage.md. */
export async function initialiseNode(config: NodeConfig): Promise<void> {
  const crypto = nativeBackend();
  const files = await readGenesisFiles(crypto.hasher, config.genesisFile);
  const { options } = restartOptions(config, files, false);
  const disk = new NodeDisk('/');
  const lock = await lockData(disk, config);
  try {
    await initialise(options, {
      disk,
      hasher: crypto.hasher,
      random: SYSTEM_RANDOM,
      clock: SYSTEM_CLOCK,
      metrics: storageMetrics(new PrometheusInstruments()),
    });
  } finally {
    await lock.release();
  }
}

/**
 * The composition root: makes every room and joins them. Reading it from top to bottom is reading how a validator is built.
 * @throws NodeError; ReplicaError NEEDS_IDENTITY_RECOVERY, LOG_DAMAGED; and the codes of the rooms
 */
export async function startNode({ config, passphrase, recoverIdentity, logger }: StartOptions): Promise<RunningNode> {
  const stops: (() => Promise<void>)[] = [];
  const stop = (): Promise<void> => stopAll(stops);
  try {
    const crypto = nativeBackend();
    const files = await readGenesisFiles(crypto.hasher, config.genesisFile);
    const { committee } = files.genesis;
    for (const warning of committeeWarnings(committee)) logger.warn('committee', { warning });
    const { options, own } = restartOptions(config, files, recoverIdentity);
    const member = committee.member(own);
    const signer = await openConsensusKey(crypto, config.keysDir, member, passphrase);
    const peerKey = await readPeerKey(config.keysDir);
    const linkKey = await openLinkKey(config.keysDir, member, passphrase);

    const instruments = new PrometheusInstruments();
    const system = { clock: SYSTEM_CLOCK, timers: SYSTEM_TIMERS, random: SYSTEM_RANDOM, instruments };
    const ownMetrics = nodeMetrics(instruments);
    ownMetrics.targetTps.set(config.targetTps);
    const metrics = await startMetricsServer(instruments, hostAndPort(config.metricsListen));
    stops.push(() => metrics.stop());

    const archive = await NodeArchive.open(config, { instruments, logger });
    const reads = await openReadSources(config, files.genesis.networkId, { ...system, ...crypto, logger });
    stops.push(() => reads.close());
    const served = await apiOptions(config);
    // Whatever the settings name has been looked at by now: a start that is refused for them leaves the data as it was.
    const disk = new NodeDisk('/');
    if (!recoverIdentity && !existsSync(config.dataDir)) throw logMissing(logFolder(config));
    const lock = await lockData(disk, config);
    stops.push(() => lock.release());
    const openIndex = openedOnce(() => openReceipts(config, archive, stops));
    const restarted = await restart(options, {
      ...restartModules(config, files, crypto, disk, instruments, logger),
      replayed: (result, commit) => replayReceipts(openIndex(), result, touchedAccounts(crypto.hasher, commit, result)),
    });
    const receipts = openIndex();
    const ledger = restarted.ledger as NativeLedger;
    const pool = await startVerifyPool(config, ledger, { ...system, logger: logger.child('pipeline') });
    stops.push(() => pool.stop());

    const linkKeys = new LinkKeySequences(resolve(config.dataDir), logger.child('network'));
    stops.push(() => linkKeys.flushed());
    const transport = new Libp2pTransport(
      { ...networkOptions(config, files, own), peerKey, linkKey, linkKeySequences: linkKeys.sequences },
      { ...system, ...crypto, linkKeySeen: linkKeys.seen, logger: logger.child('network') },
    );
    const posture = (): PostureEntry[] =>
      postureOf({ genesis: files.genesis, own, transport, apiConnections: () => api.connections.byGroup });
    const linkTrouble = (peer: AuthorIndex) => transport.linkTrouble(peer);
    const rooms = { ...system, ...crypto, signer, transport, logger, receipts, signatures: pool, posture, linkTrouble };
    const setup = validatorSetup(config, files, options, own);
    const validator = new Validator(setup, { ...rooms, ...archive.hold, verifyLoad: () => pool.load }, restarted);
    const api = createApi(validator, served, { ...system, log: logger.child('api'), ...reads });
    const apiUrl = await listenApi(api, config.apiListen);
    stops.push(() => validator.stop());
    stops.push(() => api.stop());
    const halted = untilHalted(validator);
    await validator.start();
    linkKey.seed.wipe();
    stops.push(await archive.start({ validator, restarted, receipts }));
    stops.push(repeat(STATUS_INTERVAL_MS, () => reportStatus(validator.status(), ownMetrics)));
    const { verdict } = restarted;
    logger.info('started', {
      validator: member.name,
      api: apiUrl,
      metrics: metrics.url,
      commit: ledger.lastCommit,
      verdict: verdict.action,
    });
    const reloadLinkKey = (secret: SecretBytes) => takeLinkKey(config.keysDir, member, secret, transport);
    return { service: validator, apiUrl, metricsUrl: metrics.url, halted, reloadLinkKey, stop };
  } catch (error) {
    await stop();
    throw error;
  }
}

/** Made when it is first asked for: a start that is refused before leaves none behind. */
function openedOnce<T>(open: () => T): () => T {
  let opened: T | undefined;
  return () => {
    opened ??= open();
    return opened;
  };
}

function openReceipts(
  { dataDir }: NodeConfig,
  { receiptOptions }: NodeArchive,
  stops: (() => Promise<void>)[],
): SqliteReceiptIndex {
  const index = SqliteReceiptIndex.open(join(resolve(dataDir), RECEIPT_FOLDER), receiptOptions);
  stops.push(() => index.close());
  return index;
}

async function listenApi(api: Api, listen: string): Promise<string> {
  try {
    return await api.start();
  } catch (cause) {
    const message = `cannot listen on ${listen}: ${errorText(cause)}; set --api-listen`;
    throw new NodeError('API_LISTEN_FAILED', message, { address: listen }, { cause });
  }
}

/** Listens before the validator starts: what the log holds may halt it at once. */
function untilHalted(service: NodeService): Promise<CodedError> {
  return new Promise((resolve) => {
    service.subscribe((event) => {
      if (event.type === 'halted') resolve(new CodedError(event.code, event.message));
    });
  });
}

async function takeLinkKey(
  keysDir: string,
  member: Member,
  passphrase: SecretBytes,
  transport: Libp2pTransport,
): Promise<void> {
  const linkKey = await openLinkKey(keysDir, member, passphrase);
  await transport.useLinkKey(linkKey).finally(() => linkKey.seed.wipe());
}

function startVerifyPool(
  config: NodeConfig,
  ledger: NativeLedger,
  modules: Omit<VerifyPoolModules, 'ledger'>,
): Promise<VerifyPool> {
  const workers = config.verifyWorkers || availableParallelism();
  return VerifyPool.start({ ...DEFAULT_VERIFY_POOL_OPTIONS, workers }, { ...modules, ledger: () => ledger.number });
}

function networkOptions(
  config: NodeConfig,
  { genesis }: GenesisFiles,
  own: AuthorIndex,
): Omit<NetworkOptions, 'peerKey' | 'linkKey'> {
  return {
    networkId: genesis.networkId,
    self: own,
    peers: genesis.committee.members,
    addressOverrides: config.peerAddresses,
    listen: config.p2pListen,
  };
}

function validatorSetup(
  config: NodeConfig,
  { genesis }: GenesisFiles,
  { core }: RestartOptions,
  own: AuthorIndex,
): ValidatorSetup {
  const { snapshotEverySeconds, retainCommits } = config;
  return {
    identity: { networkId: genesis.networkId, epoch: EPOCH, own, bootId: toHex(SYSTEM_RANDOM.bytes(BOOT_ID_BYTES)) },
    core,
    options: { ...DEFAULT_REPLICA_OPTIONS, snapshotEveryMs: snapshotEverySeconds * 1_000, retainCommits },
    genesis,
    mempool: DEFAULT_MEMPOOL_OPTIONS,
    admission: { ...DEFAULT_ADMISSION_OPTIONS, trustedSources: config.trustedSources.map(addressSource) },
    optimizer: config.aiEnabled ? 'unavailable' : 'off',
  };
}

function restartModules(
  config: NodeConfig,
  { genesis, accountsFile }: GenesisFiles,
  { hasher }: CryptoBackend,
  disk: NodeDisk,
  instruments: PrometheusInstruments,
  logger: Logger,
): Omit<RestartModules, 'replayed'> {
  const ledgerOptions = ledgerOptionsOf(config, { genesis, accountsFile }, hasher);
  return {
    disk,
    hasher,
    random: SYSTEM_RANDOM,
    clock: SYSTEM_CLOCK,
    timers: SYSTEM_TIMERS,
    metrics: storageMetrics(instruments),
    logger: logger.child('storage'),
    openLedger: (snapshot) => new NativeLedger(ledgerOptions, snapshot),
    runnerOf: (ledger: Ledger) => ({ execute: (commit) => (ledger as NativeLedger).executeAsync(commit) }),
  };
}

async function lockData(disk: NodeDisk, config: NodeConfig): Promise<DiskLock> {
  await disk.makeDirectory(diskPath(config.dataDir));
  return lockDataFolder(disk, config);
}

async function apiOptions(config: NodeConfig): Promise<Parameters<typeof createApi>[1]> {
  const { apiListen, trustedProxies, corsOrigins, apiRequestsPerSecond, apiStreams } = config;
  const trustedSources = config.trustedSources.map(addressSource);
  const limits = { requestsPerSecond: apiRequestsPerSecond, maxStreams: apiStreams, trustedSources };
  const tls = await readTlsFiles(config);
  return { ...DEFAULT_API_OPTIONS, ...hostAndPort(apiListen), ...limits, tls, trustedProxies, corsOrigins };
}

/** Now and after every interval, until it is stopped. */
function repeat(intervalMs: number, action: () => void): () => Promise<void> {
  let timer = SYSTEM_TIMERS.after(0, function act() {
    action();
    timer = SYSTEM_TIMERS.after(intervalMs, act);
  });
  return async () => timer.cancel();
}
