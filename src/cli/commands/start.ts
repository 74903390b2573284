import { createLogger } from '../../node/logger.ts';
import { startNode } from '../../node/node.ts';
import { AssertionFailure } from '../../util/assert.ts';
import { CodedError, errorText } from '../../util/errors.ts';
import type { Logger } from '../../util/logger.ts';
import { type ConfigFlags, readConfig } from '../config-options.ts';
import { readPassphrase } from '../passphrase.ts';
import { StopRequest } from '../stop-request.ts';

/** Longer than the slowest stop, which waits for requests in flight and a snapshot; a supervisor's own limit should be above it. */
const STOP_LIMIT_MS = 60_000;
const HALTED = 4;

/**
 * `av10 start`: runs a validator until it is asked to stop. Resolves to the exit status.
 * @throws the coded errors of `startNode`
 */
export async function runStart(options: ConfigFlags, recoverIdentity: boolean): Promise<number> {
  const { config, origins } = await readConfig(options);
  const passphrase = await readPassphrase(config.passphraseFile, { isNew: false });
  const logger = createLogger(config.logLevel, config.nodeId);
  exitOnBug(logger);
  const stopRequest = new StopRequest();
  logger.debug('configuration', {
    config: { ...config, peerAddresses: Object.fromEntries(config.peerAddresses) },
    origins: Object.fromEntries(origins),
  });
  const node = await startNode({ config, passphrase, recoverIdentity, logger });
  passphrase.wipe();
  const halted = new Promise<{ readonly code: string; readonly message: string }>((resolve) => {
    node.service.subscribe((event) => {
      if (event.type === 'halted') resolve(event);
    });
  });
  const reason = await Promise.race([stopRequest.received, halted]);
  logger.info('stopping', { reason: typeof reason === 'string' ? reason : reason.code });
  const fuse = setTimeout(() => {
    logger.error('not stopped in time', { limitMs: STOP_LIMIT_MS });
    process.exit(1);
  }, STOP_LIMIT_MS);
  await node.stop();
  clearTimeout(fuse);
  stopRequest.dispose();
  if (typeof reason === 'string') {
    logger.info('stopped', { reason });
    return 0;
  }
  throw new CodedError(reason.code, reason.message);
}

/** A bug must end the process: half a state machine is worse than none. The log on disk is what the next start goes by. */
function exitOnBug(logger: Logger): void {
  process.on('uncaughtException', (error) => {
    logger.error('crashed', { error: errorText(error), stack: error.stack });
    process.exit(error instanceof AssertionFailure ? HALTED : 1);
  });
}
