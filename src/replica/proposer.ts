import type { Proposal } from '../consensus/index.ts';
import { signatureContext } from '../crypto/domains.ts';
import type { Hasher } from '../crypto/hasher.ts';
import type { Signer } from '../crypto/signer.ts';
import type { PooledTransaction } from '../pipeline/index.ts';
import { type BlockRef, type CheckpointVote, type Header, markVerified, type VerifiedHeader } from '../types/block.ts';
import { blockId, encodeHeader } from '../types/block-codec.ts';
import type { AuthorIndex, CommitIndex, NetworkId, Round } from '../types/ids.ts';
import { encodePayload, parsePayload } from '../types/payload.ts';
import { fromHex } from '../util/bytes.ts';
import type { BlockStore } from './block-store.ts';

export interface ProposalContent {
  readonly timestampMs: number;
  /** On the monotonic clock. */
  readonly madeMs: number;
  readonly executedCommit: CommitIndex;
  readonly transactions: readonly PooledTransaction[];
  readonly checkpointVote: CheckpointVote | undefined;
}

export interface ProposerEvents {
  /** What the pacemaker says now. */
  proposal(): Proposal;
  /** Takes what goes into the block; `abandoned` gives it back. */
  content(ancestors: readonly BlockRef[]): ProposalContent;
  abandoned(content: ProposalContent): void;
  maySign(): boolean;
  /** Durable and guarded: from here on it may be seen by others. */
  spoken(header: VerifiedHeader, payload: Uint8Array, content: ProposalContent): void;
  failed(error: unknown): void;
}

interface Guard {
  /** Resolves when the mark is durable, however long the disk refuses. */
  advance(block: { readonly epoch: number; readonly round: Round; readonly id: BlockRef['id'] }): Promise<void>;
}

interface Spoken {
  readonly header: VerifiedHeader;
  readonly payload: Uint8Array;
  readonly content: ProposalContent;
}

/**
 * Makes own blocks, one at a time, in the order that keeps every promise (docs/spec/storage.md, "Persist before you speak"):
 * sign, log with everything the block names, sync, guard, sync, and only then send.
 */
export class Proposer {
  readonly #setup: { readonly networkId: NetworkId; readonly epoch: number; readonly own: AuthorIndex };
  readonly #context: Uint8Array;
  readonly #modules: {
    readonly hasher: Hasher;
    readonly signer: Signer;
    readonly store: BlockStore;
    readonly guard: Guard;
  };
  readonly #events: ProposerEvents;
  #working = false;
  /** Guarded, but the lease ran out meanwhile: sent once it is renewed. */
  #held: Spoken | undefined;
  #last: Proposal | undefined;
  #proposing: Promise<void> = Promise.resolve();

  constructor(
    setup: { readonly networkId: NetworkId; readonly epoch: number; readonly own: AuthorIndex },
    modules: { readonly hasher: Hasher; readonly signer: Signer; readonly store: BlockStore; readonly guard: Guard },
    events: ProposerEvents,
  ) {
    this.#setup = setup;
    this.#context = signatureContext('block', fromHex(setup.networkId));
    this.#modules = modules;
    this.#events = events;
  }

  /** What the pacemaker said last: whom the next block waits for, and until when. */
  get last(): Proposal | undefined {
    return this.#last;
  }

  /**
   * Proposes if the pacemaker allows it now.
   * @returns when to try again although nothing changed
   */
  poke(): number | undefined {
    if (this.#held !== undefined && this.#events.maySign()) this.#release(this.#held);
    if (this.#working || this.#held !== undefined) return undefined;
    const proposal = this.#events.proposal();
    this.#last = proposal;
    if (proposal.kind === 'wait') return proposal.untilMs;
    this.#working = true;
    this.#proposing = this.#propose(proposal.round, proposal.ancestors);
    return undefined;
  }

  /** Resolves when no block is being made. */
  idle(): Promise<void> {
    return this.#proposing;
  }

  async #propose(round: Round, ancestors: readonly BlockRef[]): Promise<void> {
    const content = this.#events.content(ancestors);
    try {
      const payload = encodePayload(content.transactions);
      const header = await this.#sign(this.#header(round, ancestors, content, payload));
      if (!this.#events.maySign()) return this.#abandon(content);
      this.#modules.store.appendBlock(header, payload, true);
      await this.#modules.store.flush();
      await this.#modules.guard.advance({ epoch: header.epoch, round, id: header.ref.id });
      this.#held = { header, payload, content };
      this.#working = false;
      if (this.#events.maySign()) this.#release(this.#held);
    } catch (error) {
      this.#events.failed(error);
    }
  }

  #abandon(content: ProposalContent): void {
    this.#working = false;
    this.#events.abandoned(content);
  }

  #release(spoken: Spoken): void {
    this.#held = undefined;
    this.#events.spoken(spoken.header, spoken.payload, spoken.content);
  }

  #header(round: Round, ancestors: readonly BlockRef[], content: ProposalContent, payload: Uint8Array): Header {
    const { checkpointVote, timestampMs, executedCommit, transactions } = content;
    const { digest } = parsePayload(this.#modules.hasher, payload, transactions.length);
    const header: Header = {
      version: 1,
      epoch: this.#setup.epoch,
      round,
      author: this.#setup.own,
      timestampMs,
      executedCommit,
      ancestors,
      payload: { digest, bytes: payload.length, txCount: transactions.length },
      attestations: [],
    };
    return checkpointVote === undefined ? header : { ...header, checkpointVote };
  }

  async #sign(header: Header): Promise<VerifiedHeader> {
    const bytes = encodeHeader(header);
    const signature = await this.#modules.signer.sign(this.#context, bytes);
    const ref = { round: header.round, author: header.author, id: blockId(this.#modules.hasher, bytes) };
    return markVerified({ ...header, ref, bytes, signature });
  }
}
