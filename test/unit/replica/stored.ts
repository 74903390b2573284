import { BlockStore } from '../../../src/replica/block-store.ts';
import { BlockLog } from '../../../src/storage/index.ts';
import { markVerified, type VerifiedHeader } from '../../../src/types/block.ts';
import { type Commit, commitDigest } from '../../../src/types/commit.ts';
import { type CommitDigest, id } from '../../../src/types/ids.ts';
import { SIGNATURE_BYTES } from '../../../src/types/limits.ts';
import { SILENT_LOGGER } from '../../../src/util/logger.ts';
import { shaHasher } from '../../support/sha-hasher.ts';
import { SimulatedDisk } from '../../support/simulated-disk.ts';
import { VirtualTime } from '../../support/virtual-time.ts';
import { LOG_OPTIONS, storageModules } from '../storage/fixture.ts';

export interface Stored {
  readonly disk: SimulatedDisk;
  readonly time: VirtualTime;
  readonly store: BlockStore;
}

/** A block store on an empty log of a simulated disk. */
export async function openStore(cacheBytes = 1_000_000): Promise<Stored> {
  const disk = new SimulatedDisk();
  const time = new VirtualTime();
  const log = await BlockLog.create(LOG_OPTIONS, { ...storageModules(disk), hasher: shaHasher });
  return {
    disk,
    time,
    store: new BlockStore(log, cacheBytes, { hasher: shaHasher, timers: time, logger: SILENT_LOGGER }),
  };
}

/** A block of a test's universe with a signature of the length that log and wire want. */
export function signed(block: VerifiedHeader): VerifiedHeader {
  return markVerified({ ...block, signature: new Uint8Array(SIGNATURE_BYTES) });
}

export function append(store: BlockStore, block: VerifiedHeader, payload = new Uint8Array(0)): VerifiedHeader {
  const header = signed(block);
  store.appendBlock(header, payload, false);
  return header;
}

/** A commit of these blocks, the last of them as leader. */
export function commitOf(index: number, blocks: readonly VerifiedHeader[]): Commit {
  const refs = blocks.map(({ ref }) => ref);
  const leader = refs.at(-1) ?? { round: index, author: 0, id: id<never>('00'.repeat(32)) };
  const previousDigest = id<CommitDigest>('01'.repeat(32));
  const commit = { index, epoch: 1, leader, timeMs: 1_000 + index, previousDigest, refs };
  return { ...commit, digest: commitDigest(shaHasher, commit) };
}

/** Lets everything run that waits for nothing but its turn. */
export const turns = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));
