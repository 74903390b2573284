import type { FastifyReply, FastifyRequest } from 'fastify';
import { RestError } from './errors.ts';

/**
 * Refuses HTTP/1.1 with no host or several (RFC 9112, section 3.2): of two servers in a row each might believe another one. Here and not in
 * Node, which answers without a code and takes the first of several.
 */
export function hostHook({ raw }: FastifyRequest, reply: FastifyReply, done: (error?: Error) => void): void {
  const hosts = raw.rawHeaders.filter((name, index) => index % 2 === 0 && name.toLowerCase() === 'host').length;
  const fewest = raw.httpVersion === '1.0' ? 0 : 1;
  if (hosts >= fewest && hosts <= 1) {
    done();
    return;
  }
  reply.header('connection', 'close');
  done(new RestError('BAD_REQUEST', `one host header expected, ${hosts} came`, { hosts }));
}
