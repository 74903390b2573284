import { DEFAULT_CACHE_OPTIONS } from '../cache/options.ts';
import { ARCHIVE_LEVELS, DEFAULT_DATABASE } from '../storage/mongo/options.ts';
import { isObject } from '../util/is-object.ts';

/** Everything that a setting can be after parsing. */
export type ConfigValue = string | number | boolean | readonly string[] | ReadonlyMap<string, string>;

export type ParsedValue = { readonly value: ConfigValue } | { readonly problem: string };

export interface ConfigField {
  /** In the configuration file, and in the code. */
  readonly name: string;
  /** On the command line, without dashes. */
  readonly flag: string;
  /** Environment variables, the first one found counts. */
  readonly environment: readonly string[];
  /** As it would stand in the file. */
  readonly default: unknown;
  readonly help: string;
  /** What the help shows for the value. */
  readonly placeholder: string;
  parse(value: unknown): ParsedValue;
}

const LOG_LEVELS = ['debug', 'info', 'warn', 'error'];
const MAX_LIST = 256;

/** Every setting of a node, in the order of the help. */
export const CONFIG_FIELDS: readonly ConfigField[] = [
  field('nodeId', '', 'name of this validator in the genesis', 'name', text(1, 64), ['NODE_ID']),
  field('baseDir', '.', 'folder of this node', 'path', text(1, 4096)),
  field(
    'genesisFile',
    '',
    'genesis.json; accounts.bin lies beside it (default <base-dir>/genesis.json)',
    'path',
    text(0, 4096),
  ),
  field('keysDir', '', 'folder of the keystores (default <base-dir>/keys)', 'path', text(0, 4096)),
  field('dataDir', '', 'folder of log, snapshots and indexes (default <base-dir>/data)', 'path', text(0, 4096)),
  field(
    'guardDir',
    '',
    'folder of the sign guard, best on another volume (default <base-dir>/guard/<node-id>)',
    'path',
    text(0, 4096),
  ),
  field(
    'passphraseFile',
    '',
    'file with the passphrase of the keystores; asked for at a terminal if not given',
    'path',
    text(0, 4096),
  ),
  field('p2pListen', '0.0.0.0:30303', 'address for other validators', 'host:port', address),
  field('peerAddresses', '', 'addresses that replace those of the genesis: name=host:port,...', 'map', map),
  field('apiListen', '0.0.0.0:8080', 'address of the public API', 'host:port', address),
  field('tlsCert', '', 'certificate chain of the public API (PEM); plain HTTP without it', 'path', text(0, 4096)),
  field('tlsKey', '', 'private key of --tls-cert (PEM)', 'path', text(0, 4096)),
  field('metricsListen', '0.0.0.0:9090', 'address of /metrics', 'host:port', address),
  field(
    'trustedSources',
    '',
    'client addresses without budgets for verifications and requests, separated by commas',
    'list',
    list,
  ),
  field('trustedProxies', '', 'proxies whose X-Forwarded-For is believed, separated by commas', 'list', list),
  field('corsOrigins', '', 'web origins that may read the API, separated by commas', 'list', list),
  field(
    'apiRequestsPerSecond',
    200,
    'requests of one range of addresses, after a burst of twice as many; 0: no limit',
    'number',
    integer(0, 1_000_000),
  ),
  field('apiStreams', 512, 'event streams open at a time', 'number', integer(0, 4_000)),
  field(
    'targetTps',
    1_000_000,
    'target transfers a second: a gauge and an alert, nothing else',
    'number',
    integer(1, 1e12),
    ['TARGET_TPS'],
  ),
  field('quantumLevel', 5, 'NIST category required of all keys; must be 5', '5', quantumLevel, ['QUANTUM_LEVEL']),
  field('aiEnabled', false, 'asks for the optimizer, which is reported as unavailable', 'boolean', flag, [
    'AI_ENABLED',
  ]),
  field('logLevel', 'info', 'debug, info, warn or error', 'level', choice(LOG_LEVELS)),
  field('verifyWorkers', 0, 'threads that verify signatures; 0: as many as cores', 'number', integer(0, 256)),
  field('ledgerThreads', 0, 'threads that execution may use to verify; 0: as many as cores', 'number', integer(0, 256)),
  field('snapshotEverySeconds', 60, 'least time between snapshots', 'seconds', integer(1, 86_400)),
  field(
    'retainCommits',
    100_000,
    'commits kept for peers behind the newest snapshot',
    'number',
    integer(1_000, 100_000_000),
  ),
  field(
    'archiveLevel',
    'off',
    'what is archived in MongoDB: off, blocks, batches or transfers',
    'level',
    choice(ARCHIVE_LEVELS),
  ),
  field('archiveUriFile', '', 'file with the connection string of MongoDB', 'path', text(0, 4096)),
  field('archiveDatabase', DEFAULT_DATABASE, 'database of the archive', 'name', text(1, 38)),
  field(
    'archiveHoldSeconds',
    5_400,
    'how far behind an archive may be for the log to wait for it',
    'seconds',
    integer(0, 604_800),
  ),
  field(
    'cacheBytes',
    DEFAULT_CACHE_OPTIONS.memoryBytes,
    'memory for what the API has read from the log',
    'bytes',
    integer(1_048_576, 1e12),
  ),
  field('cacheTtlSeconds', 86_400, 'how long a read is kept in memory and in Redis', 'seconds', integer(1, 31_536_000)),
  field('redisNodes', '', 'addresses of Redis, host:port,...: shares such reads with other nodes', 'list', addresses),
  field('redisCluster', false, 'the addresses are of a Redis cluster', 'boolean', flag),
  field('redisTls', false, 'TLS to Redis', 'boolean', flag),
  field('redisPasswordFile', '', 'file with the password of Redis', 'path', text(0, 4096)),
  field(
    'cacheSecretFile',
    '',
    'file with the secret of all nodes that share the Redis, 32 characters or more: values not sealed with it are not believed',
    'path',
    text(0, 4096),
  ),
];

