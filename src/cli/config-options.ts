import type { Command } from 'commander';
import { type ResolvedConfig, resolveConfig } from '../node/config.ts';
import { CONFIG_FIELDS } from '../node/config-fields.ts';
import { errorText } from '../util/errors.ts';
import { CliError } from './errors.ts';
import { readBounded } from './files.ts';

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

function parse(path: string, bytes: Uint8Array): unknown {
  try {
    return JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes));
  } catch (cause) {
    throw new CliError('FILE_INVALID', `${path} is no JSON: ${errorText(cause)}`, { path }, { cause });
  }
}
