import { rename, rm } from 'node:fs/promises';
import { join, relative, resolve } from 'node:path';
import type { NodeConfig } from '../../node/config.ts';
import { CHAIN_STATE, lockDataFolder } from '../../node/restart-setup.ts';
import { NodeDisk } from '../../storage/index.ts';
import { type ConfigFlags, readConfig } from '../config-options.ts';
import { confirm } from '../confirm.ts';
import { CliError } from '../errors.ts';
import { exists } from '../files.ts';
import type { Terminal } from '../terminal.ts';

/** First in the list, and gone in one step: a node without a log starts no other way than with a recovery. */
const UNFINISHED = 'reset';
const NEXT =
  'the next start needs --recover-identity: this validator may have signed what its disk no longer knows, and asks the others';

/**
 * `av10 reset`: deletes log, snapshots, receipts and account keys of a stopped validator, which come back from its peers. The sign guard and the
 * link key sequences stay: they are what keeps an identity from signing twice. May be interrupted and called again at any point.
 * @throws CliError USAGE, FILE_UNREADABLE, INTERRUPTED; NodeError CONFIG_INVALID, ALREADY_RUNNING
 */
export async function runReset(flags: ConfigFlags, isConfirmed: boolean, terminal: Terminal): Promise<undefined> {
  const { config } = await readConfig(flags);
  if (!(await exists(config.dataDir)))
    throw new CliError('FILE_UNREADABLE', `there is no ${config.dataDir}`, { path: config.dataDir });
  refuseGuardInside(config);
  const lock = await lockDataFolder(new NodeDisk('/'), config);
  try {
    const question = `Delete ${CHAIN_STATE.join(', ')} in ${resolve(config.dataDir)}? The sign guard in ${resolve(config.guardDir)} stays.`;
    await confirm(question, config.nodeId, isConfirmed);
    const deleted = await deleteState(config.dataDir);
    terminal.result({ deleted, kept: config.guardDir }, [`deleted: ${deleted.join(', ') || 'nothing was there'}`]);
  } finally {
    await lock.release();
  }
  if (!(await exists(join(config.guardDir, 'guard')))) terminal.warn(`there is no sign guard in ${config.guardDir}`);
  terminal.note(NEXT);
}

async function deleteState(dataDir: string): Promise<string[]> {
  const [log = '', ...others] = CHAIN_STATE;
  const leftover = join(dataDir, `${log}.${UNFINISHED}`);
  await rm(leftover, { recursive: true, force: true });
  const deleted: string[] = [];
  for (const name of [log, ...others]) {
    const path = join(dataDir, name);
    if (!(await exists(path))) continue;
    if (name === log) await rename(path, leftover);
    else await rm(path, { recursive: true });
    deleted.push(name);
  }
  await rm(leftover, { recursive: true, force: true });
  return deleted;
}

function refuseGuardInside({ dataDir, guardDir }: NodeConfig): void {
  for (const name of CHAIN_STATE) {
    const way = relative(join(resolve(dataDir), name), resolve(guardDir));
    if (way !== '' && way.startsWith('..')) continue;
    const message = `the sign guard lies in ${name}, which would be deleted: move it and set --guard-dir`;
    throw new CliError('USAGE', message, { option: '--guard-dir' });
  }
}
