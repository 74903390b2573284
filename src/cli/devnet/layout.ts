import { join, resolve } from 'node:path';
import { keystoreFile } from '../../node/key-files.ts';
import { GENESIS_FILE } from '../genesis-writer.ts';

/** Nothing of a devnet is reachable from other machines. */
export const HOST = '127.0.0.1';
/** The host ports of docker-compose.av10-7.yml, so that examples work with either. */
const P2P_PORT = 30_311;
const API_PORT = 8_181;
const METRICS_PORT = 9_091;
const FIRST_NAMES = ['alice', 'bob', 'carol', 'dave'];

/** One machine runs more processes than this badly. */
export const MAX_DEVNET_VALIDATORS = 20;
/** Each has a keystore; a load test makes its own accounts. */
export const MAX_DEVNET_ACCOUNTS = 10_000;
export const MAX_PORT_OFFSET = 30_000;

/** Where everything of a devnet lies. Numbers of validators and accounts start at 0, their names at 1. */
export class DevnetLayout {
  readonly baseDir: string;

  constructor(baseDir: string) {
    this.baseDir = resolve(baseDir);
  }

  /** What the network was made with; it also marks the folder as one that `--fresh` may delete. */
  get networkFile(): string {
    return join(this.baseDir, 'network.json');
  }

  get genesisFile(): string {
    return join(this.baseDir, GENESIS_FILE);
  }

  /** Written once all validators are healthy. */
  get devnetFile(): string {
    return join(this.baseDir, 'devnet.json');
  }

  get sampleFile(): string {
    return join(this.baseDir, 'sample-transaction.bin');
  }

  validator(index: number): ValidatorPaths {
    const name = validatorName(index);
    const folder = join(this.baseDir, name);
    return {
      folder,
      config: join(folder, 'node.json'),
      keys: join(folder, 'keys'),
      passphrase: join(folder, 'passphrase'),
      data: join(folder, 'data'),
      guard: join(this.baseDir, 'guard', name),
      log: join(this.baseDir, 'logs', `${name}.log`),
    };
  }

  account(name: string): AccountPaths {
    const folder = join(this.baseDir, 'accounts', name);
    return { keyFile: keystoreFile(folder, 'account'), passphraseFile: join(folder, 'passphrase') };
  }
}

export interface ValidatorPaths {
  readonly folder: string;
  readonly config: string;
  readonly keys: string;
  readonly passphrase: string;
  readonly data: string;
  readonly guard: string;
  readonly log: string;
}

export interface AccountPaths {
  readonly keyFile: string;
  readonly passphraseFile: string;
}

export interface DevnetPorts {
  readonly p2p: number;
  readonly api: number;
  readonly metrics: number;
}

export function validatorName(index: number): string {
  return `validator-${index + 1}`;
}

export function accountName(handle: number): string {
  return FIRST_NAMES[handle] ?? `account-${handle + 1}`;
}

export function devnetPorts(index: number, offset: number): DevnetPorts {
  return { p2p: P2P_PORT + offset + index, api: API_PORT + offset + index, metrics: METRICS_PORT + offset + index };
}

export function loopback(port: number): string {
  return `${HOST}:${port}`;
}
