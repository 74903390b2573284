import type { Hasher } from '../crypto/hasher.ts';
import type { DroppedOutcome, ExecutableCommit, ExecutedCommit } from '../execution/index.ts';
import type { ExecutedTransaction, Mempool } from '../pipeline/index.ts';
import type { SignedHeader } from '../types/block.ts';
import type { Address, AuthorIndex, BlockId, Round, TransactionId } from '../types/ids.ts';
import { type PayloadItem, parsePayload } from '../types/payload.ts';
import { decodeEnvelope } from '../types/transaction-codec.ts';
import { DecodeError } from '../util/byte-reader.ts';
import type { TransactionTracker } from './transaction-tracker.ts';

interface OpenBlock {
  readonly round: Round;
  readonly own: boolean;
  /** Those that this node's mempool holds too. */
  readonly held: readonly { readonly id: TransactionId; readonly sender: Address; readonly nonce: number }[];
}

/** Tells the mempool and the clients' view what happens to transactions in the DAG: seen in a block, executed, or back because a block was collected. */
export class MempoolFeed {
  readonly #own: AuthorIndex | undefined;
  readonly #modules: { readonly hasher: Hasher; readonly mempool: Mempool; readonly tracker: TransactionTracker };
  /** Admitted blocks with transactions that are not executed yet. Bounded by the rounds above garbage collection. */
  readonly #open = new Map<BlockId, OpenBlock>();

  constructor(
    own: AuthorIndex | undefined,
    modules: { readonly hasher: Hasher; readonly mempool: Mempool; readonly tracker: TransactionTracker },
  ) {
    this.#own = own;
    this.#modules = modules;
  }

  /** Some admitted block waits to be executed: the network is not idle. */
  get unexecutedInView(): boolean {
    return this.#open.size > 0;
  }

  admitted(header: SignedHeader, payload: Uint8Array): void {
    const { txCount } = header.payload;
    if (txCount === 0) return;
    const { hasher, mempool, tracker } = this.#modules;
    const own = header.author === this.#own;
    const { items } = parsePayload(hasher, payload, txCount);
    // Only what this node verified itself is followed: a copy with a bad signature must not hold the genuine one back.
    const held = items.filter((item) => mempool.holds(item.id, item.wireKey)).flatMap(envelopeOf);
    for (const { id, sender, nonce } of held) {
      tracker.included(id, header.ref);
      if (!own) mempool.noteIncluded(sender, nonce, id);
    }
    this.#open.set(header.ref.id, { round: header.round, own, held });
  }

  executed(result: ExecutedCommit, commit: ExecutableCommit): void {
    const { hasher, mempool, tracker } = this.#modules;
    const bodies = new Map(
      commit.blocks.map(({ ref, payload, txCount }) => [ref.id, parsePayload(hasher, payload, txCount).items]),
    );
    const results: ExecutedTransaction[] = [];
    const droppedOwn: DroppedOutcome[] = [];
    for (const outcome of result.outcomes) {
      const [envelope] = envelopeOf(bodies.get(outcome.block.id)?.[outcome.position]);
      const own = outcome.block.author === this.#own;
      if (outcome.kind === 'applied') tracker.applied(outcome.id);
      else if (own) droppedOwn.push(outcome);
      if (envelope === undefined) continue;
      if (outcome.kind === 'applied') results.push({ ...envelope, own, outcome: 'applied', code: outcome.code });
      else results.push({ ...envelope, own, outcome: 'dropped', code: outcome.code });
    }
    // After all: a copy in another block of this very commit may have been applied.
    for (const { id, code } of droppedOwn) tracker.dropped(id, code);
    for (const ref of commit.refs) this.#open.delete(ref.id);
    for (const id of mempool.executed(results)) tracker.dropped(id, 'NONCE_USED');
  }

  /** Blocks up to this round are gone; those that were never executed give their transactions back. */
  collected(gcRound: Round): void {
    const { mempool, tracker } = this.#modules;
    for (const [blockId, { round, own, held }] of this.#open) {
      if (round > gcRound) continue;
      this.#open.delete(blockId);
      for (const { id, sender, nonce } of held) {
        tracker.requeued(id);
        if (!own) mempool.noteCollected(sender, nonce, id);
      }
      if (own) mempool.giveBack(held.map(({ id }) => id));
    }
  }
}

/** Nothing for what is malformed: it will be dropped, and has no sender. */
function envelopeOf(
  item: PayloadItem | undefined,
): { readonly id: TransactionId; readonly sender: Address; readonly nonce: number }[] {
  if (item === undefined) return [];
  try {
    const { sender, nonce } = decodeEnvelope(item.body);
    return [{ id: item.id, sender, nonce }];
  } catch (error) {
    if (error instanceof DecodeError) return [];
    throw error;
  }
}
