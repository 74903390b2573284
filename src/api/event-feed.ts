import type { AppliedTransaction, CommitContent, NodeService } from '../replica/service.ts';
import type { CommitIndex } from '../types/ids.ts';
import type { EventKind, ReceivedTransfers } from '../types/rest-events.ts';
import type { AccountHandle } from '../types/transaction.ts';
import { receivedTransfers } from './received-transfers.ts';
import { blockSummary, transactionView } from './views.ts';

/** Commits whose events are kept ready: streams that keep up read the newest, and one commit may hold 20 MiB. */
const MAX_READY_COMMITS = 4;
/** Events that one transaction can have: that it became final, and the transfers that reached an account. */
const EVENTS_PER_TRANSACTION = 2;

/** What a stream carries. */
export interface Subscription {
  readonly kinds: ReadonlySet<EventKind>;
  readonly account: AccountHandle | undefined;
}

export interface CommitEvent {
  readonly kind: EventKind;
  readonly data: string;
  /** Events of the commit up to and including this one, whether subscribed to or not; undefined: it was the last. */
  readonly events: number | undefined;
}

/** The events of commits, made once for all streams that ask for them at about the same time. */
export class EventFeed {
  readonly #service: NodeService;
  readonly #ready = new Map<CommitIndex, Promise<CommitEvents | undefined>>();

  constructor(service: NodeService) {
    this.#service = service;
  }

  /** Undefined: no longer kept. */
  at(index: CommitIndex): Promise<CommitEvents | undefined> {
    const ready = this.#ready.get(index);
    if (ready !== undefined) return ready;
    const made = this.#make(index);
    this.#ready.set(index, made);
    made.catch(() => this.#ready.delete(index));
    const [oldest] = this.#ready.keys();
    if (this.#ready.size > MAX_READY_COMMITS && oldest !== undefined) this.#ready.delete(oldest);
    return made;
  }

  async #make(index: CommitIndex): Promise<CommitEvents | undefined> {
    const content = await this.#service.chain.content(index);
    return content && new CommitEvents(content);
  }
}

/** In the order of execution; that the block is final comes last. */
export class CommitEvents {
  readonly #block: string;
  readonly #transactions: readonly TransactionEvents[];

  constructor({ commit, applied }: CommitContent) {
    this.#block = JSON.stringify(blockSummary(commit));
    this.#transactions = applied.map((transaction) => new TransactionEvents(transaction));
  }

  /** Those a stream carries, behind the first `seen`. */
  *select({ kinds, account }: Subscription, seen: number): Generator<CommitEvent> {
    for (const transaction of this.#transactions) {
      const events = transaction.position * EVENTS_PER_TRANSACTION;
      if (kinds.has('transaction') && events + 1 > seen && (account ?? transaction.sender) === transaction.sender)
        yield { kind: 'transaction', data: transaction.data, events: events + 1 };
      if (!kinds.has('transfer') || events + 2 <= seen || account === undefined) continue;
      const received = transaction.receivedBy(account);
      if (received !== undefined) yield { kind: 'transfer', data: JSON.stringify(received), events: events + 2 };
    }
    if (kinds.has('block')) yield { kind: 'block', data: this.#block, events: undefined };
  }
}

class TransactionEvents {
  readonly #transaction: AppliedTransaction;
  #data: string | undefined;

  constructor(transaction: AppliedTransaction) {
    this.#transaction = transaction;
  }

  get position(): number {
    return this.#transaction.position;
  }

  get sender(): AccountHandle {
    return this.#transaction.receipt.sender;
  }

  get data(): string {
    const { receipt } = this.#transaction;
    this.#data ??= JSON.stringify(transactionView({ id: receipt.id, level: 'final', receipt }, receipt.commit));
    return this.#data;
  }

  receivedBy(account: AccountHandle): ReceivedTransfers | undefined {
    return receivedTransfers(this.#transaction, account);
  }
}
