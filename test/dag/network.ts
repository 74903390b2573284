import assert from 'node:assert/strict';
import type { Core, PacingOptions, ProposeInput, WaitReason } from '../../src/consensus/index.ts';
import type { BlockRef, VerifiedHeader } from '../../src/types/block.ts';
import { Universe } from './universe.ts';

export interface NetworkOptions {
  readonly members: number;
  readonly leaders: number;
  readonly gcDepth?: number;
  readonly pacing?: Partial<PacingOptions>;
  /** One-way delay of a block between two members; undefined: it is lost. */
  readonly delayMs: (block: VerifiedHeader, to: number, nowMs: number) => number | undefined;
  /** Members that build by other rules: given what a correct member would reference, what they do. */
  readonly faulty?: ReadonlyMap<number, FaultyMember>;
}

/** Ancestors of the faulty member's block of this round; `skip`: there will be none; undefined: not yet. */
export type FaultyMember = (core: Core, round: number) => readonly BlockRef[] | 'skip' | undefined;

interface Event {
  readonly atMs: number;
  readonly order: number;
  readonly run: () => void;
}

/** From the proposal to the block being signed and durable. */
const DURABLE_MS = 1;
const BUSY: ProposeInput = { maySign: true, eligible: true, unexecutedInView: true, payloadBarred: false, load: 0 };

/** Cores in virtual time that push their own blocks to each other. What a block names is fetched at once from whoever has it. */
export class Network {
  readonly universe: Universe;
  readonly members: readonly Member[];
  readonly options: NetworkOptions;
  nowMs = 0;
  #events: Event[] = [];
  #order = 0;

  constructor(options: NetworkOptions) {
    const { members, leaders, gcDepth, pacing } = options;
    this.options = options;
    this.universe = new Universe({
      powers: new Array<number>(members).fill(1),
      leaders,
      ...(gcDepth === undefined ? {} : { gcDepth }),
      ...(pacing === undefined ? {} : { pacing }),
    });
    this.members = Array.from({ length: members }, (_, author) => new Member(this, author));
  }

  run(untilMs: number): void {
    for (const member of this.members) this.at(this.nowMs, () => member.poll());
    for (let event = this.#next(untilMs); event !== undefined; event = this.#next(untilMs)) {
      this.nowMs = event.atMs;
      event.run();
    }
    this.nowMs = untilMs;
  }

  at(atMs: number, run: () => void): void {
    this.#order += 1;
    this.#events.push({ atMs, order: this.#order, run });
  }

  push(block: VerifiedHeader): void {
    for (const [to, member] of this.members.entries()) {
      if (to === block.author) continue;
      const delayMs = this.options.delayMs(block, to, this.nowMs);
      if (delayMs !== undefined) this.at(this.nowMs + delayMs, () => member.receive(block));
    }
  }

  #next(untilMs: number): Event | undefined {
    let best = -1;
    for (const [i, event] of this.#events.entries()) {
      const leading = this.#events[best];
      if (
        leading === undefined ||
        event.atMs < leading.atMs ||
        (event.atMs === leading.atMs && event.order < leading.order)
      )
        best = i;
    }
    const event = this.#events[best];
    if (event === undefined || event.atMs > untilMs) return undefined;
    this.#events[best] = this.#events.at(-1) as Event;
    this.#events.pop();
    return event;
  }
}

export class Member {
  readonly core: Core;
  readonly digests: string[] = [];
  readonly decisions = new Map<string, number>();
  readonly waits = new Map<WaitReason, number>();
  readonly author: number;
  readonly #network: Network;
  #down = false;
  #building = false;
  #faultyRound = 0;
  #wakeAtMs = Number.POSITIVE_INFINITY;

  constructor(network: Network, author: number) {
    this.#network = network;
    this.author = author;
    this.core = network.universe.core(author);
  }

  get down(): boolean {
    return this.#down;
  }

  stop(): void {
    this.#down = true;
  }

  /** Back again: what the others would push after the exchange, in ascending rounds. */
  wake(): void {
    this.#down = false;
    for (const block of this.#network.universe.blocks) if (block.round > this.core.gcRound) this.receive(block);
    this.poll();
  }

  receive(block: VerifiedHeader): void {
    if (this.#down) return;
    const queue = [block];
    for (let next = queue.shift(); next !== undefined; next = queue.shift()) {
      const check = this.core.precheck(next);
      assert.notEqual(check.kind, 'penalise');
      if (check.kind !== 'verify' && check.kind !== 'extra') continue;
      for (const ref of this.core.insert(next, this.#network.nowMs).missing) {
        const found = this.#network.universe.find(ref.id);
        if (found !== undefined) queue.push(found);
      }
    }
    this.poll();
  }

  poll(): void {
    if (this.#down) return;
    const { nowMs } = this.#network;
    this.core.onTimer(nowMs);
    this.#advance();
    const faulty = this.#network.options.faulty?.get(this.author);
    if (faulty === undefined) this.#propose();
    else this.#misbehave(faulty);
    const deadlineMs = this.core.nextDeadlineMs();
    if (deadlineMs !== undefined) this.#wakeAt(deadlineMs);
  }

  #propose(): void {
    const { nowMs } = this.#network;
    if (this.#building) return;
    const proposal = this.core.propose(nowMs, BUSY);
    if (proposal.kind === 'wait') {
      this.waits.set(proposal.reason, (this.waits.get(proposal.reason) ?? 0) + 1);
      if (proposal.untilMs !== undefined) this.#wakeAt(proposal.untilMs);
      return;
    }
    this.#building = true;
    this.#network.at(nowMs + DURABLE_MS, () => {
      this.#building = false;
      this.#publish(
        this.#network.universe.block(this.author, proposal.round, proposal.ancestors, { timestampMs: nowMs }),
      );
      this.poll();
    });
  }

  #misbehave(faulty: FaultyMember): void {
    const ancestors = faulty(this.core, this.#faultyRound + 1);
    if (ancestors === undefined) return;
    this.#faultyRound += 1;
    if (ancestors !== 'skip') this.#publish(this.#network.universe.block(this.author, this.#faultyRound, ancestors));
    this.#network.at(this.#network.nowMs, () => this.poll());
  }

  #publish(block: VerifiedHeader): void {
    this.core.proposed(block, this.#network.nowMs);
    this.#network.push(block);
    this.#advance();
  }

  #advance(): void {
    for (const { commit, decision } of this.core.advance(this.#network.nowMs)) {
      this.digests.push(commit.digest);
      this.decisions.set(decision, (this.decisions.get(decision) ?? 0) + 1);
    }
  }

  #wakeAt(atMs: number): void {
    const { nowMs } = this.#network;
    if (atMs <= nowMs || (this.#wakeAtMs > nowMs && this.#wakeAtMs <= atMs)) return;
    this.#wakeAtMs = atMs;
    this.#network.at(atMs, () => this.poll());
  }
}
