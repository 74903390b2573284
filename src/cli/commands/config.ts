import { CONFIG_FIELDS } from '../../node/config-fields.ts';
import { type ConfigFlags, readConfig } from '../config-options.ts';
import { columns, type JsonValue, type Terminal } from '../terminal.ts';

/** `av10 config validate`: every problem of the settings, as a start would find them; nothing else is looked at. */
export async function validateConfig(options: ConfigFlags, terminal: Terminal): Promise<undefined> {
  const { config, origins } = await readConfig(options);
  const given = [...origins.values()].filter((origin) => origin !== 'default').length;
  const value = { valid: true, nodeId: config.nodeId, given, defaults: origins.size - given };
  terminal.result(value, [`valid: ${given} settings given, ${value.defaults} by default`]);
}

/** `av10 config explain`: each setting in use, and where it came from. */
export async function explainConfig(options: ConfigFlags, terminal: Terminal): Promise<undefined> {
  const resolved = await readConfig(options);
  const settings = explainedSettings(resolved);
  const width = Math.max(...settings.map(({ value }) => shown(value).length));
  terminal.result(
    { settings },
    columns(settings.map(({ name, value, place }) => [name, `${shown(value).padEnd(width)}  ${place}`])),
  );
}

/** A setting as it is in use: paths that were not given are those below the base folder. */
export function explainedSettings({ config, origins, places }: Awaited<ReturnType<typeof readConfig>>) {
  return CONFIG_FIELDS.map(({ name }) => {
    const used = config[name as keyof typeof config];
    const value: JsonValue =
      used instanceof Map ? Object.fromEntries(used) : (used as Exclude<typeof used, ReadonlyMap<string, string>>);
    return { name, value, origin: origins.get(name) ?? 'default', place: places.get(name) ?? 'default' };
  });
}

function shown(value: JsonValue): string {
  if (value === '') return '(none)';
  return typeof value === 'string' ? value : JSON.stringify(value);
}
