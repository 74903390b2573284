import { initialiseNode } from '../../node/node.ts';
import { type ConfigFlags, readConfig } from '../config-options.ts';
import type { Terminal } from '../terminal.ts';

const WARNING =
  'keep the sign guard as long as the key lives, and never restore it from a backup: a validator that forgets what it signed signs twice';

/** `av10 init`: what a validator needs on disk before its first start. Explicit, because a guard made silently forgets what was signed. */
export async function runInit(options: ConfigFlags, terminal: Terminal): Promise<undefined> {
  const { config } = await readConfig(options);
  await initialiseNode(config);
  const { nodeId, dataDir, guardDir } = config;
  terminal.result({ nodeId, dataDir, guardDir }, [`data   ${dataDir}`, `guard  ${guardDir}`]);
  terminal.warn(WARNING);
}
