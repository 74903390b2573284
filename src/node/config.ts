import type { ArchiveLevel } from '../storage/mongo/options.ts';
import { isObject } from '../util/is-object.ts';
import { CONFIG_FIELDS, type ConfigField, type ConfigValue } from './config-fields.ts';
import { NodeError } from './errors.ts';

/** What an operator may set; it never affects what the network agrees on. Reference: docs/configuration.md. */
export interface NodeConfig {
  /** Name of this validator in the genesis. */
  readonly nodeId: string;
  readonly baseDir: string;
  readonly genesisFile: string;
  readonly keysDir: string;
  readonly dataDir: string;
  /** Folder of the sign guard: on another volume than the data, so that a restored backup does not bring an old guard back. */
  readonly guardDir: string;
  readonly passphraseFile: string;
  readonly p2pListen: string;
  readonly peerAddresses: ReadonlyMap<string, string>;
  readonly apiListen: string;
  /** PEM files of the API; plain HTTP where both are empty. */
  readonly tlsCert: string;
  readonly tlsKey: string;
  readonly metricsListen: string;
  readonly trustedSources: readonly string[];
  readonly trustedProxies: readonly string[];
  readonly corsOrigins: readonly string[];
  readonly apiRequestsPerSecond: number;
  readonly apiStreams: number;
  readonly targetTps: number;
  readonly quantumLevel: number;
  readonly aiEnabled: boolean;
  readonly logLevel: string;
  readonly verifyWorkers: number;
  readonly ledgerThreads: number;
  readonly snapshotEverySeconds: number;
  readonly retainCommits: number;
  readonly archiveLevel: ArchiveLevel;
  readonly archiveUriFile: string;
  readonly archiveDatabase: string;
  readonly archiveHoldSeconds: number;
  readonly cacheBytes: number;
  readonly cacheTtlSeconds: number;
  /** `host:port` of each; none: what was read is kept in memory only. */
  readonly redisNodes: readonly string[];
  readonly redisCluster: boolean;
  readonly redisTls: boolean;
  readonly redisPasswordFile: string;
  readonly cacheSecretFile: string;
}

export type ConfigOrigin = 'flag' | 'environment' | 'file' | 'default';

export interface ResolvedConfig {
  readonly config: NodeConfig;
  /** Where each value came from. */
  readonly origins: ReadonlyMap<string, ConfigOrigin>;
  /** The same in words: the flag, the variable or the file. */
  readonly places: ReadonlyMap<string, string>;
}

export interface ConfigSources {
  /** By field name. */
  readonly flags: Readonly<Record<string, string | undefined>>;
  readonly environment: Readonly<Record<string, string | undefined>>;
  /** The content of the configuration file and its path, if there is one. */
  readonly file?: { readonly path: string; readonly content: unknown };
}

/** Variables that look like settings of this program and are none: a typing error must not pass as a default. */
const ENVIRONMENT_PREFIX = 'AV10_';
/** Read by tools and tests, never by a node. */
const TOOL_VARIABLES: ReadonlySet<string> = new Set(['AV10_TEST_REQUIRE']);

/**
 * Puts a node's settings together: flag before environment before file before default.
 * @throws NodeError CONFIG_INVALID naming every problem, where the value came from and what is expected
 */
export function resolveConfig(sources: ConfigSources): ResolvedConfig {
  const problems = [...unknownVariables(sources.environment), ...unknownFileKeys(sources.file)];
  const values = new Map<string, ConfigValue>();
  const origins = new Map<string, ConfigOrigin>();
  const places = new Map<string, string>();
  for (const field of CONFIG_FIELDS) {
    const found = find(field, sources);
    origins.set(field.name, found.origin);
    places.set(field.name, found.where);
    const parsed = field.parse(found.value);
    if ('problem' in parsed) problems.push(`${field.name} (${found.where}): ${parsed.problem}`);
    else values.set(field.name, parsed.value);
  }
  if (problems.length > 0) {
    throw new NodeError('CONFIG_INVALID', `the configuration cannot be used:\n  - ${problems.join('\n  - ')}`, {
      problems: problems.length,
    });
  }
  return { config: withPaths(Object.fromEntries(values) as unknown as NodeConfig), origins, places };
}

interface Found {
  readonly value: unknown;
  readonly origin: ConfigOrigin;
  readonly where: string;
}

function find(field: ConfigField, { flags, environment, file }: ConfigSources): Found {
  const flag = flags[field.name];
  if (flag !== undefined) return { value: flag, origin: 'flag', where: `--${field.flag}` };
  for (const name of field.environment) {
    const variable = environment[name];
    if (variable !== undefined)
      return { value: variable, origin: 'environment', where: `environment variable ${name}` };
  }
  if (file !== undefined && isObject(file.content) && Object.hasOwn(file.content, field.name)) {
    return { value: file.content[field.name], origin: 'file', where: file.path };
  }
  return { value: field.default, origin: 'default', where: 'default' };
}

function unknownVariables(environment: ConfigSources['environment']): string[] {
  const known = new Set(CONFIG_FIELDS.flatMap((field) => field.environment));
  return Object.keys(environment)
    .filter((name) => name.startsWith(ENVIRONMENT_PREFIX) && !known.has(name) && !TOOL_VARIABLES.has(name))
    .map((name) => `environment variable ${name}: no such setting; see \`av10 start --help\``);
}

function unknownFileKeys(file: ConfigSources['file']): string[] {
  if (file === undefined) return [];
  if (!isObject(file.content)) return [`${file.path}: an object expected`];
  const known = new Set(CONFIG_FIELDS.map((field) => field.name));
  return Object.keys(file.content)
    .filter((key) => !known.has(key))
    .map((key) => `${file.path}: no such setting: ${key}`);
}

/** Paths that are not given lie below the base folder. */
function withPaths(config: NodeConfig): NodeConfig {
  const below = (path: string, fallback: string): string => (path === '' ? `${config.baseDir}/${fallback}` : path);
  return {
    ...config,
    genesisFile: below(config.genesisFile, 'genesis.json'),
    keysDir: below(config.keysDir, 'keys'),
    dataDir: below(config.dataDir, 'data'),
    guardDir: below(config.guardDir, `guard/${config.nodeId}`),
  };
}
