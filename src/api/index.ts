export { type Api, createApi } from './create-api.ts';
export { apiMetrics } from './metrics.ts';
export { type ApiModules, type ApiOptions, type ApiTiming, DEFAULT_API_OPTIONS } from './options.ts';
export type { ApiTls } from './tls.ts';
