import { readFileSync } from 'node:fs';
import { loadAddon } from '../../addon/load-addon.ts';
import { PROTOCOL_VERSION } from '../../replica/options.ts';
import { isCoded } from '../../util/errors.ts';
import { columns, type Terminal } from '../terminal.ts';

export async function runVersion(terminal: Terminal): Promise<undefined> {
  const value = versions();
  terminal.result(value, columns(Object.entries(value)));
}

/** Of program, protocol, runtime and addon. */
export function versions() {
  const { version } = JSON.parse(readFileSync(new URL('../../../package.json', import.meta.url), 'utf8')) as {
    version: string;
  };
  return {
    av10: version,
    protocol: PROTOCOL_VERSION,
    node: process.versions.node,
    addon: hasAddon() ? 'built' : 'missing',
  };
}

function hasAddon(): boolean {
  try {
    loadAddon();
    return true;
  } catch (error) {
    if (isCoded(error, 'ADDON_MISSING')) return false;
    throw error;
  }
}
