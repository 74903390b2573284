import type { Committee } from '../params/committee.ts';
import type { AuthorIndex, Round } from '../types/ids.ts';
import { assertDefined } from '../util/assert.ts';
import type { Committer } from './committer.ts';
import type { Dag } from './dag.ts';
import type { LeaderSchedule, Slot } from './leader-schedule.ts';
import type { PacingOptions } from './options.ts';

/** What the driver knows and the DAG does not. */
export interface ProposeInput {
  /** Lease, guard, disk and epoch allow signing. */
  readonly maySign: boolean;
  /** The own mempool has a transaction that could execute next (a nonce gap does not count). */
  readonly eligible: boolean;
  /** An attestation, checkpoint or vote is due; counts even while the payload is barred. */
  readonly due?: boolean;
  /** An admitted block carries transactions that are not executed yet. */
  readonly unexecutedInView: boolean;
  /** The own block must stay empty: execution or certificates lag. */
  readonly payloadBarred: boolean;
  /** 0 to 1: the larger of payload bytes and verify workers' busy share. */
  readonly load: number;
}

export type WaitReason = 'quorum' | 'leader' | 'votes' | 'delay' | 'idle' | 'barred';

/** Why no block is proposed now, whose blocks would change that, and when it changes by itself. */
export interface Wait {
  readonly kind: 'wait';
  readonly reason: WaitReason;
  readonly untilMs: number | undefined;
  readonly awaiting: readonly AuthorIndex[];
}

interface Pause {
  readonly lengthMs: number;
  readonly endMs: number;
}

/** When to propose: docs/spec/commit-rule.md, "Pacing". Local: nothing here can affect what is agreed. */
export class Pacemaker {
  readonly #committee: Committee;
  readonly #own: AuthorIndex | undefined;
  readonly #pacing: PacingOptions;
  readonly #schedule: LeaderSchedule;
  readonly #dag: Dag;
  readonly #committer: Committer;
  readonly #quorumAtMs = new Map<Round, number>();
  readonly #pauses = new Map<AuthorIndex, Pause>();
  #timeoutMs: number;
  /** The round after the highest one with a quorum, and its value when a commit or a longer timeout last gave relief. */
  #clockRound: Round = 1;
  #relievedAtRound: Round = 1;
  #firedRound: Round = 0;
  #lastProposedAtMs = Number.NEGATIVE_INFINITY;

  constructor(
    options: { readonly committee: Committee; readonly own: AuthorIndex | undefined; readonly pacing: PacingOptions },
    modules: { readonly schedule: LeaderSchedule; readonly dag: Dag; readonly committer: Committer },
  ) {
    this.#committee = options.committee;
    this.#own = options.own;
    this.#pacing = options.pacing;
    this.#timeoutMs = options.pacing.leaderTimeoutMs;
    this.#schedule = modules.schedule;
    this.#dag = modules.dag;
    this.#committer = modules.committer;
  }

  get leaderTimeoutMs(): number {
    return this.#timeoutMs;
  }

