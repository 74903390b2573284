import { once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { errorText } from '../util/errors.ts';
import { MetricsError } from './errors.ts';
import type { PrometheusInstruments } from './prometheus-instruments.ts';

/** A Prometheus server or two, and a person; a scrape takes milliseconds. */
const MAX_CONNECTIONS = 32;
const REQUEST_TIMEOUT_MS = 10_000;
/** Above the longest usual scrape interval, so that the connection stays open between two. */
const KEEP_ALIVE_MS = 65_000;

export interface MetricsServerOptions {
  readonly host: string;
  /** 0 takes a free one. */
  readonly port: number;
}

export interface MetricsServer {
  readonly url: string;
  stop(): Promise<void>;
}

/**
 * Serves `/metrics` on a port of its own, so that it can stay inside the management network.
 * @throws MetricsError METRICS_LISTEN_FAILED
 */
export async function startMetricsServer(
  instruments: PrometheusInstruments,
  { host, port }: MetricsServerOptions,
): Promise<MetricsServer> {
  const timeouts = {
    requestTimeout: REQUEST_TIMEOUT_MS,
    headersTimeout: REQUEST_TIMEOUT_MS,
    keepAliveTimeout: KEEP_ALIVE_MS,
  };
  const server = createServer(timeouts, (request, response) => void answer(instruments, request, response));
  server.maxConnections = MAX_CONNECTIONS;
  server.listen(port, host);
  try {
    await once(server, 'listening');
  } catch (cause) {
    const message = `cannot listen on ${host}:${port}: ${errorText(cause)}; set --metrics-listen`;
    throw new MetricsError('METRICS_LISTEN_FAILED', message, { host, port }, { cause });
  }
  const { address, family, port: bound } = server.address() as AddressInfo;
  return {
    url: `http://${family === 'IPv6' ? `[${address}]` : address}:${bound}/metrics`,
    async stop() {
      const closed = once(server, 'close');
      server.close();
      server.closeAllConnections();
      await closed;
    },
  };
}

async function answer(
  instruments: PrometheusInstruments,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  const [path] = (request.url ?? '').split('?');
  if (path !== '/metrics') return send(response, 404, 'only /metrics is here\n');
  if (request.method !== 'GET' && request.method !== 'HEAD') return send(response, 405, 'GET only\n');
  try {
    const { contentType, text } = await instruments.expose();
    send(response, 200, text, contentType);
  } catch (error) {
    send(response, 500, `${errorText(error)}\n`);
  }
}

function send(response: ServerResponse, status: number, text: string, contentType = 'text/plain; charset=utf-8'): void {
  response.writeHead(status, { 'content-type': contentType, 'content-length': Buffer.byteLength(text) }).end(text);
}
