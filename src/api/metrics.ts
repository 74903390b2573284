import type { Instruments } from '../util/instruments.ts';

/** Seconds; the upper ones are requests that wait for a transaction. */
const REQUEST_BUCKETS = [0.001, 0.002, 0.005, 0.01, 0.025, 0.1, 0.5, 2, 10, 60] as const;

export type ApiMetrics = ReturnType<typeof apiMetrics>;

/** What the api room counts. `operation` is a name of `src/api/endpoints.ts`, or `none` for what no route took. */
export function apiMetrics(instruments: Instruments) {
  return {
    requests: instruments.counter<'operation' | 'status'>({
      name: 'av10_api_requests_total',
      help: 'Requests answered, by operation and class of status.',
      labels: ['operation', 'status'],
    }),
    requestSeconds: instruments.histogram<'operation'>({
      name: 'av10_api_request_seconds',
      help: 'Time from the headers of a request to the end of its answer.',
      labels: ['operation'],
      buckets: REQUEST_BUCKETS,
    }),
    connections: instruments.gauge<'group'>({
      name: 'av10_api_connections',
      help: 'Open connections, by negotiated key exchange; none is plain HTTP.',
      labels: ['group'],
    }),
    streams: instruments.gauge({
      name: 'av10_api_streams',
      help: 'Open event streams.',
    }),
    waiters: instruments.gauge({
      name: 'av10_api_waiters',
      help: 'Requests that wait for a transaction to reach a level.',
    }),
  };
}
