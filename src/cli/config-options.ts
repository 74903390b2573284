import type { Command } from 'commander';
import { type NodeConfig, type ResolvedConfig, resolveConfig } from '../node/config.ts';
import { CONFIG_FIELDS } from '../node/config-fields.ts';
import { errorText } from '../util/errors.ts';
import { CliError } from './errors.ts';
import { readBounded } from './files.ts';
import { repeatedKey } from './repeated-key.ts';

const MAX_CONFIG_BYTES = 256 * 1024;

export type ConfigFlags = Readonly<Record<string, string | undefined>>;

/** Adds `--config` and a flag for every setting of a node. */
export function addConfigOptions(command: Command): Command {
  command.option('--config <file>', 'configuration file (JSON); flags and environment variables go before it');
  for (const { flag, placeholder, help, default: fallback, environment } of CONFIG_FIELDS) {
    const origin = fallback === '' ? '' : `, default ${JSON.stringify(fallback)}`;
    command.option(`--${flag} <${placeholder}>`, `${help} (${environment.join(', ')}${origin})`);
  }
  return command;
}

/** @throws NodeError CONFIG_INVALID; CliError FILE_UNREADABLE, FILE_INVALID */
export async function readConfig(options: ConfigFlags): Promise<ResolvedConfig> {
  const { config: path } = options;
  const flags = Object.fromEntries(CONFIG_FIELDS.map(({ name }) => [name, options[name]]));
  const sources = { flags, environment: process.env };
  if (path === undefined) return resolveConfig(sources);
  return resolveConfig({ ...sources, file: { path, content: parse(path, await readBounded(path, MAX_CONFIG_BYTES)) } });
}

/** Files that a node reads secrets from, but for keystores, which a passphrase protects. */
export function secretFilesOf(config: NodeConfig): readonly string[] {
  const { passphraseFile, tlsKey, archiveUriFile, redisPasswordFile, cacheSecretFile } = config;
  return [passphraseFile, tlsKey, archiveUriFile, redisPasswordFile, cacheSecretFile].filter((path) => path !== '');
}

function parse(path: string, bytes: Uint8Array): unknown {
  const { text, value } = parseJson(path, bytes);
  const repeated = repeatedKey(text);
  if (repeated === undefined) return value;
  throw new CliError('FILE_INVALID', `${path} has '${repeated}' twice: keep one of them`, { path });
}

function parseJson(path: string, bytes: Uint8Array): { readonly text: string; readonly value: unknown } {
  try {
    const text = new TextDecoder('utf-8', { fatal: true }).decode(bytes);
    return { text, value: JSON.parse(text) };
  } catch (cause) {
    throw new CliError('FILE_INVALID', `${path} is no JSON: ${errorText(cause)}`, { path }, { cause });
  }
}
