import type { StoppedNode } from '../../node/stopped-node.ts';
import type { BlockEntry, CommitEntry, LogPosition } from '../../storage/index.ts';
import type { BlockRef } from '../../types/block.ts';
import { decodeSignedHeader } from '../../types/block-codec.ts';
import type { BlockId, CommitIndex, Round } from '../../types/ids.ts';
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
  const found = new FoundBlocks();
  let next = from ?? 1;
  let isBegun = from !== undefined;
  await log.scan(log.firstPosition, {
    async record({ entry, position, sequence }) {
      progress.at(sequence);
      if (entry.type === 'own-block' || entry.type === 'admitted-block') {
        const { ref } = decodeSignedHeader(node.modules.hasher, entry.header, entry.signature);
        found.add(ref, position);
      } else if (entry.type === 'commit') {
        const { commit, source } = entry;
        isBegun ||= commit.refs.every(({ id }) => found.position(id) !== undefined);
        if (isBegun && commit.index >= next && commit.index <= to) {
          next = commit.index + 1;
          const blocks: BlockEntry[] = [];
          for (const { id } of commit.refs) blocks.push(await blockAt(node, found.position(id), entry));
          await use({ commit, source, blocks });
        }
        found.forget(entry.gcRoundAfter);
      }
    },
    damaged: () => undefined,
  });
}

/** Where blocks lie that a commit may still name. */
class FoundBlocks {
  readonly #blocks = new Map<BlockId, { readonly position: LogPosition; readonly round: Round }>();
  #forgotten: Round = 0;

  add({ id, round }: BlockRef, position: LogPosition): void {
    this.#blocks.set(id, { position, round });
  }

  position(id: BlockId): LogPosition | undefined {
    return this.#blocks.get(id)?.position;
  }

  /** Blocks up to this round have left the DAG. */
  forget(gcRound: Round): void {
    if (gcRound <= this.#forgotten) return;
    this.#forgotten = gcRound;
    for (const [id, { round }] of this.#blocks) if (round <= gcRound) this.#blocks.delete(id);
  }
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
