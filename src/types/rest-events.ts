import Type, { type Static } from 'typebox';
import { Problem, Transaction } from './rest.ts';
import { BlockSummary, CheckpointSummary } from './rest-chain.ts';
import { AsOfCommit, Count, Id, strict, U64 } from './rest-shapes.ts';

/** The events of `GET /v1/events`: docs/api.md. */

/** What a subscriber can choose. */
export const EVENT_KINDS = ['block', 'transaction', 'transfer', 'checkpoint'] as const;
export type EventKind = (typeof EVENT_KINDS)[number];

export const Heartbeat = Type.Object(
  { commit: AsOfCommit },
  { ...strict, title: 'Heartbeat', description: 'everything up to this commit was sent' },
);
export type Heartbeat = Static<typeof Heartbeat>;

export const ReceivedTransfers = Type.Object(
  {
    commit: Count,
    id: Id,
    from: Type.Integer({ minimum: 0, description: 'account handle' }),
    to: Type.Integer({ minimum: 0, description: 'account handle' }),
    asset: Count,
    total: U64,
    transfers: Type.Array(Type.Object({ index: Count, amount: U64 }, strict)),
  },
  { ...strict, title: 'ReceivedTransfers', description: 'the transfers of one batch that reached the account' },
);
export type ReceivedTransfers = Static<typeof ReceivedTransfers>;

/** `data` by the name of the event. `end` is the last one: a problem that says why. */
export const EVENT_DATA = {
  block: BlockSummary,
  transaction: Transaction,
  transfer: ReceivedTransfers,
  checkpoint: CheckpointSummary,
  heartbeat: Heartbeat,
  end: Problem,
} as const;

/**
 * How far a subscriber has heard: all of the commits up to `commit`, `events` of the one after it, and the certificates of checkpoints up to
 * `checkpoint`. It means the same on every validator; but which certificates come before an event is each validator's own.
 */
export interface EventPosition {
  readonly commit: number;
  readonly events: number;
  readonly checkpoint: number;
}

export const EVENT_ID_PATTERN = '^[0-9]{1,15}[.][0-9]{1,9}[.][0-9]{1,15}$';

export function formatEventId({ commit, events, checkpoint }: EventPosition): string {
  return `${commit}.${events}.${checkpoint}`;
}

/** Of text that has the pattern. */
export function parseEventId(text: string): EventPosition {
  const [commit = 0, events = 0, checkpoint = 0] = text.split('.').map(Number);
  return { commit, events, checkpoint };
}
