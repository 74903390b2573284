import type { CreateIndexesOptions, IndexSpecification } from 'mongodb';

/** Every collection of the archive, with its shard key and indexes: docs/archive.md. */
export interface CollectionLayout {
  readonly name: CollectionName;
  /** None: too small to be spread. */
  readonly shardKey?: Readonly<Record<string, 1 | 'hashed'>>;
  readonly indexes: readonly { readonly key: IndexSpecification; readonly options?: CreateIndexesOptions }[];
}

export type CollectionName =
  | 'blocks'
  | 'dagBlocks'
  | 'transactions'
  | 'transfers'
  | 'checkpoints'
  | 'evidence'
  | 'state';

const HASHED_ID = { _id: 'hashed' } as const;
const BY_HEIGHT = { key: { height: 1, position: 1 } } as const;
/** The height too, for blocks of one millisecond: pages of a history need a full order. */
const BY_PARTY = [
  { key: { from: 1, timestamp: -1, height: -1 } },
  { key: { to: 1, timestamp: -1, height: -1 } },
] as const;

/**
 * `_id` is the hash wherever there is one, so that it is unique on every cluster: a sharded collection refuses a unique index that its shard key
 * does not lead (docs/decisions/0165).
 */
export const LAYOUT: readonly CollectionLayout[] = [
  { name: 'blocks', shardKey: HASHED_ID, indexes: [{ key: { height: 1 } }] },
  { name: 'dagBlocks', shardKey: HASHED_ID, indexes: [BY_HEIGHT] },
  { name: 'transactions', shardKey: HASHED_ID, indexes: [BY_HEIGHT, ...BY_PARTY] },
  { name: 'transfers', shardKey: HASHED_ID, indexes: [{ key: { height: 1, position: 1, index: 1 } }, ...BY_PARTY] },
  { name: 'checkpoints', shardKey: HASHED_ID, indexes: [{ key: { height: 1 } }] },
  { name: 'evidence', indexes: [] },
  { name: 'state', shardKey: { key: 'hashed' }, indexes: [] },
];