  /** Whether the block of `round` may be proposed now; if not, why. */
  check(round: Round, input: ProposeInput, nowMs: number): Wait | undefined {
    if (!this.#dag.quorumAt(round - 1)) return wait('quorum', undefined, this.#others(this.#dag.absentAt(round - 1)));
    if (!input.maySign) return wait('barred', undefined, []);
    this.onTimer(round, nowMs);
    // Others are already past this round: join them at once.
    if (this.#dag.quorumAt(round)) return undefined;
    return this.#waitForLeaders(round, nowMs) ?? this.#waitForDelay(round, input, nowMs);
  }

  /** A slot that waiting can still get committed directly: some candidate may yet gather a quorum of votes from live authors. */
  stillOpen(slot: Slot, nowMs: number): boolean {
    const leader = this.#schedule.leader(slot);
    if (this.isPaused(leader, nowMs)) return false;
    const votes = this.#dag.blocksOf(leader, slot.round).map((block) => this.#committer.votePower(slot, block.ref.id));
    if (votes.some((power) => power >= this.#committee.quorum)) return false;
    const outstanding = this.#missingVoters(slot).reduce((sum, author) => sum + this.#committee.power(author), 0);
    return votes.some((power) => power + outstanding >= this.#committee.quorum);
  }

  isPaused(author: AuthorIndex, nowMs: number): boolean {
    return (this.#pauses.get(author)?.endMs ?? nowMs) > nowMs;
  }

  /** Lets the leader timeout of `round` fire once it is over: whoever was waited for in vain is not waited for, for a while. */
  onTimer(round: Round, nowMs: number): void {
    const deadlineMs = this.deadlineMs(round, nowMs);
    if (deadlineMs === undefined || nowMs < deadlineMs) return;
    const late = this.#dag.quorumAt(round);
    const leaders = late ? [] : this.#absentLeaders(round - 1, nowMs);
    const open = late ? [] : this.#openSlots(round - 2, nowMs).map((slot) => this.#schedule.leader(slot));
    this.#firedRound = round;
    for (const author of new Set([...leaders, ...open])) this.#pause(author, nowMs);
  }

  /** When the leader timeout of `round` fires; undefined if it has not begun or has fired. */
  deadlineMs(round: Round, nowMs: number): number | undefined {
    if (this.#firedRound >= round || !this.#dag.quorumAt(round - 1)) return undefined;
    return this.#enteredAtMs(round, nowMs) + this.#timeoutMs;
  }

  /** When the quorum of the clock round has been missing for one leader timeout. */
  stalledAtMs(nowMs: number): number {
    return this.#enteredAtMs(this.#clockRound, nowMs) + this.#timeoutMs;
  }

  onAdmitted(round: Round, nowMs: number): void {
    if (this.#quorumAtMs.has(round) || !this.#dag.quorumAt(round)) return;
    this.#quorumAtMs.set(round, nowMs);
    this.#clockRound = Math.max(this.#clockRound, round + 1);
    if (this.#clockRound < this.#relievedAtRound + this.#pacing.stallRounds) return;
    this.#relievedAtRound = this.#clockRound;
    this.#timeoutMs = Math.min(this.#pacing.leaderTimeoutMaxMs, this.#timeoutMs * this.#pacing.leaderTimeoutGrowth);
    // Their lengths stay, so that the next pause of the same leader doubles.
    for (const [author, { lengthMs, endMs }] of this.#pauses) {
      this.#pauses.set(author, { lengthMs, endMs: Math.min(endMs, nowMs) });
    }
  }

  onCommit(): void {
    this.#timeoutMs = this.#pacing.leaderTimeoutMs;
    this.#relievedAtRound = this.#clockRound;
  }

  onProposed(nowMs: number): void {
    this.#lastProposedAtMs = nowMs;
  }

  /** Forgets rounds from `from` to `gcRound`, both included. */
  collect(from: Round, gcRound: Round): void {
    for (let round = from; round <= gcRound; round++) this.#quorumAtMs.delete(round);
  }

  #waitForLeaders(round: Round, nowMs: number): Wait | undefined {
    const untilMs = this.#enteredAtMs(round, nowMs) + this.#timeoutMs;
    if (nowMs >= untilMs) return undefined;
    const leaders = this.#absentLeaders(round - 1, nowMs);
    if (leaders.length > 0) return wait('leader', untilMs, leaders);
    const voters = this.#openSlots(round - 2, nowMs).flatMap((slot) => this.#missingVoters(slot));
    if (voters.length > 0)
      return wait(
        'votes',
        untilMs,
        [...new Set(voters)].sort((a, b) => a - b),
      );
    return undefined;
  }

  #waitForDelay(round: Round, input: ProposeInput, nowMs: number): Wait | undefined {
    const delayedUntilMs = this.#lastProposedAtMs + this.#minRoundDelayMs(input.load);
    if (nowMs < delayedUntilMs) return wait('delay', delayedUntilMs, []);
    const busy = (input.eligible && !input.payloadBarred) || input.due === true || input.unexecutedInView;
    if (busy) return undefined;
    const { idleRoundMs, idleJoinMs } = this.#pacing;
    const joins = this.#dag.blocksAt(round).length > 0;
    const idleUntilMs = this.#lastProposedAtMs + (joins ? idleJoinMs : idleRoundMs);
    return nowMs < idleUntilMs ? wait('idle', idleUntilMs, []) : undefined;
  }

  #minRoundDelayMs(load: number): number {
    const from = this.#pacing.minRoundDelayFromLoad;
    const share = (Math.min(1, load) - from) / (1 - from);
    return Math.round(Math.max(0, share) * this.#pacing.minRoundDelayMaxMs);
  }

  /** Leaders of the round that are waited for and whose block is not admitted. */
  #absentLeaders(round: Round, nowMs: number): readonly AuthorIndex[] {
    return this.#schedule
      .slots(round)
      .map((slot) => this.#schedule.leader(slot))
      .filter((leader) => leader !== this.#own && this.#isAlive(leader, round) && !this.isPaused(leader, nowMs))
      .filter((leader) => !this.#dag.hasBlockOf(leader, round));
  }

  #openSlots(round: Round, nowMs: number): readonly Slot[] {
    return this.#schedule.slots(round).filter((slot) => this.stillOpen(slot, nowMs));
  }

  /** Live authors, other than this node, without a block in the voting round. */
  #missingVoters(slot: Slot): readonly AuthorIndex[] {
    const round = this.#schedule.votingRound(slot);
    return this.#others(this.#dag.absentAt(round)).filter((author) => this.#isAlive(author, round));
  }

  #others(authors: readonly AuthorIndex[]): readonly AuthorIndex[] {
    return authors.filter((author) => author !== this.#own);
  }

  #isAlive(author: AuthorIndex, round: Round): boolean {
    return this.#dag.highestOf(author) >= round - this.#pacing.aliveRounds;
  }

  #pause(author: AuthorIndex, nowMs: number): void {
    const last = this.#pauses.get(author);
    const { pauseMaxMs, pauseTimeouts } = this.#pacing;
    const repeated = last !== undefined && nowMs <= last.endMs + pauseMaxMs;
    const lengthMs = Math.min(pauseMaxMs, repeated ? last.lengthMs * 2 : this.#timeoutMs * pauseTimeouts);
    this.#pauses.set(author, { lengthMs, endMs: nowMs + lengthMs });
  }

  /** First moment at which the round below had a quorum; the start of this node for round 1. */
  #enteredAtMs(round: Round, nowMs: number): number {
    if (!this.#quorumAtMs.has(round - 1)) this.#quorumAtMs.set(round - 1, nowMs);
    return assertDefined(this.#quorumAtMs.get(round - 1), 'set above');
  }
}

function wait(reason: WaitReason, untilMs: number | undefined, awaiting: readonly AuthorIndex[]): Wait {
  return { kind: 'wait', reason, untilMs, awaiting };
}
