import type { NodeConfig } from '../../node/config.ts';
import { errorText } from '../../util/errors.ts';
import { type ConfigFlags, readConfig } from '../config-options.ts';
import { type Check, checkAddon, checkClocks, checkRuntime } from '../doctor/machine-checks.ts';
import {
  checkCommittee,
  checkDiskSpace,
  checkGuardVolume,
  checkKeyFiles,
  checkLinkKey,
  checkPorts,
  checkStoredState,
} from '../doctor/node-checks.ts';
import { CliError } from '../errors.ts';
import { columns, type Terminal } from '../terminal.ts';

/** `av10 doctor`: looks, changes nothing, and says what to do about each finding. Ends with the status of CHECK_FAILED if one keeps a node from running. */
export async function runDoctor(flags: ConfigFlags, urls: readonly string[], terminal: Terminal): Promise<undefined> {
  const checks = await allChecks(flags, urls);
  terminal.result(
    { checks: checks.map((each) => ({ ...each })) },
    columns(checks.map(({ status, name, finding }) => [`${status}  ${name}`, finding])),
  );
  const failed = checks.filter(({ status }) => status === 'failed').length;
  if (failed > 0) throw new CliError('CHECK_FAILED', `${failed} of ${checks.length} checks failed`, { failed });
}

/** Of the machine, of the validator with these settings, and of its clock against those at `urls`. */
export async function allChecks(flags: ConfigFlags, urls: readonly string[]): Promise<Check[]> {
  return [checkRuntime(), checkAddon(), ...(await checkClocks(urls)), ...(await nodeChecks(flags))];
}

async function nodeChecks(flags: ConfigFlags): Promise<Check[]> {
  let config: NodeConfig;
  try {
    config = (await readConfig(flags)).config;
  } catch (error) {
    return [{ name: 'configuration', status: 'failed', finding: errorText(error) }];
  }
  return [
    { name: 'configuration', status: 'ok', finding: `validator ${config.nodeId}` },
    ...(await checkCommittee(config)),
    ...(await checkKeyFiles(config)),
    await checkLinkKey(config),
    await checkStoredState(config),
    await checkGuardVolume(config),
    await checkDiskSpace(config),
    ...(await checkPorts(config)),
  ];
}
