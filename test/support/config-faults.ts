import { chmodSync, readFileSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { DevnetLayout } from '../../src/cli/devnet/layout.ts';

/** A validator that would start, until one thing of it is broken. */
export interface Site {
  readonly folder: string;
  readonly config: string;
  readonly settings: Record<string, unknown>;
  readonly layout: DevnetLayout;
}

export interface Way {
  /** Instead of those of `start --config`. */
  readonly args?: readonly string[];
  readonly flags?: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
  readonly uid?: number;
}

export interface Fault {
  readonly name: string;
  /** Breaks the one thing, and says how the validator is started then. */
  readonly breaks: (site: Site) => Way;
  readonly status: number;
  readonly code: string;
  /** What a person must be told: what is wrong, where it was said, what to do. */
  readonly says: readonly string[];
  readonly fields?: (site: Site) => Readonly<Record<string, unknown>>;
  /** A file that every start makes, empty, before this is found. */
  readonly leaves?: string;
}

const NOBODY = 65_534;

const set =
  (changed: Record<string, unknown> | ((site: Site) => Record<string, unknown>)) =>
  (site: Site): Way => {
    Object.assign(site.settings, typeof changed === 'function' ? changed(site) : changed);
    writeFileSync(site.config, JSON.stringify(site.settings));
    return {};
  };
const flags =
  (...given: readonly string[]) =>
  (): Way => ({ flags: given });
const environment = (env: Readonly<Record<string, string>>) => (): Way => ({ env });
/** A file of this content beside the configuration, named by a setting. */
const setFile =
  (setting: string, name: string, content: string | Uint8Array, mode = 0o600) =>
  (site: Site): Way => {
    writeFileSync(join(site.folder, name), content, { mode });
    return set({ [setting]: join(site.folder, name) })(site);
  };
const FROM_FILE = 'node.json';
const INVALID = { status: 2, code: 'CONFIG_INVALID', fields: () => ({ problems: 1 }) } as const;

/** `config validate` finds them too. */
export const SETTINGS: readonly Fault[] = [
  { name: 'an unknown key of the file', breaks: set({ speed: 11 }), ...INVALID, says: [FROM_FILE, 'setting: speed'] },
  { name: 'an unknown variable', breaks: environment({ AV10_SPEED: '11' }), ...INVALID, says: ['variable AV10_SPEED'] },
  {
    name: 'an unknown flag',
    breaks: flags('--speed', '11'),
    status: 2,
    code: 'USAGE',
    says: ["unknown option '--speed'", '--help'],
    fields: () => ({ option: '--speed' }),
  },
  {
    name: 'a flag without its value',
    breaks: flags('--log-level'),
    status: 2,
    code: 'USAGE',
    says: ['--log-level <level>', '--help'],
    fields: () => ({ option: '--log-level' }),
  },
  {
    name: 'a wrong type in the file',
    breaks: set({ retainCommits: { many: true } }),
    ...INVALID,
    says: ['retainCommits', FROM_FILE, 'integer from 1000'],
  },
  { name: 'half a number', breaks: set({ apiStreams: 1.5 }), ...INVALID, says: ['apiStreams', FROM_FILE, 'got 1.5'] },
  {
    name: 'a number out of its range, in a variable',
    breaks: environment({ AV10_VERIFY_WORKERS: '257' }),
    ...INVALID,
    says: ['verifyWorkers', 'environment variable AV10_VERIFY_WORKERS', '0 to 256', '"257"'],
  },
  {
    name: 'a number with its unit, in a flag',
    breaks: flags('--cache-bytes', '64M'),
    ...INVALID,
    says: ['cacheBytes (--cache-bytes)', 'integer', '"64M"'],
  },
  { name: 'a choice that is none', breaks: set({ logLevel: 'loud' }), ...INVALID, says: ['debug, info', '"loud"'] },
  { name: 'yes for true', breaks: flags('--redis-tls', 'yes'), ...INVALID, says: ['--redis-tls', 'true or false'] },
  {
    name: 'an address without port',
    breaks: set({ apiListen: '127.0.0.1' }),
    ...INVALID,
    says: ['host:port expected'],
  },
  {
    name: 'port 65,536',
    breaks: flags('--p2p-listen', '127.0.0.1:65536'),
    ...INVALID,
    says: ['p2pListen (--p2p-listen)', 'host:port expected'],
  },
  { name: 'quantum level 3', breaks: environment({ QUANTUM_LEVEL: '3' }), ...INVALID, says: ['QUANTUM_LEVEL', '5'] },
  { name: 'no name', breaks: set({ nodeId: '' }), ...INVALID, says: ['nodeId', 'must be given'] },
  {
    name: 'several at once, each said',
    breaks: set({ nodeId: '', logLevel: 'loud', speed: 11 }),
    status: 2,
    code: 'CONFIG_INVALID',
    says: ['nodeId', 'logLevel', 'speed'],
    fields: () => ({ problems: 3 }),
  },
  {
    name: 'a key that comes twice',
    breaks: ({ config }) => {
      writeFileSync(config, '{\n  "nodeId": "validator-1",\n  "logLevel": "info",\n  "logLevel": "warn"\n}\n');
      return {};
    },
    status: 2,
    code: 'FILE_INVALID',
    says: [FROM_FILE, 'logLevel', 'twice'],
    fields: ({ config }) => ({ path: config }),
  },
];

/** `config validate` finds them too. */
export const FILES: readonly Fault[] = [
  {
    name: 'a configuration file that is not there',
    breaks: ({ config }) => {
      rmSync(config);
      return { args: ['--config', config] };
    },
    status: 2,
    code: 'FILE_UNREADABLE',
    says: [FROM_FILE, 'no such file'],
    fields: ({ config }) => ({ path: config }),
  },
  {
    name: 'a folder for a configuration file',
    breaks: ({ folder }) => ({ args: ['--config', folder] }),
    status: 2,
    code: 'FILE_UNREADABLE',
    says: ['directory'],
    fields: ({ folder }) => ({ path: folder }),
  },
  {
    name: 'a configuration file of somebody else',
    breaks: ({ folder, config }) => {
      chmodSync(config, 0o600);
      for (const path of [join(folder, '..'), folder, join(config, '..')]) chmodSync(path, 0o755);
      if (process.getuid?.() === 0) return { uid: NOBODY };
      chmodSync(config, 0o000);
      return {};
    },
    status: 2,
    code: 'FILE_UNREADABLE',
    says: [FROM_FILE, 'permission denied'],
    fields: ({ config }) => ({ path: config }),
  },
  {
    name: 'a configuration file cut off, with the line',
    breaks: ({ config }) => {
      writeFileSync(config, '{\n  "nodeId": "validator-1",\n  "logLevel": "in');
      return {};
    },
    status: 2,
    code: 'FILE_INVALID',
    says: [FROM_FILE, 'line 3'],
    fields: ({ config }) => ({ path: config }),
  },
  {
    name: 'a configuration file of 1 MiB',
    breaks: ({ config }) => {
      writeFileSync(config, ' '.repeat(1024 * 1024));
      return {};
    },
    status: 2,
    code: 'FILE_UNREADABLE',
    says: [FROM_FILE, '262144 bytes'],
    fields: ({ config }) => ({ path: config }),
  },
];

/** What the settings name is not what they say. */
export const NAMED: readonly Fault[] = [
  {
    name: 'a validator that the genesis does not name',
    breaks: set({ nodeId: 'validator-9' }),
    status: 2,
    code: 'NOT_A_MEMBER',
    says: ['validator-9', 'validator-1', 'validator-2', '--node-id'],
    fields: () => ({ nodeId: 'validator-9' }),
  },
  {
    name: 'a genesis that is not there',
    breaks: set(({ folder }) => ({ genesisFile: join(folder, 'none.json') })),
    status: 2,
    code: 'GENESIS_FILES',
    says: ['none.json', 'no such file', '--genesis-file'],
    fields: ({ folder }) => ({ path: join(folder, 'none.json') }),
  },
  {
    name: 'a genesis that is no JSON',
    breaks: ({ layout }) => {
      writeFileSync(layout.genesisFile, 'genesis');
      return {};
    },
    status: 2,
    code: 'GENESIS_INVALID',
    says: ['genesis.json', 'no JSON'],
    fields: () => ({ problems: 1 }),
  },
  {
    name: 'the genesis of another network with the same validators',
    breaks: ({ layout }) => {
      writeFileSync(layout.genesisFile, readFileSync(layout.genesisFile, 'utf8').replace('"devnet"', '"other"'));
      return {};
    },
    status: 3,
    code: 'GUARD_FOREIGN',
    says: ['networkId', '--guard-dir'],
    leaves: 'validator-1/data/keys.bin',
  },
  {
    name: 'an accounts file that is cut off',
    breaks: ({ layout }) => {
      truncateSync(join(layout.baseDir, 'accounts.bin'), 1_000);
      return {};
    },
    status: 2,
    code: 'GENESIS_FILES',
    says: ['accounts.bin', '1000 bytes', 'copy the file again'],
  },
  {
    name: 'an accounts file with another balance',
    breaks: ({ layout }) => {
      const path = join(layout.baseDir, 'accounts.bin');
      const bytes = readFileSync(path);
      bytes.writeUInt8(1, bytes.length - 1);
      writeFileSync(path, bytes);
      return {};
    },
    status: 2,
    code: 'GENESIS_FILES',
    says: ['accounts.bin', 'copy the file again'],
  },
  {
    name: 'the keys of another validator',
    breaks: set(({ layout }) => {
      const { keys, passphrase } = layout.validator(1);
      return { keysDir: keys, passphraseFile: passphrase };
    }),
    status: 7,
    code: 'KEY_MISMATCH',
    says: ['consensus.json', 'validator-1'],
    fields: ({ layout }) => ({ path: join(layout.validator(1).keys, 'consensus.json'), validator: 'validator-1' }),
  },
  {
    name: 'a folder without keys',
    breaks: set(({ folder }) => ({ keysDir: folder })),
    status: 7,
    code: 'KEY_MISMATCH',
    says: ['consensus.json', 'no such file', 'av10 keys generate'],
    fields: ({ folder }) => ({ path: join(folder, 'consensus.json') }),
  },
  {
    name: 'the data of another validator',
    breaks: set(({ layout }) => ({ dataDir: layout.validator(1).data })),
    status: 3,
    code: 'NEEDS_IDENTITY_RECOVERY',
    says: ['--recover-identity'],
  },
  {
    name: 'the sign guard of another validator',
    breaks: set(({ layout }) => ({ guardDir: layout.validator(1).guard })),
    status: 3,
    code: 'NEEDS_IDENTITY_RECOVERY',
    says: ['--recover-identity'],
  },
  {
    name: 'a data folder that was never made',
    breaks: set(({ folder }) => ({ dataDir: join(folder, 'none') })),
    status: 3,
    code: 'NEEDS_IDENTITY_RECOVERY',
    says: ['av10 init', '--recover-identity'],
  },
  {
    name: 'a file for a data folder',
    breaks: set(({ config }) => ({ dataDir: config })),
    status: 5,
    code: 'EXISTS',
    says: ['node.json'],
  },
];

/** Secrets, and what must be given together. */
export const SECRETS: readonly Fault[] = [
  {
    name: 'a passphrase file that others can read',
    breaks: setFile('passphraseFile', 'passphrase', 'correct horse', 0o644),
    status: 7,
    code: 'FILE_MODE',
    says: ['passphrase', 'other users', 'chmod 600'],
    fields: ({ folder }) => ({ path: join(folder, 'passphrase') }),
  },
  {
    name: 'a passphrase file that is not there',
    breaks: set(({ folder }) => ({ passphraseFile: join(folder, 'none') })),
    status: 2,
    code: 'FILE_UNREADABLE',
    says: ['none', 'no such file'],
    fields: ({ folder }) => ({ path: join(folder, 'none') }),
  },
  {
    name: 'an empty passphrase file',
    breaks: setFile('passphraseFile', 'passphrase', '\n'),
    status: 7,
    code: 'PASSPHRASE_UNUSABLE',
    says: ['1 to 1024 bytes'],
  },
  {
    name: 'a wrong passphrase',
    breaks: setFile('passphraseFile', 'passphrase', 'correct horse'),
    status: 7,
    code: 'KEYSTORE_PASSPHRASE',
    says: [],
  },
  {
    name: 'no passphrase file, and nobody to ask',
    breaks: set({ passphraseFile: '' }),
    status: 7,
    code: 'PASSPHRASE_MISSING',
    says: ['--passphrase-file'],
  },
  {
    name: 'a certificate without its key',
    breaks: setFile('tlsCert', 'cert.pem', 'none'),
    status: 7,
    code: 'TLS_FILES',
    says: ['--tls-cert and --tls-key'],
  },
  {
    name: 'a certificate that is none',
    breaks: (site) => {
      setFile('tlsKey', 'key.pem', 'none')(site);
      return setFile('tlsCert', 'cert.pem', 'none')(site);
    },
    status: 7,
    code: 'TLS_FILES',
    says: ['cert.pem', 'key.pem'],
    fields: ({ folder }) => ({ cert: join(folder, 'cert.pem'), key: join(folder, 'key.pem') }),
  },
  {
    name: 'an archive without an address',
    breaks: set({ archiveLevel: 'blocks' }),
    status: 2,
    code: 'CONFIG_INVALID',
    says: ['--archive-uri-file'],
    fields: () => ({ path: '' }),
  },
  {
    name: 'an address of an archive that others can read',
    breaks: (site) => {
      set({ archiveLevel: 'blocks' })(site);
      return setFile('archiveUriFile', 'uri', 'mongodb://user:secret@127.0.0.1:1/', 0o644)(site);
    },
    status: 7,
    code: 'FILE_MODE',
    says: ['uri', 'chmod 600'],
    fields: ({ folder }) => ({ path: join(folder, 'uri') }),
  },
  {
    name: 'Redis without a secret',
    breaks: set({ redisNodes: ['127.0.0.1:1'] }),
    status: 2,
    code: 'CONFIG_INVALID',
    says: ['--cache-secret-file'],
    fields: () => ({ path: '' }),
  },
  {
    name: 'a secret of Redis that is too short',
    breaks: (site) => {
      set({ redisNodes: ['127.0.0.1:1'] })(site);
      return setFile('cacheSecretFile', 'secret', 'short')(site);
    },
    status: 2,
    code: 'CONFIG_INVALID',
    says: ['--cache-secret-file', '32 characters'],
    fields: ({ folder }) => ({ path: join(folder, 'secret') }),
  },
];

/** Ports: `taken` listens already. */
export const portFaults = (taken: () => string): readonly Fault[] => [
  {
    name: 'a port of the API that is taken',
    breaks: (site) => set({ apiListen: taken() })(site),
    status: 6,
    code: 'API_LISTEN_FAILED',
    says: ['--api-listen', 'address already in use'],
  },
  {
    name: 'a port of the metrics that is taken',
    breaks: (site) => set({ metricsListen: taken() })(site),
    status: 6,
    code: 'METRICS_LISTEN_FAILED',
    says: ['--metrics-listen', 'address already in use'],
  },
  {
    name: 'a port for peers that is taken',
    breaks: (site) => set({ p2pListen: taken() })(site),
    status: 6,
    code: 'LISTEN_FAILED',
    says: ['--p2p-listen', 'address already in use'],
  },
  {
    name: 'an address of another machine',
    breaks: set({ p2pListen: '192.0.2.1:30303' }),
    status: 6,
    code: 'LISTEN_FAILED',
    says: ['--p2p-listen', '192.0.2.1'],
  },
];
