import { createLogger } from '../../node/logger.ts';
import type { RunningNode } from '../../node/node.ts';
import { AssertionFailure } from '../../util/assert.ts';
import { CodedError, errorText } from '../../util/errors.ts';
import type { Logger } from '../../util/logger.ts';
import { type ConfigFlags, readConfig, secretFilesOf } from '../config-options.ts';
import { exitStatusOf } from '../exit-codes.ts';
import { requireSecret } from '../files.ts';
import { readPassphrase } from '../passphrase.ts';
import { StopRequest } from '../stop-request.ts';

/** Longer than the slowest stop, which waits for requests in flight and a snapshot; a supervisor's own limit should be above it. */
const STOP_LIMIT_MS = 60_000;
/** For what still closes after the stop; usually it takes milliseconds. */
const DRAIN_LIMIT_MS = 5_000;
const HALTED = 4;
/** Takes the link key that `av10 keys rotate-link` made in use, without a stop. */
const RELOAD_SIGNAL = 'SIGUSR2';

/**
 * `av10 start`: runs a validator until it is asked to stop. Resolves to the exit status.
 * @throws the coded errors of `startNode`
 */
export async function runStart(options: ConfigFlags, recoverIdentity: boolean): Promise<number> {
  const { config, origins } = await readConfig(options);
  for (const path of secretFilesOf(config)) await requireSecret(path);
  const passphrase = await readPassphrase(config.passphraseFile, { isNew: false });
  const logger = createLogger(config.logLevel, config.nodeId);
  exitOnBug(logger);
  logger.debug('configuration', {
    config: { ...config, peerAddresses: Object.fromEntries(config.peerAddresses) },
    origins: Object.fromEntries(origins),
  });
  const stopRequest = new StopRequest();
  let running: RunningNode | undefined;
  // One after the other: opening a keystore takes a while, and the key of the last signal must be the one that stays.
  let reloading = Promise.resolve();
  // From now on, because without a listener the signal ends the process.
  process.on(RELOAD_SIGNAL, () => {
    reloading = reloading.then(() => reloadLinkKey(running, config.passphraseFile, logger));
  });
  try {
    // Loaded only now: a wrong configuration is refused before half a second of modules.
    const { startNode } = await import('../../node/node.ts');
    const node = await startNode({ config, passphrase, recoverIdentity, logger });
    passphrase.wipe();
    running = node;
    const reason = await Promise.race([stopRequest.received, node.halted]);
    await stop(node, reason, logger);
    if (reason instanceof CodedError) throw reason;
    return 0;
  } finally {
    stopRequest.dispose();
    endEvenIfHandlesAreOpen(logger);
  }
}

/** Everything was stopped and is durable: a forgotten socket or timer must not keep a supervisor waiting. */
function endEvenIfHandlesAreOpen(logger: Logger): void {
  setTimeout(() => {
    logger.warn('handles were left open', { resources: process.getActiveResourcesInfo() });
    process.exit();
  }, DRAIN_LIMIT_MS).unref();
}

/** A key that cannot be used is reported, and the present one stays in use. */
async function reloadLinkKey(node: RunningNode | undefined, passphraseFile: string, logger: Logger): Promise<void> {
  if (passphraseFile === '') {
    logger.error('link key not taken in use', {
      error: 'without --passphrase-file only a restart can ask for the passphrase',
    });
    return;
  }
  try {
    if (node === undefined) throw new Error('the node is not started yet: send the signal again');
    const passphrase = await readPassphrase(passphraseFile, { isNew: false });
    await node.reloadLinkKey(passphrase).finally(() => passphrase.wipe());
  } catch (error) {
    logger.error('link key not taken in use', { error: errorText(error) });
  }
}

async function stop(node: RunningNode, reason: string | CodedError, logger: Logger): Promise<void> {
  const fields = { reason: typeof reason === 'string' ? reason : reason.code };
  logger.info('stopping', fields);
  const fuse = setTimeout(() => {
    logger.error('not stopped in time', { limitMs: STOP_LIMIT_MS });
    process.exit(1);
  }, STOP_LIMIT_MS);
  await node.stop();
  clearTimeout(fuse);
  logger.info('stopped', fields);
}

/** A bug must end the process: half a state machine is worse than none. The log on disk is what the next start goes by. */
function exitOnBug(logger: Logger): void {
  process.on('uncaughtException', (error) => {
    logger.error('crashed', { error: errorText(error), stack: error.stack });
    process.exit(error instanceof AssertionFailure ? HALTED : exitStatusOf(error));
  });
}
