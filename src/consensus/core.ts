import type { Hasher } from '../crypto/hasher.ts';
import type { Committee } from '../params/committee.ts';
import type { ProtocolParameters } from '../params/protocol-parameters.ts';
import type { BlockRef, Evidence, SignedHeader, VerifiedHeader } from '../types/block.ts';
import type { Commit, Decision } from '../types/commit.ts';
import { type AuthorIndex, type BlockId, type CommitDigest, type CommitIndex, id, type Round } from '../types/ids.ts';
import { assert, assertDefined } from '../util/assert.ts';
import { ByteWriter } from '../util/byte-writer.ts';
import { fromHex } from '../util/bytes.ts';
import { checkAncestors, checkCollected, checkIdentity } from './block-rules.ts';
import { Committer, type SlotStatus } from './committer.ts';
import { Dag, type DagView } from './dag.ts';
import { Equivocation } from './equivocation.ts';
import { BlockError } from './errors.ts';
import { Frontier } from './frontier.ts';
import { LeaderSchedule, type Slot } from './leader-schedule.ts';
import { type CommitPoint, Linearizer } from './linearizer.ts';
import type { BoundsOptions, PacingOptions } from './options.ts';
import { Pacemaker, type ProposeInput, type Wait } from './pacemaker.ts';
import { type MissingBlock, Suspension } from './suspension.ts';

export interface CoreOptions {
  readonly committee: Committee;
  readonly parameters: ProtocolParameters;
  readonly epoch: number;
  /** Undefined: a full node, which never proposes. */
  readonly own: AuthorIndex | undefined;
  /** `digest` is that of commit 0: the network id. */
  readonly genesis: { readonly digest: CommitDigest; readonly timeMs: number };
  readonly pacing: PacingOptions;
  readonly bounds: BoundsOptions;
}

/** What a node knows of the past when it starts from its log or from commit sync. */
export interface CoreState {
  readonly lastCommit: CommitPoint;
  /** References of the commits so far whose round is above the garbage-collection round of `lastCommit`. */
  readonly linearised: readonly BlockRef[];
  /** No own block of this round or below will be proposed: the sign guard's round. */
  readonly lastProposedRound: Round;
}

/** What to do with a header whose signature is not checked yet. */
export type Precheck =
  | { readonly kind: 'verify' }
  /** Another header of a slot that is taken: verify, then `insert` records the evidence. */
  | { readonly kind: 'extra' }
  | { readonly kind: 'known' }
  | { readonly kind: 'ignore' | 'penalise'; readonly error: BlockError }
  /** Nothing is stored: a hint to synchronise by commits. */
  | { readonly kind: 'too-far'; readonly round: Round };

/** What an input made possible. */
export interface Released {
  /** In order of admission, ancestors first: append them to the log in this order. */
  readonly admitted: readonly VerifiedHeader[];
  /** Newly wanted blocks. */
  readonly missing: readonly BlockRef[];
  readonly evidence: readonly Evidence[];
  /** Suspended blocks let go; they are fetched again when they are needed. */
  readonly dropped: readonly VerifiedHeader[];
}

export interface InsertResult extends Released {
  readonly outcome: 'admitted' | 'suspended' | 'parked' | 'known' | 'dropped';
}

export interface CommittedSubDag extends Released {
  readonly commit: Commit;
  /** How the leader's slot was decided. */
  readonly decision: Decision;
  /** In the order of `commit.refs`. */
  readonly blocks: readonly VerifiedHeader[];
  /** After this commit. `admitted` and `dropped` are what its move released. */
  readonly gcRound: Round;
  /** Own blocks that left without being linearised: their transactions go back to the mempool. */
  readonly collected: readonly VerifiedHeader[];
}

export type Proposal =
  | { readonly kind: 'propose'; readonly round: Round; readonly ancestors: readonly BlockRef[] }
  | Wait;

/** What peers tell each other to find out which blocks to send. */
export interface ExchangeState {
  readonly lastOwnRound: Round;
  readonly highestRounds: readonly Round[];
  readonly gcRound: Round;
  readonly commitIndex: CommitIndex;
}

