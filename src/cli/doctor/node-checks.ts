import { stat, statfs } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { readKeystoreLabel } from '../../crypto/keystore.ts';
import { KEY_ENDS_SOON_MS } from '../../network/index.ts';
import type { NodeConfig } from '../../node/config.ts';
import { readGenesisFiles } from '../../node/genesis-files.ts';
import { keystoreFile, linkKeystoreFile, PEER_KEY_FILE, readLinkCertificateFile } from '../../node/key-files.ts';
import { SYSTEM_CLOCK } from '../../node/system.ts';
import { committeeWarnings } from '../../params/committee.ts';
import { equalBytes } from '../../util/bytes.ts';
import { errorText } from '../../util/errors.ts';
import { commandBackend } from '../backend.ts';
import { secretFilesOf } from '../config-options.ts';
import { isPortFree } from '../devnet/ports.ts';
import { exists, isOpenToOthers, modeOf, readBounded } from '../files.ts';
import type { Check } from './machine-checks.ts';

const GIB = 1024 ** 3;
/** Some hours of full load in the block log, and two snapshots. */
const MIN_FREE_BYTES = 10 * GIB;

/** The genesis can be used, names this validator, and its consensus key is the one in the keystore. */
export async function checkCommittee(config: NodeConfig): Promise<Check[]> {
  try {
    const { genesis } = await readGenesisFiles(commandBackend().hasher, config.genesisFile);
    const { committee, networkId } = genesis;
    const warnings = committeeWarnings(committee).map(
      (finding): Check => ({ name: 'committee', status: 'warning', finding }),
    );
    const member = committee.members.find(({ name }) => name === config.nodeId);
    const names = committee.members.map(({ name }) => name).join(', ');
    const membership: Check =
      member === undefined
        ? {
            name: 'committee',
            status: 'failed',
            finding: `the genesis names ${names}, not ${config.nodeId}: set --node-id`,
          }
        : {
            name: 'committee',
            status: 'ok',
            finding: `${committee.size} validators, quorum ${committee.quorum} of ${committee.totalPower}`,
          };
    const key = member === undefined ? [] : [await checkConsensusKey(config, member.consensusKey)];
    return [{ name: 'genesis', status: 'ok', finding: `network ${networkId}` }, membership, ...warnings, ...key];
  } catch (error) {
    return [{ name: 'genesis', status: 'failed', finding: errorText(error) }];
  }
}

export async function checkKeyFiles(config: NodeConfig): Promise<Check[]> {
  const { keysDir } = config;
  const files = [keystoreFile(keysDir, 'consensus'), join(keysDir, PEER_KEY_FILE), ...secretFilesOf(config)];
  const checks = await Promise.all(
    files.map(async (path): Promise<Check> => {
      const mode = await modeOf(path);
      if (mode === undefined) return { name: 'file', status: 'failed', finding: `${path} is missing` };
      if (!isOpenToOthers(path, mode)) return { name: 'file', status: 'ok', finding: path };
      return { name: 'file', status: 'failed', finding: `${path} is open to other users: chmod 600` };
    }),
  );
  const identity = keystoreFile(keysDir, 'identity');
  if (!(await exists(identity))) return checks;
  return [...checks, { name: 'file', status: 'warning', finding: `${identity} is not needed to run: move it offline` }];
}

/** The keystore of the link key in use, and until when that key is certified. */
export async function checkLinkKey({ keysDir }: NodeConfig): Promise<Check> {
  const name = 'link key';
  try {
    const certificate = await readLinkCertificateFile(keysDir);
    const path = linkKeystoreFile(keysDir, certificate?.sequence ?? 0);
    if (!(await exists(path))) return { name, status: 'failed', finding: `${path} is missing` };
    if (certificate === undefined) return { name, status: 'ok', finding: 'the one of the genesis' };
    const { sequence, notAfterMs } = certificate;
    const leftMs = notAfterMs - SYSTEM_CLOCK.wallMs();
    const finding = `key ${sequence}, certified until ${new Date(notAfterMs).toISOString()}`;
    if (leftMs > KEY_ENDS_SOON_MS) return { name, status: 'ok', finding };
    return { name, status: leftMs > 0 ? 'warning' : 'failed', finding: `${finding}: run \`av10 keys rotate-link\`` };
  } catch (error) {
    return { name, status: 'failed', finding: errorText(error) };
  }
}

/** Log and guard belong together: one without the other means that something was lost. */
export async function checkStoredState({ dataDir, guardDir }: NodeConfig): Promise<Check> {
  const [hasLog, hasGuard] = await Promise.all([exists(join(dataDir, 'log')), exists(join(guardDir, 'guard'))]);
  if (hasLog && hasGuard) return { name: 'state', status: 'ok', finding: 'log and sign guard are there' };
  if (!hasLog && !hasGuard)
    return {
      name: 'state',
      status: 'failed',
      finding: 'neither log nor sign guard: `av10 init` for a validator that never ran',
    };
  return {
    name: 'state',
    status: 'failed',
    finding: `the ${hasLog ? 'sign guard' : 'log'} is missing: start with --recover-identity`,
  };
}

export async function checkGuardVolume({ dataDir, guardDir }: NodeConfig): Promise<Check> {
  const [data, guard] = await Promise.all(
    [existingParent(dataDir), existingParent(guardDir)].map(async (path) => (await stat(await path)).dev),
  );
  if (data !== guard) return { name: 'guard volume', status: 'ok', finding: 'apart from the data' };
  return {
    name: 'guard volume',
    status: 'warning',
    finding: 'on the volume of the data: a restored backup would bring an old guard back; set --guard-dir',
  };
}

export async function checkDiskSpace({ dataDir }: NodeConfig): Promise<Check> {
  const { bavail, bsize } = await statfs(await existingParent(dataDir));
  const freeBytes = bavail * bsize;
  const finding = `${(freeBytes / GIB).toFixed(1)} GiB free`;
  if (freeBytes >= MIN_FREE_BYTES) return { name: 'disk', status: 'ok', finding };
  return { name: 'disk', status: 'warning', finding: `${finding}, at least ${MIN_FREE_BYTES / GIB} recommended` };
}

/** Taken ports are a warning: this very node may run already. */
export function checkPorts({ p2pListen, apiListen, metricsListen }: NodeConfig): Promise<Check[]> {
  return Promise.all(
    [p2pListen, apiListen, metricsListen].map(async (address): Promise<Check> => {
      const colon = address.lastIndexOf(':');
      const isFree = await isPortFree(
        address.slice(0, colon).replace(/^\[|\]$/g, ''),
        Number(address.slice(colon + 1)),
      );
      return {
        name: 'port',
        status: isFree ? 'ok' : 'warning',
        finding: `${address} is ${isFree ? 'free' : 'taken, or not an address of this machine'}`,
      };
    }),
  );
}

async function checkConsensusKey({ keysDir, nodeId }: NodeConfig, expected: Uint8Array): Promise<Check> {
  const path = keystoreFile(keysDir, 'consensus');
  try {
    const isSame = equalBytes(readKeystoreLabel(await readBounded(path)).publicKey, expected);
    return {
      name: 'consensus key',
      status: isSame ? 'ok' : 'failed',
      finding: isSame ? 'the one in the genesis' : `${path} is not the key that the genesis names for ${nodeId}`,
    };
  } catch (error) {
    return { name: 'consensus key', status: 'failed', finding: errorText(error) };
  }
}

async function existingParent(path: string): Promise<string> {
  return (await exists(path)) || dirname(path) === path ? path : existingParent(dirname(path));
}
