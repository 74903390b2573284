import type { IncomingMessage } from 'node:http';
import type { AddressInfo } from 'node:net';
import { type FastifyInstance, type FastifyRequest, fastify } from 'fastify';
import type { NodeService } from '../replica/service.ts';
import { AccountHistory } from './account-history.ts';
import { answerErrors, sendFrameworkError } from './answer-errors.ts';
import { ChainReads } from './chain-reads.ts';
import { answerClientError } from './client-error.ts';
import { corsHook } from './cors.ts';
import type { Handlers } from './endpoints.ts';
import { RestError } from './errors.ts';
import { EventStreams, eventHandlers } from './event-streams.ts';
import { hostHook } from './host-hook.ts';
import { ledgerHandlers } from './ledger.ts';
import { type ApiMetrics, apiMetrics } from './metrics.ts';
import { nodeHandlers } from './node.ts';
import { OpenConnections } from './open-connections.ts';
import { type ApiModules, type ApiOptions, MAX_CONNECTIONS, MAX_HEADER_BYTES, MAX_PARAM_LENGTH } from './options.ts';
import { rateLimitHook } from './rate-limit.ts';
import { readBody } from './read-body.ts';
import { addRoutes } from './routes.ts';
import { parseStrictJson } from './strict-json.ts';
import { tlsServerOptions } from './tls.ts';
import { transactionHandlers } from './transactions.ts';
import { transferHandlers } from './transfers.ts';
import { Waiters } from './waiters.ts';

/** What an answer says is true for a moment, unless its route says otherwise; and no browser guesses what it is. */
const ALWAYS = { 'cache-control': 'no-store', 'x-content-type-options': 'nosniff' } as const;

export interface Api {
  /** Resolves to the base URL. */
  start(): Promise<string>;
  /** Takes no new request, answers those that wait with what is known, and resolves when all are answered. */
  stop(): Promise<void>;
  /** Open connections by negotiated key exchange. */
  readonly connections: OpenConnections;
  /** A request without a socket, for tests. */
  readonly inject: FastifyInstance['inject'];
}

/** The public API of a node: docs/api.md. */
export function createApi(service: NodeService, options: ApiOptions, modules: ApiModules): Api {
  const metrics = apiMetrics(modules.instruments);
  const waiters = new Waiters(metrics);
  const streams = new EventStreams(options.maxStreams, { ...modules, service, metrics });
  const reads = new ChainReads(service, { archive: undefined, ...modules });
  const handlers: Handlers = {
    ...transactionHandlers(service, reads, waiters),
    ...transferHandlers(service, reads),
    ...eventHandlers(service, streams),
    ...ledgerHandlers(service, reads, new AccountHistory(service, { archive: undefined, ...modules })),
    ...nodeHandlers(service),
  };
  const app = createServer(options);
  const connections = new OpenConnections(app.server, metrics, options.tls !== undefined);
  let isStopping = false;
  app.addHook('onRequest', (_request, reply, done) => {
    reply.headers(ALWAYS);
    if (!isStopping) return done();
    reply.header('connection', 'close');
    done(new RestError('STOPPING', 'ask another validator'));
  });
  app.addHook('onRequest', hostHook);
  if (options.corsOrigins.length > 0) app.addHook('onRequest', corsHook(options.corsOrigins));
  if (options.requestsPerSecond > 0) app.addHook('onRequest', rateLimitHook(options, modules.clock));
  countRequests(app, metrics);
  answerErrors(app, modules.log);
  addRoutes(app, handlers);
  return {
    async start() {
      await app.listen({ host: options.host, port: options.port });
      const { address, family, port } = app.server.address() as AddressInfo;
      return `${options.tls === undefined ? 'http' : 'https'}://${family === 'IPv6' ? `[${address}]` : address}:${port}`;
    },
    async stop() {
      isStopping = true;
      waiters.release();
      streams.stop();
      await app.close();
    },
    connections,
    inject: app.inject.bind(app) as FastifyInstance['inject'],
  };
}

function createServer({ trustedProxies, timing, tls }: ApiOptions): FastifyInstance {
  const server = {
    headersTimeout: timing.headersTimeoutMs,
    connectionsCheckingInterval: timing.checkIntervalMs,
    maxHeaderSize: MAX_HEADER_BYTES,
    requireHostHeader: false,
  };
  const app = fastify({
    trustProxy: trustedProxies.length === 0 ? false : [...trustedProxies],
    requestTimeout: timing.requestTimeoutMs,
    connectionTimeout: timing.stallTimeoutMs,
    keepAliveTimeout: timing.keepAliveTimeoutMs,
    forceCloseConnections: 'idle',
    return503OnClosing: false,
    routerOptions: { maxParamLength: MAX_PARAM_LENGTH },
    ...(tls === undefined ? { http: server } : { https: { ...server, ...tlsServerOptions(tls) } }),
    clientErrorHandler: (error, socket) => answerClientError(error.code, socket),
    frameworkErrors: (error, _request, reply) => sendFrameworkError(reply, error),
  });
  app.server.maxConnections = MAX_CONNECTIONS;
  // Node would answer without a code what it does not expect; it may be ignored (RFC 9110, section 10.1.1).
  app.server.on('checkExpectation', (request, response) => app.server.emit('request', request, response));
  app.removeAllContentTypeParsers();
  app.addContentTypeParser('application/octet-stream', (_request: FastifyRequest, payload: IncomingMessage) =>
    readBody(payload),
  );
  app.addContentTypeParser('application/json', async (_request: FastifyRequest, payload: IncomingMessage) =>
    parseStrictJson(await readBody(payload)),
  );
  return app as unknown as FastifyInstance;
}

function countRequests(app: FastifyInstance, metrics: ApiMetrics): void {
  app.addHook('onResponse', (request, reply, done) => {
    const { operation = 'none' } = request.routeOptions.config as { operation?: string };
    metrics.requests.add(1, { operation, status: `${Math.floor(reply.statusCode / 100)}xx` });
    metrics.requestSeconds.observe(reply.elapsedTime / 1000, { operation });
    done();
  });
}
