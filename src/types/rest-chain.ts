import Type, { type Static } from 'typebox';
import { AsOfCommit, BLOCK_HEAD, Bytes, Count, Id, Name, Next, strict, Text, U64 } from './rest-shapes.ts';

/** Shapes of the public API that list what the chain holds: see `src/types/rest.ts` for the conventions. */

/** Blocks or checkpoints of one page; a block is read from the log. */
export const MAX_PAGE_ITEMS = 100;
/** Transfers of one page: a whole batch in nine, 90 kB each. */
export const MAX_PAGE_TRANSFERS = 1_000;

/** Where a page of a history ends: a height and a place in that block. Clients take it as it is. */
export const CURSOR_PATTERN = '^[0-9]{1,15}[.][0-9]{1,9}$';

export const BlockSummary = Type.Object(
  {
    ...BLOCK_HEAD,
    dagBlocks: Type.Integer({ minimum: 0, description: 'how many blocks of the DAG it orders' }),
  },
  { ...strict, title: 'BlockSummary' },
);
export type BlockSummary = Static<typeof BlockSummary>;

export const Blocks = Type.Object(
  { commit: AsOfCommit, oldest: Count, blocks: Type.Array(BlockSummary), next: Next },
  { ...strict, title: 'Blocks', description: 'oldest: the first block that this node still keeps' },
);
export type Blocks = Static<typeof Blocks>;

export const CheckpointSummary = Type.Object(
  {
    index: Count,
    epoch: Count,
    commit: Count,
    timeMs: Count,
    accountsRoot: Id,
    resultsRoot: Id,
    certified: Type.Boolean({ description: 'a quorum signed it; its own route answers the certificate' }),
  },
  { ...strict, title: 'CheckpointSummary' },
);
export type CheckpointSummary = Static<typeof CheckpointSummary>;

export const Checkpoints = Type.Object(
  { commit: AsOfCommit, checkpoints: Type.Array(CheckpointSummary), next: Next },
  { ...strict, title: 'Checkpoints' },
);
export type Checkpoints = Static<typeof Checkpoints>;

export const Transfer = Type.Object(
  {
    index: Type.Integer({ minimum: 0, description: 'position in the batch' }),
    to: Type.Integer({ minimum: 0, description: 'account handle' }),
    amount: U64,
    made: Type.Boolean(),
  },
  { ...strict, title: 'Transfer' },
);
export type Transfer = Static<typeof Transfer>;

const BATCH_FACTS = {
  commit: Type.Integer({ minimum: 0, description: 'the commit that applied the batch' }),
  id: Id,
  from: Type.Integer({ minimum: 0, description: 'account handle' }),
  asset: Count,
  atomic: Type.Boolean(),
} as const;

export const Batch = Type.Object(
  { ...BATCH_FACTS, count: Count, transfers: Type.Array(Transfer), next: Next },
  { ...strict, title: 'Batch', description: 'a page of the transfers of one transaction' },
);
export type Batch = Static<typeof Batch>;

export const SingleTransfer = Type.Object(
  { ...BATCH_FACTS, transfer: Transfer },
  { ...strict, title: 'SingleTransfer' },
);
export type SingleTransfer = Static<typeof SingleTransfer>;

export const AccountTransaction = Type.Object(
  {
    commit: Count,
    timeMs: Type.Integer({ minimum: 0, description: 'of the block' }),
    id: Id,
    kind: Text,
    code: Text,
    sender: Type.Integer({ minimum: 0, description: 'account handle' }),
    sent: Type.Boolean({ description: 'by the account itself' }),
    fee: U64,
    received: Type.Union(
      [
        Type.Object({ asset: Count, total: U64, transfers: Count }, strict),
        Type.Null({ description: 'nothing reached the account' }),
      ],
      { description: 'by the transfers of a batch that reached the account' },
    ),
  },
  { ...strict, title: 'AccountTransaction' },
);
export type AccountTransaction = Static<typeof AccountTransaction>;

export const AccountTransactions = Type.Object(
  {
    commit: AsOfCommit,
    account: Type.Integer({ minimum: 0, description: 'account handle' }),
    oldest: Type.Integer({ minimum: 0, description: 'what is in older blocks is not listed here' }),
    transactions: Type.Array(AccountTransaction),
    next: Type.Union([Type.String({ pattern: CURSOR_PATTERN }), Type.Null()], {
      description: '`cursor` of the next page, null at the end; a page that has none may still have a next one',
    }),
  },
  {
    ...strict,
    title: 'AccountTransactions',
    description: 'final transactions that the account sent, that reached it or opened it, the newest first',
  },
);
export type AccountTransactions = Static<typeof AccountTransactions>;

export const Statistics = Type.Object(
  {
    commit: AsOfCommit,
    since: Type.Integer({
      minimum: 0,
      description: 'the node has counted from behind this commit on: since its start',
    }),
    commits: Count,
    transactions: Type.Object({ applied: Count, dropped: Count, waiting: Count }, strict),
    transfers: Count,
    accounts: Type.Integer({ minimum: 0, description: 'all that exist' }),
    tps: Type.Number({ minimum: 0, description: 'transfers a second, mean of the last 10 s' }),
  },
  { ...strict, title: 'Statistics' },
);
export type Statistics = Static<typeof Statistics>;

const SignedHeader = Type.Object(
  { id: Id, header: Bytes, signature: Bytes },
  { ...strict, description: 'the canonical bytes that the member signed' },
);

export const Evidence = Type.Object(
  {
    commit: AsOfCommit,
    evidence: Type.Array(
      Type.Object(
        { author: Count, name: Name, epoch: Count, round: Count, first: SignedHeader, second: SignedHeader },
        strict,
      ),
    ),
  },
  {
    ...strict,
    title: 'Evidence',
    description:
      'members that signed two different blocks for one round, each with the first such pair: anybody can check it',
  },
);
export type Evidence = Static<typeof Evidence>;
