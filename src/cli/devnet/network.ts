import { mkdir, rename, rm } from 'node:fs/promises';
import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import type { CryptoBackend } from '../../crypto/backend.ts';
import type { Argon2Cost } from '../../crypto/keystore.ts';
import { nativeBackend } from '../../crypto/native.ts';
import { SecretBytes } from '../../crypto/secret-bytes.ts';
import { resolveConfig } from '../../node/config.ts';
import { initialiseNode } from '../../node/node.ts';
import { SYSTEM_CLOCK } from '../../node/system.ts';
import type { Member } from '../../params/committee.ts';
import { decodeGenesis, MAX_GENESIS_BYTES } from '../../params/genesis.ts';
import { defaultParameters } from '../../params/protocol-parameters.ts';
import { toHex, utf8 } from '../../util/bytes.ts';
import { type AccountKey, generateAccountKey } from '../account-keys.ts';
import { CliError } from '../errors.ts';
import { createSecretFile, exists, readBounded, replaceFile } from '../files.ts';
import { writeGenesis } from '../genesis-writer.ts';
import { generateValidatorKeys } from '../validator-keys.ts';
import { accountName, DevnetLayout, devnetPorts, loopback, validatorName } from './layout.ts';

export const DEFAULT_VALIDATORS = 4;
export const DEFAULT_ACCOUNTS = 4;

const ASSET = { symbol: 'AV10', decimals: 6 };
/** A million whole units each. */
const BALANCE = 1_000_000_000_000n;
const PASSPHRASE_BYTES = 32;
/** A passphrase of 256 random bits needs no stretching; this is the least that a keystore may ask for. */
const KEYSTORE_COST: Argon2Cost = { memoryKiB: 8 * 1024, passes: 1, lanes: 1 };

export interface DevnetWishes {
  readonly validators: number | undefined;
  readonly accounts: number | undefined;
  readonly fresh: boolean;
}

export interface DevnetNetwork {
  readonly networkId: string;
  readonly validators: number;
  readonly accounts: readonly DevnetAccount[];
}

export interface DevnetAccount {
  readonly name: string;
  readonly address: string;
  readonly handle: number;
}

/**
 * The network in the base folder, made first if there is none or a fresh one is wished. It appears there complete or not at all.
 * @throws CliError USAGE when the network there has other numbers than those wished, or the folder holds something else
 */
export async function prepareNetwork(layout: DevnetLayout, wishes: DevnetWishes): Promise<DevnetNetwork> {
  const isThere = await exists(layout.networkFile);
  if (isThere && !wishes.fresh) return reuse(layout, wishes);
  if (!isThere && (await exists(layout.baseDir))) {
    const message = `${layout.baseDir} holds something else than a devnet: name another folder with --base-dir`;
    throw new CliError('USAGE', message, { option: '--base-dir' });
  }
  const crypto = nativeBackend();
  const staging = `${layout.baseDir}.new-${process.pid}`;
  try {
    const network = await make(crypto, new DevnetLayout(staging), {
      validators: wishes.validators ?? DEFAULT_VALIDATORS,
      accounts: wishes.accounts ?? DEFAULT_ACCOUNTS,
    });
    if (isThere) await rm(layout.baseDir, { recursive: true });
    await rename(staging, layout.baseDir);
    return network;
  } finally {
    await rm(staging, { recursive: true, force: true });
  }
}

/** Settings of each validator, written at every start: ports and folder may have changed since the last. */
export async function writeConfigs(
  layout: DevnetLayout,
  { validators }: DevnetNetwork,
  portOffset: number,
): Promise<void> {
  const indices = Array.from({ length: validators }, (_, index) => index);
  const peerAddresses = Object.fromEntries(
    indices.map((index) => [validatorName(index), loopback(devnetPorts(index, portOffset).p2p)]),
  );
  const threads = Math.max(1, Math.floor(availableParallelism() / validators));
  for (const index of indices) {
    const ports = devnetPorts(index, portOffset);
    const { folder, keys, passphrase, data, guard, config } = layout.validator(index);
    const settings = {
      nodeId: validatorName(index),
      ...{
        baseDir: folder,
        genesisFile: layout.genesisFile,
        keysDir: keys,
        dataDir: data,
        guardDir: guard,
        passphraseFile: passphrase,
      },
      ...{ p2pListen: loopback(ports.p2p), apiListen: loopback(ports.api), metricsListen: loopback(ports.metrics) },
      ...{ peerAddresses, trustedSources: ['127.0.0.1', '::1'], verifyWorkers: threads, ledgerThreads: threads },
    };
    await replaceFile(config, `${JSON.stringify(settings, null, 2)}\n`);
  }
}