/**
 * The one owner of consensus state: blocks in, commits and proposals out. Pure and synchronous; time comes in with each call.
 * Every method that takes blocks throws {@link ConsensusHalt} when the DAG proves that more than f of the power is faulty.
 */
export class Core {
  readonly #options: CoreOptions;
  readonly #schedule: LeaderSchedule;
  readonly #genesis: readonly BlockRef[];
  readonly #dag: Dag;
  readonly #committer: Committer;
  readonly #linearizer: Linearizer;
  readonly #equivocation: Equivocation;
  readonly #suspension: Suspension;
  readonly #frontier: Frontier;
  readonly #pacemaker: Pacemaker;
  readonly #newestSeen: (VerifiedHeader | undefined)[];
  #lastCommit: CommitPoint;
  #lastDecided: Slot;
  #lastProposedRound: Round;
  #ownLast: BlockRef | undefined;
  #nowMs = 0;

  constructor(options: CoreOptions, modules: { readonly hasher: Hasher }, state?: CoreState) {
    const { committee, parameters, epoch, own, pacing, bounds, genesis } = options;
    const { leadersPerRound, gcDepth } = parameters;
    const schedule = new LeaderSchedule({ members: committee.size, leadersPerRound, gcDepth });
    const start = state?.lastCommit ?? { index: 0, ...genesis, leaderRound: 0, slot: schedule.origin };
    const gcRound = schedule.gcRoundAfter(start.leaderRound);
    this.#options = options;
    this.#schedule = schedule;
    this.#genesis = genesisRefs(modules.hasher, genesis.digest, committee);
    this.#dag = new Dag(committee, gcRound);
    this.#committer = new Committer({ committee, schedule, dag: this.#dag });
    this.#linearizer = new Linearizer(
      { committee, epoch, genesisTimeMs: genesis.timeMs },
      { schedule, hasher: modules.hasher, dag: this.#dag },
    );
    this.#equivocation = new Equivocation(gcRound);
    this.#suspension = new Suspension({ committee, bounds }, { equivocation: this.#equivocation });
    this.#frontier = new Frontier(committee);
    this.#pacemaker = new Pacemaker(
      { committee, own, pacing },
      { schedule, dag: this.#dag, committer: this.#committer },
    );
    this.#newestSeen = committee.members.map(() => undefined);
    this.#lastCommit = start;
    this.#lastDecided = start.slot;
    this.#lastProposedRound = state?.lastProposedRound ?? 0;
    this.#ownLast = own === undefined ? undefined : this.genesisRef(own);
    for (const ref of state?.linearised ?? []) if (ref.round > gcRound) this.#linearizer.mark(ref);
  }

  /** The core after `state.lastCommit`. Then insert the blocks above its garbage-collection round; slots up to its leader's are not decided again. */
  static restore(options: CoreOptions, modules: { readonly hasher: Hasher }, state: CoreState): Core {
    return new Core(options, modules, state);
  }

  get dag(): DagView {
    return this.#dag;
  }

  get gcRound(): Round {
    return this.#dag.gcRound;
  }

  get highestRound(): Round {
    return this.#dag.highestRound;
  }

  /** Highest admitted round by author. */
  get highestRounds(): readonly Round[] {
    return this.#dag.highestRounds;
  }

  get lastCommit(): CommitPoint {
    return this.#lastCommit;
  }

  get lastProposedRound(): Round {
    return this.#lastProposedRound;
  }

