import pino from 'pino';
import type { Logger } from '../util/logger.ts';

/** JSON lines on standard error: time, level, room, message and fields. */
export function createLogger(level: string, nodeId: string): Logger {
  const stream = pino.destination({ fd: 2, sync: false, minLength: 0 });
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
