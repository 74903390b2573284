export { MetricsError, type MetricsErrorCode } from './errors.ts';
export { PrometheusInstruments } from './prometheus-instruments.ts';
export { type MetricsServer, type MetricsServerOptions, startMetricsServer } from './server.ts';
