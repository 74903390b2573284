import pino from 'pino';
import type { Logger } from '../util/logger.ts';

/** Of lines that could not be written yet; newer ones are dropped. Some thousand lines. */
const MAX_WAITING_BYTES = 1024 * 1024;

/** JSON lines on standard error: time, level, room, message and fields. */
export function createLogger(level: string, nodeId: string): Logger {
  const stream = pino.destination({ fd: 2, sync: false, minLength: 0, maxLength: MAX_WAITING_BYTES });
  // A log on a full disk: its lines wait, the node goes on. What went wrong cannot be logged.
  stream.on('error', () => undefined);
  return wrap(
    pino(
      {
        level,
        base: { node: nodeId },
        timestamp: pino.stdTimeFunctions.isoTime,
        formatters: { level: (label) => ({ level: label }) },
      },
      stream,
    ),
  );
}

function wrap(logger: pino.Logger): Logger {
  return {
    debug: (message, fields = {}) => logger.debug(fields, message),
    info: (message, fields = {}) => logger.info(fields, message),
    warn: (message, fields = {}) => logger.warn(fields, message),
    error: (message, fields = {}) => logger.error(fields, message),
    child: (room) => wrap(logger.child({ room })),
  };
}