async function reuse(layout: DevnetLayout, wishes: DevnetWishes): Promise<DevnetNetwork> {
  const network = JSON.parse(new TextDecoder().decode(await readBounded(layout.networkFile))) as DevnetNetwork;
  const numbers = { validators: network.validators, accounts: network.accounts.length };
  for (const field of ['validators', 'accounts'] as const) {
    if (wishes[field] === undefined || wishes[field] === numbers[field]) continue;
    const message = `the devnet in ${layout.baseDir} has ${numbers[field]} ${field}: add --fresh to delete it, or name another --base-dir`;
    throw new CliError('USAGE', message, { option: `--${field}` });
  }
  const genesis = decodeGenesis(nativeBackend().hasher, await readBounded(layout.genesisFile, MAX_GENESIS_BYTES));
  return { ...network, networkId: genesis.networkId };
}

async function make(
  crypto: CryptoBackend,
  layout: DevnetLayout,
  counts: { readonly validators: number; readonly accounts: number },
): Promise<DevnetNetwork> {
  await mkdir(layout.baseDir, { recursive: true });
  const members: Member[] = [];
  for (let index = 0; index < counts.validators; index++) members.push(await makeValidator(crypto, layout, index));
  const keys: AccountKey[] = [];
  for (let handle = 0; handle < counts.accounts; handle++) {
    const { keyFile, passphraseFile } = layout.account(accountName(handle));
    keys.push(await generateAccountKey(crypto, keyFile, await newPassphrase(passphraseFile), KEYSTORE_COST));
  }
  const content = {
    name: 'devnet',
    timeMs: SYSTEM_CLOCK.wallMs(),
    parameters: defaultParameters(counts.validators),
    assets: [ASSET],
    members,
  };
  const rows = keys.map(({ publicKey }) => ({ publicKey, balance: BALANCE }));
  const { genesis } = await writeGenesis(crypto.hasher, layout.baseDir, content, rows);
  for (let index = 0; index < counts.validators; index++) await initialiseValidator(layout, index);
  const accounts = keys.map(({ address }, handle) => ({ name: accountName(handle), address, handle }));
  const network = { networkId: genesis.networkId, validators: counts.validators, accounts };
  await replaceFile(layout.networkFile, `${JSON.stringify(network, null, 2)}\n`);
  return network;
}

export async function makeValidator(crypto: CryptoBackend, layout: DevnetLayout, index: number): Promise<Member> {
  const { keys, passphrase } = layout.validator(index);
  const publicKeys = await generateValidatorKeys(crypto, keys, await newPassphrase(passphrase), KEYSTORE_COST);
  return { ...publicKeys, name: validatorName(index), power: 1, address: loopback(devnetPorts(index, 0).p2p) };
}

export async function initialiseValidator(layout: DevnetLayout, index: number): Promise<void> {
  const { folder, keys, data, guard } = layout.validator(index);
  const content = {
    nodeId: validatorName(index),
    baseDir: folder,
    genesisFile: layout.genesisFile,
    keysDir: keys,
    dataDir: data,
    guardDir: guard,
  };
  await initialiseNode(
    resolveConfig({ flags: {}, environment: {}, file: { path: join(folder, 'node.json'), content } }).config,
  );
}

async function newPassphrase(path: string): Promise<SecretBytes> {
  const text = toHex(SecretBytes.random(PASSPHRASE_BYTES).reveal());
  await createSecretFile(path, `${text}\n`);
  return new SecretBytes(utf8(text));
}
