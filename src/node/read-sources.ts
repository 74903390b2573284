import type { ReadThrough } from '../cache/index.ts';
import type { ArchiveLookup } from '../storage/index.ts';
import type { MongoLookupModules } from '../storage/mongo/index.ts';
import type { NetworkId } from '../types/ids.ts';
import { readArchiveAddress } from './archive.ts';
import { type CacheModules, openCache } from './cache.ts';
import type { NodeConfig } from './config.ts';

/** Where the API reads what does not change any more, beside the node itself. */
export interface ReadSources {
  readonly cache: ReadThrough;
  /** For what the node no longer keeps; none where nothing is archived. */
  readonly archive: ArchiveLookup | undefined;
  close(): Promise<void>;
}

/**
 * Neither Redis nor MongoDB has to be there, now or later.
 * @throws NodeError CONFIG_INVALID; ArchiveError ARCHIVE_URI
 */
export async function openReadSources(
  config: NodeConfig,
  networkId: NetworkId,
  modules: CacheModules & MongoLookupModules,
): Promise<ReadSources> {
  const { logger } = modules;
  const cache = await openCache(config, networkId, { ...modules, logger: logger.child('cache') });
  const archive = await openLookup(config, networkId, { ...modules, logger: logger.child('archive') });
  const close = async (): Promise<void> => {
    await archive?.close();
    await cache.close();
  };
  return { cache, archive, close };
}

async function openLookup(
  config: NodeConfig,
  networkId: NetworkId,
  modules: MongoLookupModules,
): Promise<ArchiveLookup | undefined> {
  const { archiveLevel: level } = config;
  if (level === 'off') return undefined;
  const address = await readArchiveAddress(config);
  const { MongoLookup } = await import('../storage/mongo/index.ts');
  return new MongoLookup(address, { networkId, level }, modules);
}
