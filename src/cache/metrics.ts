import type { Instruments } from '../util/instruments.ts';

export type CacheMetrics = ReturnType<typeof cacheMetrics>;

export function cacheMetrics(instruments: Instruments) {
  return {
    reads: instruments.counter<'tier' | 'outcome'>({
      name: 'av10_cache_reads_total',
      help: 'Look-ups by tier (memory, redis) and outcome: hit, miss, failed (late, down or too many), refused (not sealed with the secret).',
      labels: ['tier', 'outcome'],
    }),
    writes: instruments.counter<'tier' | 'outcome'>({
      name: 'av10_cache_writes_total',
      help: 'Values given to a tier (memory, redis), by outcome: stored, failed, skipped (too large, or the tier is down).',
      labels: ['tier', 'outcome'],
    }),
    loads: instruments.counter<'outcome'>({
      name: 'av10_cache_loads_total',
      help: 'Values that no tier had: loaded, shared with a load under way, absent, failed.',
      labels: ['outcome'],
    }),
    memoryBytes: instruments.gauge({
      name: 'av10_cache_memory_bytes',
      help: 'Values in memory and their bookkeeping.',
    }),
    redisUp: instruments.gauge({
      name: 'av10_cache_redis_up',
      help: '1 while Redis answers in time, 0 while it is left alone; not set without Redis.',
    }),
  };
}
