export type { Cache } from './cache.ts';
export { MemoryCache } from './memory-cache.ts';
export { type CacheMetrics, cacheMetrics } from './metrics.ts';
export {
  type CacheOptions,
  DEFAULT_CACHE_OPTIONS,
  DEFAULT_REDIS_TIMING,
  MIN_SECRET_BYTES,
  type RedisOptions,
  type RedisTiming,
} from './options.ts';
export { ReadThrough } from './read-through.ts';
