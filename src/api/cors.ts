import type { FastifyReply, FastifyRequest } from 'fastify';

/** Ten minutes between the questions a browser asks beforehand. */
const MAX_AGE_SECONDS = 600;

/** What pages may send and read beyond what every page may. */
const ALLOWED = 'content-type, if-none-match, last-event-id';
const EXPOSED = 'etag, retry-after';

/** Lets pages of the given origins read the answers. Nothing here depends on cookies, so none are allowed. */
export function corsHook(origins: readonly string[]) {
  return async (request: FastifyRequest, reply: FastifyReply): Promise<void> => {
    reply.header('vary', 'origin');
    const { origin } = request.headers;
    if (origin === undefined || !origins.includes(origin)) return;
    reply.header('access-control-allow-origin', origin).header('access-control-expose-headers', EXPOSED);
    if (request.method !== 'OPTIONS') return;
    reply.header('access-control-allow-methods', 'GET, POST').header('access-control-allow-headers', ALLOWED);
    reply.header('access-control-max-age', String(MAX_AGE_SECONDS));
    await reply.code(204).send();
  };
}
