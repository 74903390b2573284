import type { StoppedNode } from '../../node/stopped-node.ts';
import type { BlockEntry, CommitEntry, LogPosition } from '../../storage/index.ts';
import { decodeSignedHeader } from '../../types/block-codec.ts';
import type { BlockId, CommitIndex } from '../../types/ids.ts';
import { CliError } from '../errors.ts';
import type { LogProgress } from './log-progress.ts';

/** A commit of the log with its blocks, in its order. */
export interface StoredCommit extends Pick<CommitEntry, 'commit' | 'source'> {
  readonly blocks: readonly BlockEntry[];
}

/** Inclusive. Without a beginning: the first commit whose blocks are all there. */
export interface CommitRange {
  readonly from: CommitIndex | undefined;
  readonly to: CommitIndex;
}

/**
 * Hands over the commits of a range in their order, once each. A commit may lie in the log twice: decided, and taken over again by a recovery.
 * @throws CliError FILE_INVALID if the log lacks a block of one
 */
export async function eachCommit(
  node: StoppedNode,
  { from, to }: CommitRange,
  progress: LogProgress,
  use: (stored: StoredCommit) => Promise<void> | void,
): Promise<void> {
  const { log } = node.opened;
  const positions = new Map<BlockId, LogPosition>();
  let next = 0;
  await log.scan(log.firstPosition, {
    async record({ entry, position, sequence }) {
      progress.at(sequence);
      if (entry.type === 'own-block' || entry.type === 'admitted-block') {
        positions.set(decodeSignedHeader(node.modules.hasher, entry.header, entry.signature).ref.id, position);
      } else if (entry.type === 'commit') {
        const { commit, source } = entry;
        const isWanted = commit.index >= Math.max(from ?? 1, next) && commit.index <= to;
        const isWhole = commit.refs.every(({ id }) => positions.has(id));
        if (isWanted && (isWhole || from !== undefined || next > 0)) {
          next = commit.index + 1;
          const blocks: BlockEntry[] = [];
          for (const { id } of commit.refs) blocks.push(await blockAt(node, positions.get(id), entry));
          await use({ commit, source, blocks });
        }
        for (const { id } of commit.refs) positions.delete(id);
      }
    },
    damaged: () => undefined,
  });
}

async function blockAt(
  { opened }: StoppedNode,
  position: LogPosition | undefined,
  { commit }: CommitEntry,
): Promise<BlockEntry> {
  const entry = position === undefined ? undefined : (await opened.log.read(position)).entry;
  if (entry?.type === 'own-block' || entry?.type === 'admitted-block') return entry;
  const message = `the log does not hold all blocks of commit ${commit.index}: it begins later, or is damaged there`;
  throw new CliError('FILE_INVALID', message, { path: 'log', field: `commit ${commit.index}` });
}
