import type { FastifyInstance, FastifyReply } from 'fastify';
import type { Problem } from '../types/rest.ts';
import { errorText } from '../util/errors.ts';
import type { Logger } from '../util/logger.ts';
import { RefusedError, RestError } from './errors.ts';
import { PROBLEM_TYPE, problemOf, refusalProblem } from './problem.ts';

/** Makes a problem of everything that a request can end with other than an answer. */
export function answerErrors(app: FastifyInstance, log: Logger): void {
  app.setNotFoundHandler((request, reply) => {
    const message = `${request.method} has nothing here; GET /v1/openapi.json lists the routes`;
    sendProblem(reply, problemOf(new RestError('NOT_FOUND', message)));
  });
  app.setErrorHandler((error, request, reply) => {
    if (error instanceof RefusedError) return sendProblem(reply, refusalProblem(error.refusal));
    const known = error instanceof RestError ? error : ofFramework(error);
    if (known !== undefined) return sendProblem(reply, problemOf(known));
    const { method, url } = request;
    const stack = error instanceof Error ? error.stack : undefined;
    log.error('a request failed', { method, url, error: errorText(error), stack });
    return sendProblem(reply, problemOf(new RestError('INTERNAL', 'the request was not the cause')));
  });
}

/** For paths that fastify refuses before a route and its hooks are found. */
export function sendFrameworkError(reply: FastifyReply, error: unknown): void {
  sendProblem(reply, problemOf(ofFramework(error) ?? new RestError('BAD_REQUEST', 'the path cannot be read')));
}

function sendProblem(reply: FastifyReply, problem: Problem): void {
  if (problem.retryAfterMs !== undefined) reply.header('retry-after', String(Math.ceil(problem.retryAfterMs / 1000)));
  reply.code(problem.status).header('content-type', PROBLEM_TYPE).send(JSON.stringify(problem));
}

/** What fastify itself refuses. */
function ofFramework(error: unknown): RestError | undefined {
  const code = typeof error === 'object' && error !== null && 'code' in error ? error.code : undefined;
  switch (code) {
    case 'FST_ERR_CTP_INVALID_MEDIA_TYPE':
    case 'FST_ERR_ROUTE_MISSING_CONTENT_TYPE':
      return new RestError('UNSUPPORTED_MEDIA_TYPE', 'name the type of the body in content-type');
    case 'FST_ERR_MAX_PARAM_LENGTH':
      return new RestError('URI_TOO_LONG', 'no id, address or name has this length');
    case 'FST_ERR_BAD_URL':
      return new RestError('BAD_REQUEST', 'the path cannot be decoded');
    default:
      return undefined;
  }
}