  /** Blocks held without being admitted. */
  get suspended(): { readonly count: number; readonly bytes: number } {
    return { count: this.#suspension.size, bytes: this.#suspension.bytes };
  }

  get leaderTimeoutMs(): number {
    return this.#pacemaker.leaderTimeoutMs;
  }

  genesisRef(author: AuthorIndex): BlockRef {
    return assertDefined(this.#genesis[author], 'author of the committee');
  }

  /** Admitted, suspended or parked. */
  holds(blockId: BlockId): boolean {
    return this.#dag.has(blockId) || this.#suspension.holds(blockId);
  }

  /** The verified header of the author with the highest round that was ever inserted here, whatever became of it. */
  newestSeenOf(author: AuthorIndex): VerifiedHeader | undefined {
    return this.#newestSeen[author];
  }

  isExposed(author: AuthorIndex): boolean {
    return this.#equivocation.isExposed(author);
  }

  statusOf(slot: Slot): SlotStatus {
    return this.#committer.statusOf(slot, this.#lastDecided);
  }

  /** The rules of docs/spec/block.md that cost nothing, before the signature is verified. Changes nothing. */
  precheck(header: SignedHeader): Precheck {
    const { committee, epoch, bounds } = this.#options;
    const fault = checkIdentity(header, { epoch, committee }) ?? checkCollected(header, this.gcRound);
    if (fault !== undefined) return { kind: fault.action, error: fault };
    const { ref, round, author } = header;
    if (round > Math.max(this.highestRound, this.#lastCommit.leaderRound) + bounds.maxRoundsAhead)
      return { kind: 'too-far', round };
    if (this.holds(ref.id)) return { kind: 'known' };
    const misshapen = checkAncestors(header, { committee, genesis: this.#genesis });
    if (misshapen !== undefined) return { kind: misshapen.action, error: misshapen };
    if (!this.#equivocation.isExtra(ref) || this.#suspension.isWanted(ref.id)) return { kind: 'verify' };
    if (!this.#equivocation.isExposed(author)) return { kind: 'extra' };
    const error = new BlockError('EXTRA_UNWANTED', 'ignore', 'its author is exposed and nothing needs it', {
      author,
      round,
    });
    return { kind: 'ignore', error };
  }

  /**
   * Takes a block whose signature and payload were checked.
   * @throws ConsensusHalt
   */
  insert(block: VerifiedHeader, nowMs: number): InsertResult {
    return this.#take(block, nowMs, this.#suspension.isWanted(block.ref.id));
  }

  /**
   * Takes a block that was admitted before, here or by a quorum: from the own log or from a commit that was synchronised. Whether anything needs it is
   * not asked again.
   * @throws ConsensusHalt
   */
  readmit(block: VerifiedHeader, nowMs: number): InsertResult {
    return this.#take(block, nowMs, true);
  }

  /**
   * Takes the own block, already durable. `dropped`: while it was made durable its round was collected, it goes the way of `collected` blocks.
   * @throws ConsensusHalt
   */
  proposed(block: VerifiedHeader, nowMs: number): InsertResult {
    assert(block.author === this.#options.own, 'only the own block is proposed');
    const taken = this.#take(block, nowMs, true);
    assert(
      taken.outcome === 'admitted' || block.round <= this.gcRound,
      'every ancestor of an own block is admitted or collected',
    );
    this.#lastProposedRound = Math.max(this.#lastProposedRound, block.round);
    this.#pacemaker.onProposed(nowMs);
    return taken;
  }

  /** Takes note of a peer's proof, its signatures checked, that an author equivocated. */
  learn({ first, second }: Evidence): void {
    if (first.round <= this.gcRound) return;
    this.#equivocation.note(first);
    this.#equivocation.note(second);
  }

  /** No own block of this round or below will be proposed: the end of an identity's recovery. */
  barRounds(through: Round): void {
    this.#lastProposedRound = Math.max(this.#lastProposedRound, through);
  }

  /** What the commits so far have ordered above the garbage-collection round. */
  linearised(): readonly BlockRef[] {
    return this.#dag.blocks().flatMap(({ ref }) => (this.#linearizer.isLinearised(ref) ? [ref] : []));
  }

  /** Every admitted block above the garbage-collection round, in order of admission. */
  blocks(): readonly VerifiedHeader[] {
    return this.#dag.blocks();
  }

  /** Blocks to fetch, lowest round first, each with the authors whose verified blocks name it. */
  missing(): readonly MissingBlock[] {
    return this.#suspension.missing();
  }

  /**
   * Commits everything that is decidable now.
   * @throws ConsensusHalt
   */
  advance(nowMs: number): readonly CommittedSubDag[] {
    this.#nowMs = nowMs;
    const committed: CommittedSubDag[] = [];
    let decided = this.#committer.decide(this.#lastDecided);
    while (decided.length > 0) {
      for (const status of decided) {
        this.#committer.settle(status);
        this.#lastDecided = status.slot;
        if (status.leader !== undefined) committed.push(this.#commit(status.leader, status, nowMs));
      }
      decided = this.#committer.decide(this.#lastDecided);
    }
    return committed;
  }

  /** The block to build now, or what is waited for. */
  propose(nowMs: number, input: ProposeInput): Proposal {
    this.#nowMs = nowMs;
    const { own } = this.#options;
    if (own === undefined || this.#committer.halted)
      return { kind: 'wait', reason: 'barred', untilMs: undefined, awaiting: [] };
    const round = this.#nextRound;
    return (
      this.#pacemaker.check(round, input, nowMs) ?? { kind: 'propose', round, ancestors: this.#ancestors(own, round) }
    );
  }

  /** Lets timeouts fire, and parked blocks be taken up. */
  onTimer(nowMs: number): Released {
    this.#nowMs = nowMs;
    if (this.#options.own !== undefined) this.#pacemaker.onTimer(this.#nextRound, nowMs);
    const stalled = this.#suspension.hasParked && nowMs >= this.#pacemaker.stalledAtMs(nowMs);
    const missing = stalled ? this.#suspension.takeUpParked(nowMs) : this.#suspension.grantExtras(nowMs);
    return { admitted: [], missing, evidence: [], dropped: [] };
  }

  /** When `onTimer` has something to do; besides, a proposal that waits says until when. */
  nextDeadlineMs(): number | undefined {
    const deadlines = [
      this.#options.own === undefined ? undefined : this.#pacemaker.deadlineMs(this.#nextRound, this.#nowMs),
      this.#suspension.hasParked ? this.#pacemaker.stalledAtMs(this.#nowMs) : undefined,
      this.#suspension.nextGrantMs(),
    ].filter((deadline) => deadline !== undefined);
    return deadlines.length === 0 ? undefined : Math.min(...deadlines);
  }

  exchange(): ExchangeState {
    return {
      lastOwnRound: this.#ownLast?.round ?? 0,
      highestRounds: [...this.highestRounds],
      gcRound: this.gcRound,
      commitIndex: this.#lastCommit.index,
    };
  }

  /** Every round is built; one may be skipped only if all its slots are decided here, so that a block there could change nothing. */
  get #nextRound(): Round {
    return Math.max(this.#lastProposedRound, this.#schedule.completedRound(this.#lastDecided)) + 1;
  }

  #take(block: VerifiedHeader, nowMs: number, wanted: boolean): InsertResult {
    this.#nowMs = nowMs;
    const { ref } = block;
    if (this.holds(ref.id)) return result('known');
    if (ref.round <= this.gcRound) return result('dropped');
    const evidence = this.#note(block);
    if (!wanted && this.#equivocation.isExtra(ref)) return result('dropped', { evidence });
    const absent = block.ancestors.filter(({ round, id }) => round > this.gcRound && !this.#dag.has(id));
    if (absent.length === 0) return result('admitted', { admitted: this.#admit([block], nowMs), evidence });
    const { missing, dropped } = this.#suspension.add(block, absent, nowMs);
    return result(this.#outcomeOf(ref.id), { missing, evidence, dropped });
  }

  #note(block: VerifiedHeader): readonly Evidence[] {
    const newest = this.#newestSeen[block.author];
    if (newest === undefined || block.round > newest.round) this.#newestSeen[block.author] = block;
    const evidence = this.#equivocation.note(block);
    return evidence === undefined ? [] : [evidence];
  }

  /** Admits blocks whose ancestors are admitted, and all that they release from suspension. */
  #admit(blocks: readonly VerifiedHeader[], nowMs: number): readonly VerifiedHeader[] {
    const admitted = [...blocks];
    for (const block of admitted) {
      this.#dag.insert(block);
      this.#committer.observe(block);
      this.#frontier.add(block);
      this.#pacemaker.onAdmitted(block.round, nowMs);
      if (block.author === this.#options.own) this.#follow(block);
      admitted.push(...this.#suspension.resolve(block.ref.id));
    }
    return admitted;
  }

  #follow(own: VerifiedHeader): void {
    this.#lastProposedRound = Math.max(this.#lastProposedRound, own.round);
    if (own.round <= assertDefined(this.#ownLast, 'a member has a last block').round) return;
    this.#ownLast = own.ref;
    this.#frontier.reference(own);
  }

  #outcomeOf(blockId: BlockId): InsertResult['outcome'] {
    if (!this.#suspension.holds(blockId)) return 'dropped';
    return this.#suspension.isParked(blockId) ? 'parked' : 'suspended';
  }

  #commit(leader: VerifiedHeader, status: SlotStatus, nowMs: number): CommittedSubDag {
    const { commit, blocks } = this.#linearizer.commit(this.#lastCommit, leader);
    const { index, digest, timeMs } = commit;
    this.#lastCommit = { index, digest, timeMs, leaderRound: leader.round, slot: status.slot };
    this.#pacemaker.onCommit();
    const moved = this.#collect(this.#schedule.gcRoundAfter(leader.round), nowMs);
    return { commit, decision: status.decision, blocks, gcRound: this.gcRound, missing: [], evidence: [], ...moved };
  }

  #collect(gcRound: Round, nowMs: number): Pick<CommittedSubDag, 'admitted' | 'dropped' | 'collected'> {
    const from = this.gcRound + 1;
    if (gcRound < from) return { admitted: [], dropped: [], collected: [] };
    const gone = this.#dag.collect(gcRound);
    const collected = gone.filter(
      (block) => block.author === this.#options.own && !this.#linearizer.isLinearised(block.ref),
    );
    this.#frontier.collect(gone);
    this.#committer.collect(from, gcRound);
    this.#linearizer.collect(from, gcRound);
    this.#pacemaker.collect(from, gcRound);
    this.#equivocation.collect(gcRound);
    const { ready, dropped } = this.#suspension.collect(gcRound);
    return { admitted: this.#admit(ready, nowMs), dropped, collected };
  }

  /** Own last block first, then of each other author the newest block not yet in its history; of exposed authors only what the quorum needs. */
  #ancestors(own: AuthorIndex, round: Round): readonly BlockRef[] {
    const { committee } = this.#options;
    const last = assertDefined(this.#ownLast, 'a member has a last block');
    const others = committee.members
      .map((_, author) => author)
      .filter((author) => author !== own)
      .map((author) => this.#frontier.newest(author, round) ?? (round === 1 ? this.genesisRef(author) : undefined))
      .filter((ref) => ref !== undefined);
    const chosen = [last, ...others.filter(({ author }) => !this.#equivocation.isExposed(author))];
    let power = 0;
    for (const ref of chosen) if (ref.round === round - 1) power += committee.power(ref.author);
    for (const ref of others) {
      if (power >= committee.quorum) break;
      if (!this.#equivocation.isExposed(ref.author) || ref.round !== round - 1) continue;
      chosen.push(ref);
      power += committee.power(ref.author);
    }
    return [last, ...chosen.slice(1).sort((a, b) => a.author - b.author)];
  }
}

/** The virtual blocks of round 0: never sent, never linearised. */
function genesisRefs(hasher: Hasher, digest: CommitDigest, committee: Committee): readonly BlockRef[] {
  return committee.members.map((_, author) => {
    const hash = hasher.hash('genesis', fromHex(digest), new ByteWriter(2).u16(author).finish());
    return { round: 0, author, id: id<BlockId>(hash) };
  });
}

function result(outcome: InsertResult['outcome'], parts: Partial<Released> = {}): InsertResult {
  return { outcome, admitted: [], missing: [], evidence: [], dropped: [], ...parts };
}