function field(
  name: string,
  fallback: unknown,
  help: string,
  placeholder: string,
  parse: ConfigField['parse'],
  environment: readonly string[] = [],
): ConfigField {
  const words = name.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`);
  const variable = `AV10_${words.replaceAll('-', '_').toUpperCase()}`;
  return { name, flag: words, environment: [...environment, variable], default: fallback, help, placeholder, parse };
}

function text(min: number, max: number): ConfigField['parse'] {
  return (value) => {
    if (typeof value === 'string' && value.length >= min && value.length <= max) return { value };
    return {
      problem:
        min > 0 && (value === '' || value === undefined)
          ? 'must be given'
          : `text of ${min} to ${max} characters expected`,
    };
  };
}

function integer(min: number, max: number): ConfigField['parse'] {
  return (value) => {
    const number = typeof value === 'string' && /^[0-9]{1,15}$/.test(value) ? Number(value) : value;
    if (typeof number === 'number' && Number.isSafeInteger(number) && number >= min && number <= max)
      return { value: number };
    return { problem: `an integer from ${min} to ${max} expected, got ${JSON.stringify(value)}` };
  };
}

function quantumLevel(value: unknown): ParsedValue {
  if (value === 5 || value === '5') return { value: 5 };
  return { problem: `only level 5 (ML-DSA-87, ML-KEM-1024) exists, got ${JSON.stringify(value)}` };
}

function flag(value: unknown): ParsedValue {
  if (value === true || value === 'true') return { value: true };
  if (value === false || value === 'false') return { value: false };
  return { problem: `true or false expected, got ${JSON.stringify(value)}` };
}

function choice(choices: readonly string[]): ConfigField['parse'] {
  return (value) => {
    if (typeof value === 'string' && choices.includes(value)) return { value };
    return { problem: `one of ${choices.join(', ')} expected, got ${JSON.stringify(value)}` };
  };
}

function address(value: unknown): ParsedValue {
  const match = typeof value === 'string' ? /^(\[[0-9a-fA-F:.]+\]|[A-Za-z0-9._-]+):([0-9]{1,5})$/.exec(value) : null;
  if (match !== null && Number(match[2]) <= 65_535) return { value: value as string };
  return { problem: `host:port expected, got ${JSON.stringify(value)}` };
}

/** A list in the file, or text separated by commas. */
function list(value: unknown): ParsedValue {
  const items = typeof value === 'string' ? value.split(',').filter((item) => item !== '') : value;
  if (Array.isArray(items) && items.length <= MAX_LIST && items.every((item) => typeof item === 'string'))
    return { value: items as string[] };
  return { problem: `a list of at most ${MAX_LIST} texts expected` };
}

function addresses(value: unknown): ParsedValue {
  const parsed = list(value);
  if ('problem' in parsed) return parsed;
  const wrong = (parsed.value as readonly string[]).map(address).find((each) => 'problem' in each);
  return wrong ?? parsed;
}

/** An object in the file, or text `name=host:port,...`. */
function map(value: unknown): ParsedValue {
  const entries = typeof value === 'string' ? pairs(value) : isObject(value) ? Object.entries(value) : undefined;
  if (entries === undefined || entries.length > MAX_LIST)
    return { problem: `at most ${MAX_LIST} of name=host:port expected` };
  const result = new Map<string, string>();
  for (const [name, target] of entries) {
    if ('problem' in address(target) || result.has(name))
      return { problem: `name=host:port expected for each, once a name; see ${JSON.stringify(name)}` };
    result.set(name, target as string);
  }
  return { value: result };
}

/** The whole rest after the first `=` is the value. */
function pairs(text: string): [string, string | undefined][] {
  return text
    .split(',')
    .filter((item) => item !== '')
    .map((item) => {
      const at = item.indexOf('=');
      return at < 0 ? [item, undefined] : [item.slice(0, at), item.slice(at + 1)];
    });
}
