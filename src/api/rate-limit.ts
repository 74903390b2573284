import type { FastifyReply, FastifyRequest } from 'fastify';
import { addressSource, SourceBudgets } from '../pipeline/index.ts';
import type { Clock } from '../util/clock.ts';
import { RestError } from './errors.ts';
import { MAX_COUNTED_SOURCES } from './options.ts';

/** Refuses requests of a range of addresses beyond so many a second, before anything is read of them but the headers. */
export function rateLimitHook(
  { requestsPerSecond, trustedSources }: { requestsPerSecond: number; trustedSources: readonly string[] },
  clock: Clock,
) {
  const budgets = new SourceBudgets({
    perSecond: requestsPerSecond,
    burst: 2 * requestsPerSecond,
    maxSources: MAX_COUNTED_SOURCES,
    trusted: trustedSources,
  });
  return (request: FastifyRequest, _reply: FastifyReply, done: (error?: Error) => void): void => {
    const retryAfterMs = budgets.take(addressSource(request.ip), clock.monotonicMs());
    if (retryAfterMs === 0) done();
    else done(new RestError('RATE_LIMITED', `${requestsPerSecond} requests a second allowed`, { retryAfterMs }));
  };
}
