import { ConsensusHalt, type Core, type CoreOptions, type Proposal } from '../consensus/index.ts';
import type { Hasher } from '../crypto/hasher.ts';
import type { Signer, Verifier } from '../crypto/signer.ts';
import type { ExecutableCommit, ExecutedCommit, Ledger } from '../execution/index.ts';
import { paramsHash } from '../params/protocol-parameters.ts';
import type { Mempool } from '../pipeline/index.ts';
import { NO_BLOCK } from '../storage/index.ts';
import type { BlockRef, Evidence, VerifiedHeader } from '../types/block.ts';
import type { Certificate } from '../types/certificate.ts';
import type { AuthorIndex, CheckpointIndex, CommitIndex, Round, StatementDigest } from '../types/ids.ts';
import type { EvidenceMessage, ExchangeState, Message, WireBlock } from '../types/message.ts';
import { assertDefined } from '../util/assert.ts';
import type { Clock } from '../util/clock.ts';
import { errorText } from '../util/errors.ts';
import type { Logger } from '../util/logger.ts';
import type { Timer, Timers } from '../util/timers.ts';
import type { Transport } from '../util/transport.ts';
import type { BlockStore } from './block-store.ts';
import { Checkpoints } from './checkpoints.ts';
import { CommitSync, type SyncedCommit } from './commit-sync.ts';
import { CoreDriver } from './core-driver.ts';
import { ReplicaError } from './errors.ts';
import { type CommitRunner, type Executing, Executor } from './executor.ts';
import { Fetcher } from './fetcher.ts';
import { IdentityRecovery } from './identity-recovery.ts';
import { BlockIntake, verifyEvidence } from './intake.ts';
import type { LastingGuard } from './lasting-guard.ts';
import { Links } from './links.ts';
import { MempoolFeed } from './mempool-feed.ts';
import type { ReplicaIdentity, ReplicaOptions } from './options.ts';
import { PeerServer } from './peer-server.ts';
import { type ProposalContent, Proposer } from './proposer.ts';
import { Requests } from './requests.ts';
import type { TransactionTracker } from './transaction-tracker.ts';

/** Payload bytes of one round at which pacing counts the node as fully loaded. */
const FULL_LOAD_BYTES = 512 * 1024;
/** An own clock further than this from what the others' blocks say is not used for timestamps: their median is repeated instead. */
const CLOCK_IGNORED_MS = 10_000;
/** Commits taken over and not yet executed, before the next are taken. */
const SYNC_LAG = 256;

export interface ReplicaSetup {
  readonly identity: ReplicaIdentity;
  readonly core: CoreOptions;
  readonly options: ReplicaOptions;
}

/** What the restart found (`restart.ts`), from which the replica goes on. */
export interface ReplicaStart {
  readonly core: Core;
  /** Undefined: signing is barred until a quorum told where it may begin again. */
  readonly guard: LastingGuard | undefined;
  /** Makes the guard that ends a recovery. */
  recoveredGuard(barred: Round, certified: CheckpointIndex): Promise<LastingGuard>;
  readonly certificates: readonly Certificate[];
  /** This node ran before, and may have granted leases that it forgot. */
  readonly ranBefore: boolean;
}

export interface ReplicaModules {
  readonly hasher: Hasher;
  readonly verifier: Verifier;
  readonly signer: Signer;
  readonly transport: Transport;
  readonly clock: Clock;
  readonly timers: Timers;
  readonly logger: Logger;
  readonly store: BlockStore;
  readonly ledger: Pick<Ledger, 'lastCommit' | 'lastCheckpoint'>;
  readonly runner: CommitRunner;
  readonly mempool: Mempool;
  readonly tracker: TransactionTracker;
  /** 0 to 1: how busy the threads are that verify signatures. */
  verifyLoad(): number;
}

export interface ReplicaEvents {
  committed(subDag: Executing): void;
  executed(result: ExecutedCommit, subDag: Executing): void;
  final(result: ExecutedCommit, subDag: Executing): void;
  certified(certificate: Certificate): void;
  /** The node must not go on. It keeps answering what it knows. */
  halted(error: unknown): void;
}

/**
 * A validator without its outside: moves messages, blocks, commits and votes between the consensus core, the log, the peers and the ledger.
 * Whatever changes state runs to its end in one turn of the main thread; whatever waits comes back as an event.
 */
export class Replica {
  readonly #setup: ReplicaSetup;
  readonly #modules: ReplicaModules;
  readonly #events: ReplicaEvents;
  readonly #start: ReplicaStart;
  readonly #driver: CoreDriver;
  readonly #links: Links;
  readonly #requests: Requests;
  readonly #intake: BlockIntake;
  readonly #fetcher: Fetcher;
  readonly #server: PeerServer;
  readonly #sync: CommitSync;
  readonly #proposer: Proposer;
  readonly #executor: Executor;
  readonly #checkpoints: Checkpoints;
  readonly #feed: MempoolFeed;
  #guard: LastingGuard | undefined;
  #recovery: IdentityRecovery | undefined;
  /** Recovered and not proposed since: this node does not know what it last said. */
  #silentSinceRecovery: boolean;
  /** By peer, the highest own round that it says it holds. */
  readonly #claimedOwn = new Map<AuthorIndex, Round>();
  /** Peers to which own blocks are being sent again. */
  readonly #pushing = new Set<AuthorIndex>();
  /** Something was executed since the last checkpoint. */
  #uncheckpointed = false;
  #checkpointMs: number;
  /** When the last own block was made, on the monotonic clock. */
  #madeMs: number | undefined;
  #halted = false;
  #stopped = false;
  #woken = false;
  #timer: Timer | undefined;
  #progress = { round: 0, commit: 0, atMs: 0 };
  /** The highest round here when a block of that peer was ignored as too far ahead. */
  readonly #ignoredAt = new Map<AuthorIndex, Round>();

  constructor(setup: ReplicaSetup, modules: ReplicaModules, start: ReplicaStart, events: ReplicaEvents) {
    this.#setup = setup;
    this.#modules = modules;
    this.#events = events;
    this.#start = start;
    this.#guard = start.guard;
    this.#silentSinceRecovery = start.guard !== undefined && isOnlyBarred(start.guard);
    this.#checkpointMs = modules.ledger.lastCheckpoint?.statement.timeMs ?? setup.core.genesis.timeMs;
    this.#links = this.#makeLinks();
    this.#requests = new Requests(setup.options.requestTimeoutMs, { links: this.#links, timers: modules.timers });
    this.#driver = this.#makeDriver();
    this.#intake = this.#makeIntake();
    this.#fetcher = this.#makeFetcher();
    this.#checkpoints = this.#makeCheckpoints();
    this.#server = this.#makeServer();
    this.#sync = this.#makeSync();
    this.#proposer = this.#makeProposer();
    this.#executor = this.#makeExecutor();
    this.#feed = new MempoolFeed(setup.identity.own, modules);
    if (start.guard === undefined) this.#recovery = new IdentityRecovery({ committee: setup.core.committee, own: setup.identity.own });
  }

  get core(): Core {
    return this.#driver.core;
  }

  get checkpoints(): Checkpoints {
    return this.#checkpoints;
  }

  get executor(): Executor {
    return this.#executor;
  }

  get links(): Links {
    return this.#links;
  }

  get halted(): boolean {
    return this.#halted;
  }

  get syncing(): boolean {
    return this.#driver.resting;
  }

  /** Why nothing can be written that must be durable before this node speaks. */
  get diskRefuses(): string | undefined {
    return this.#store.log.failure?.message ?? this.#guard?.failure?.message;
  }

  /** Answers of others that count so far, while the identity is being recovered. */
  get recovery(): { readonly power: number; readonly needed: number } | undefined {
    return this.#recovery?.progress(this.core);
  }

  /** What the next own block waits for. */
  get proposal(): Proposal | undefined {
    return this.#proposer.last;
  }

  /** Why own blocks carry no transactions at the moment, if so. */
  get payloadBarred(): 'execution-lag' | 'uncertified-checkpoints' | 'no-commits' | undefined {
    const { executionLag, maxUncertifiedCheckpoints, roundsSinceCommit } = this.#setup.options;
    if (this.#executor.lag > executionLag) return 'execution-lag';
    if (this.#checkpoints.uncertified > maxUncertifiedCheckpoints) return 'uncertified-checkpoints';
    return this.core.highestRound - this.core.lastCommit.leaderRound > roundsSinceCommit ? 'no-commits' : undefined;
  }

  async start(): Promise<void> {
    this.#checkpoints.restore(this.#modules.ledger.lastCheckpoint?.index ?? 0, this.#start.certificates);
    this.#store.onResumed = () => this.wake();
    this.#takeGuard(this.#start.guard);
    await this.#links.start(this.#start.ranBefore);
    this.wake();
  }

  /** Stops speaking at once; what is decided is executed and made durable before it returns. */
  async stop(): Promise<void> {
    this.#stopped = true;
    this.#timer?.cancel();
    this.#requests.stop();
    this.#store.giveUp();
    this.#guard?.giveUp();
    await this.#links.stop();
    await this.#proposer.idle();
    await this.#executor.idle();
    this.#executor.stop();
    await this.#guard?.close();
  }

  /** Something changed: looks at everything once, at the end of this turn. */
  wake(): void {
    if (this.#woken || this.#stopped) return;
    this.#woken = true;
    queueMicrotask(() => {
      this.#woken = false;
      this.#guarded(() => this.#step());
    });
  }

  #step(): void {
    if (this.#halted || this.#stopped || !this.#store.writable) return;
    this.#driver.advance();
    this.#endRecovery();
    const fetchMs = this.#fetcher.pump();
    const proposeMs = this.#driver.resting ? undefined : this.#proposer.poke();
    const exchangeMs = this.#exchangeIfStalled();
    const dueInMs = this.#checkpointDueInMs();
    const checkpointMs = dueInMs === undefined || dueInMs === 0 ? undefined : this.#nowMs() + dueInMs;
    const next = [fetchMs, proposeMs, exchangeMs, checkpointMs, this.core.nextDeadlineMs()].filter((at) => at !== undefined);
    this.#timer?.cancel();
    this.#timer = undefined;
    if (next.length === 0) return;
    const delayMs = Math.max(1, Math.min(...next) - this.#nowMs());
    this.#timer = this.#modules.timers.after(delayMs, () => this.wake());
  }

  /** A state change that fails half-way leaves nothing to go on from. */
  #guarded(change: () => void): void {
    try {
      change();
    } catch (error) {
      this.#halt(error);
    }
  }

  #halt(error: unknown): void {
    if (this.#halted || this.#stopped) return;
    this.#halted = true;
    const proofs = error instanceof ConsensusHalt ? error.proofs.map((side) => side.map((header) => header.bytes.toHex())) : undefined;
    this.#modules.logger.error('halted', { error: errorText(error), proofs });
    this.#events.halted(error);
  }

  #onMessage(peer: AuthorIndex, message: Message): void {
    switch (message.type) {
      case 'block':
        if (this.#takesBlocks) this.#intake.receive(peer, message.block, this.#fetcher.follows(peer, message.block.header.author));
        break;
      case 'exchange':
        this.#onState(peer, message.state);
        break;
      case 'follow':
        this.#server.follow(peer, message.author);
        break;
      case 'evidence':
        void this.#onEvidence(peer, message);
        break;
      case 'fetch':
        void this.#server.fetch(peer, message);
        break;
      case 'fetch-reply':
        this.#fetcher.reply(peer, message);
        this.wake();
        break;
      case 'commits':
        void this.#server.commits(peer, message);
        break;
      case 'certificate':
        this.#server.certificate(peer, message);
        break;
      case 'recovery':
        this.#answerRecovery(peer, message.requestId);
        break;
      case 'certificate-reply':
      case 'commits-reply':
      case 'recovery-reply':
        this.#requests.reply(peer, message);
        break;
      default:
        this.#links.penalise(peer, 'UNEXPECTED_MESSAGE', message.type);
    }
  }

  #onState(peer: AuthorIndex, state: ExchangeState): void {
    const { own } = this.#setup.identity;
    const claimed = state.highestRounds[own] ?? 0;
    this.#claimedOwn.set(peer, claimed);
    this.#haltIfRolledBack();
    void this.#pushOwn(peer, claimed);
    const tooOld = state.gcRound > this.core.highestRound && state.commitIndex > this.#driver.lastCommit;
    const checkpoint = Math.min(this.#checkpoints.certified, this.#checkpoints.executed);
    if (tooOld || state.certificateIndex >= checkpoint + 2) this.#sync.hint(peer);
    this.wake();
  }

  /** Others hold own blocks that the guard knows nothing of: data and guard were both restored from a backup. */
  #haltIfRolledBack(): void {
    const { mark } = this.#guard ?? {};
    if (mark === undefined || this.#recovery !== undefined) return;
    const { committee } = this.#setup.core;
    let power = 0;
    for (const [peer, round] of this.#claimedOwn) if (round > mark.round) power += committee.power(peer);
    if (power >= committee.validity) this.#halt(rolledBack(mark.round, Math.max(...this.#claimedOwn.values())));
  }

  /** Sends the own blocks a peer lacks, oldest first; it fetches what it needs beside them. One at a time: the peer asks again if it must. */
  async #pushOwn(peer: AuthorIndex, above: Round): Promise<void> {
    if (this.#pushing.has(peer)) return;
    this.#pushing.add(peer);
    try {
      await this.#pushAbove(peer, above);
    } catch (error) {
      this.#modules.logger.error('own blocks cannot be read', { peer, error: errorText(error) });
    } finally {
      this.#pushing.delete(peer);
    }
  }

  async #pushAbove(peer: AuthorIndex, above: Round): Promise<void> {
    const { own } = this.#setup.identity;
    const { core } = this;
    const last = core.dag.highestOf(own);
    const from = Math.max(above, core.gcRound, 0) + 1;
    for (let round = from; round <= last && round < from + this.#setup.core.bounds.maxRoundsAhead; round++) {
      for (const { ref } of core.dag.blocksOf(own, round)) {
        const block = await this.#store.block(ref.id);
        if (block === undefined || !this.#maySign()) return;
        if (this.#links.send(peer, { type: 'block', block }) !== 'queued') return;
      }
    }
  }

  async #onEvidence(peer: AuthorIndex, message: EvidenceMessage): Promise<void> {
    const { networkId, epoch } = this.#setup.identity;
    if (message.first.round <= this.core.gcRound || this.core.isExposed(message.first.author)) return;
    const evidence = await verifyEvidence(this.#modules, { networkId, epoch, committee: this.#setup.core.committee }, message);
    if (evidence === undefined) this.#links.penalise(peer, 'BAD_SIGNATURE', 'evidence that proves nothing');
    else if (this.#takesBlocks) this.#guarded(() => this.#driver.learn(evidence));
  }

  /** An own block above the guard is proof, whoever delivers it. */
  #refuseRolledBack({ author, round }: VerifiedHeader): void {
    const mark = this.#guard?.mark;
    if (author === this.#setup.identity.own && mark !== undefined && round > mark.round) this.#halt(rolledBack(mark.round, round));
  }

  #onTooFar(peer: AuthorIndex): void {
    this.#ignoredAt.set(peer, this.core.highestRound);
    this.#sync.hint(peer);
  }

  #onAdmitted(header: VerifiedHeader, payload: Uint8Array): void {
    this.#checkpoints.admitted(header);
    this.#feed.admitted(header, payload);
    if (header.author !== this.#setup.identity.own) this.#server.admitted({ header, payload });
    this.wake();
  }

  #onExposed({ first, second }: Evidence): void {
    this.#modules.logger.warn('equivocation', { author: first.author, round: first.round, first: first.ref.id, second: second.ref.id });
    this.#links.broadcast({ type: 'evidence', first, second });
  }

  #onCommitted(subDag: Executing): void {
    this.#executor.enqueue(subDag);
    this.#events.committed(subDag);
  }

  #onExecuted(result: ExecutedCommit, subDag: Executing, commit: ExecutableCommit): void {
    this.#feed.executed(result, commit);
    this.#feed.collected(subDag.gcRound);
    this.#store.forgetBlocks(subDag.gcRound);
    this.#modules.mempool.expire(subDag.commit.timeMs);
    this.#events.executed(result, subDag);
    const { checkpoint } = result;
    this.#uncheckpointed = checkpoint === undefined && (this.#uncheckpointed || result.applied + result.dropped > 0);
    if (checkpoint !== undefined) this.#checkpointMs = checkpoint.statement.timeMs;
    if (checkpoint !== undefined) this.#checkpoints.executedTo(checkpoint, this.#guard !== undefined && !this.#halted);
    this.wake();
  }

  async #onSynced(commit: SyncedCommit): Promise<void> {
    if (!this.#store.writable) await this.#store.flush();
    this.#guarded(() => this.#driver.takeOver(commit));
    if (this.#executor.lag < SYNC_LAG) return;
    await this.#store.flush();
    await this.#executor.idle();
  }

  #onSyncEnded(): void {
    this.#guarded(() => this.#driver.endSync());
    this.#links.broadcast({ type: 'exchange', state: this.#state() });
    this.wake();
  }

  #onSpoken(header: VerifiedHeader, payload: Uint8Array, content: ProposalContent): void {
    this.#silentSinceRecovery = false;
    this.#madeMs = content.madeMs;
    if (content.checkpointVote !== undefined) this.#checkpoints.voted(content.checkpointVote);
    this.#guarded(() => {
      if (!this.#driver.propose(header, payload)) this.#modules.mempool.giveBack(content.transactions.map((tx) => tx.id));
    });
    this.#links.broadcast({ type: 'block', block: { header, payload } });
    this.wake();
  }

  #proposalNow(): Proposal {
    const { mempool, verifyLoad } = this.#modules;
    const { core } = this;
    const payloadBarred = this.payloadBarred !== undefined;
    return core.propose(this.#nowMs(), {
      maySign: this.#maySign(),
      eligible: mempool.hasEligible,
      due: this.#checkpoints.voteDue || this.#checkpointDueInMs() === 0,
      unexecutedInView: this.#feed.unexecutedInView,
      payloadBarred,
      load: Math.max(Math.min(1, this.#roundBytes() / FULL_LOAD_BYTES), verifyLoad()),
    });
  }

  /** Until the next checkpoint may be made; undefined when nothing was executed that it would cover. An idle network wakes for it. */
  #checkpointDueInMs(): number | undefined {
    if (!this.#uncheckpointed) return undefined;
    const { checkpointSpacingMs } = this.#setup.core.parameters;
    return Math.max(0, Math.ceil(this.#checkpointMs + checkpointSpacingMs - this.#modules.clock.wallMs()));
  }

  #contentNow(ancestors: readonly BlockRef[]): ProposalContent {
    const { maxBlockBytes, maxTransactionsPerBlock } = this.#setup.core.parameters;
    const limits = { maxBytes: maxBlockBytes, maxTransactions: maxTransactionsPerBlock };
    return {
      timestampMs: this.#timestampMs(ancestors),
      madeMs: this.#nowMs(),
      executedCommit: this.#executor.lastExecuted,
      transactions: this.payloadBarred === undefined ? this.#modules.mempool.take(limits) : [],
      checkpointVote: this.#checkpoints.dueVote,
    };
  }

  #timestampMs(ancestors: readonly BlockRef[]): number {
    const now = Math.floor(this.#modules.clock.wallMs());
    const times = ancestors.flatMap(({ id }) => this.core.dag.get(id)?.timestampMs ?? []).sort((a, b) => a - b);
    const median = times[Math.floor(times.length / 2)];
    if (median === undefined || times.length < 2) return now;
    // The others' blocks are as old as the network has stood still: without that, time would stand still for ever after.
    const stoodMs = this.#madeMs === undefined ? Number.POSITIVE_INFINITY : this.#nowMs() - this.#madeMs;
    return now > median + stoodMs + CLOCK_IGNORED_MS || now < median - CLOCK_IGNORED_MS ? median : now;
  }

  #roundBytes(): number {
    const { dag } = this.core;
    return dag.blocksAt(Math.max(1, dag.highestRound - 1)).reduce((sum, header) => sum + header.payload.bytes, 0);
  }

  #maySign(): boolean {
    const durable = this.#guard !== undefined && this.#guard.failure === undefined && this.#store.writable;
    return durable && !this.#halted && !this.#stopped && this.#links.maySign();
  }

  #answerRecovery(peer: AuthorIndex, requestId: number): void {
    if (this.#recovery !== undefined || this.#guard === undefined || this.#silentSinceRecovery) return;
    // What it said before its link ended may not have arrived at the rules yet; it asks again.
    if (this.#driver.resting || this.#intake.isVerifying(peer)) return;
    const { own } = this.#setup.identity;
    const { dag } = this.core;
    const newest = (author: AuthorIndex): BlockRef | undefined => dag.blocksOf(author, dag.highestOf(author))[0]?.ref;
    // The last own block may be collected already; that it was made counts all the same.
    const { mark } = this.#guard;
    const ownLatest = newest(own) ?? (mark.id === NO_BLOCK ? undefined : { round: mark.round, author: own, id: mark.id });
    const yoursHighestRound = Math.max(dag.highestOf(peer), this.core.newestSeenOf(peer)?.round ?? 0);
    this.#links.send(peer, { type: 'recovery-reply', requestId, ownLatest, yours: newest(peer), yoursHighestRound });
  }

  async #askRecovery(peer: AuthorIndex): Promise<void> {
    const reply = await this.#requests.ask(peer, 'recovery-reply', (requestId) => ({ type: 'recovery', requestId }));
    if (reply !== undefined) this.#recovery?.reply(peer, reply);
    this.wake();
  }

  /** Makes the guard and lifts the bar once enough answers count. */
  #endRecovery(): void {
    const firstRound = this.#driver.resting ? undefined : this.#recovery?.firstRound(this.core);
    if (firstRound === undefined) return;
    this.#recovery = undefined;
    this.#silentSinceRecovery = true;
    this.#start.recoveredGuard(firstRound - 1, this.#checkpoints.certified).then(
      (guard) => {
        this.core.barRounds(guard.mark.round);
        this.#modules.logger.warn('identity recovered', { firstRound: guard.mark.round + 1 });
        this.#takeGuard(guard);
        this.wake();
      },
      (error: unknown) => this.#halt(error),
    );
  }

  #takeGuard(guard: LastingGuard | undefined): void {
    this.#guard = guard;
    if (guard !== undefined) guard.onResumed = () => this.wake();
    if (this.#stopped) guard?.giveUp();
  }

  /** A network that neither gains a round nor a commit tells each other how far it is: the last blocks are sent again and it moves on. */
  #exchangeIfStalled(): number | undefined {
    const { core } = this;
    const now = this.#nowMs();
    const commit = this.#driver.lastCommit;
    if (core.highestRound > this.#progress.round || commit > this.#progress.commit) {
      this.#progress = { round: core.highestRound, commit, atMs: now };
      this.#exchangeWithIgnored();
    }
    const last = this.#proposer.last;
    if (last?.kind === 'wait' && last.reason === 'idle') return undefined;
    const dueMs = this.#progress.atMs + core.leaderTimeoutMs;
    if (now < dueMs) return dueMs;
    this.#progress.atMs = now;
    this.#links.broadcast({ type: 'exchange', state: this.#state() });
    return now + core.leaderTimeoutMs;
  }

  /** Blocks ignored as too far ahead may be within reach now. */
  #exchangeWithIgnored(): void {
    const { maxRoundsAhead } = this.#setup.core.bounds;
    for (const [peer, round] of this.#ignoredAt) {
      if (this.core.highestRound < round + maxRoundsAhead / 2) continue;
      this.#ignoredAt.delete(peer);
      this.#links.send(peer, { type: 'exchange', state: this.#state() });
    }
  }

  #state(): ExchangeState {
    const { lastOwnRound, highestRounds, gcRound } = this.core.exchange();
    const certificateIndex = this.#checkpoints.certified;
    return { lastOwnRound, highestRounds, gcRound, commitIndex: this.#driver.lastCommit, certificateIndex };
  }

  get #takesBlocks(): boolean {
    return !this.#halted && !this.#stopped && !this.#driver.resting && this.#store.writable;
  }

  get #store(): BlockStore {
    return this.#modules.store;
  }

  #nowMs(): number {
    return this.#modules.clock.monotonicMs();
  }

  #makeLinks(): Links {
    const { identity, options, core } = this.#setup;
    const { committee, parameters } = core;
    const { transport, hasher, clock, timers, logger } = this.#modules;
    const setup = { identity, committee, paramsHash: paramsHash(hasher, parameters), options };
    return new Links(setup, { transport, hasher, clock, timers, logger: logger.child('links') }, {
      established: (peer, state) => this.#onState(peer, state),
      lost: (peer) => {
        this.#requests.peerLost(peer);
        this.#fetcher.peerLost(peer);
        this.#server.peerLost(peer);
        this.wake();
      },
      message: (peer, message) => this.#onMessage(peer, message),
      leaseRenewed: () => this.wake(),
      pulse: (peer) => {
        if (this.#recovery !== undefined) void this.#askRecovery(peer);
      },
      state: () => this.#state(),
    });
  }

  #makeDriver(): CoreDriver {
    return new CoreDriver(this.#setup.core, this.#modules, this.#start.core, {
      admitted: (header, payload) => this.#onAdmitted(header, payload),
      committed: (subDag) => this.#onCommitted(subDag),
      exposed: (evidence) => this.#onExposed(evidence),
    });
  }

  #makeIntake(): BlockIntake {
    const { identity, options, core } = this.#setup;
    return new BlockIntake({ networkId: identity.networkId, committee: core.committee, options }, this.#modules, {
      precheck: (header) => this.core.precheck(header),
      verified: (header, payload) => {
        this.#refuseRolledBack(header);
        if (this.#takesBlocks) this.#guarded(() => this.#driver.insert(header, payload));
        this.wake();
      },
      tooFar: (peer) => this.#onTooFar(peer),
      penalise: (peer, fault, detail) => this.#links.penalise(peer, fault, detail),
    });
  }

  #makeFetcher(): Fetcher {
    const { identity, options, core } = this.#setup;
    return new Fetcher({ own: identity.own, committee: core.committee, options }, { links: this.#links, clock: this.#modules.clock }, {
      missing: () => (this.#driver.resting ? [] : this.core.missing()),
      state: () => this.#state(),
      received: (peer, block: WireBlock) => {
        if (this.#takesBlocks) this.#intake.receive(peer, block, true);
      },
      penalise: (peer, fault, detail) => this.#links.penalise(peer, fault, detail),
    });
  }

  #makeCheckpoints(): Checkpoints {
    const { identity, core } = this.#setup;
    const { signer, verifier, logger } = this.#modules;
    const { networkId, own } = identity;
    const guard = {
      advanceCheckpoint: async (index: CheckpointIndex, digest: StatementDigest) => this.#openGuard().advanceCheckpoint(index, digest),
    };
    return new Checkpoints({ networkId, committee: core.committee, own }, { signer, verifier, guard, logger: logger.child('checkpoints') }, {
      voteReady: () => this.wake(),
      certified: (certificate, bytes) => {
        // Peers have it too: a disk that refuses is no reason to stop.
        if (this.#store.writable) this.#store.appendCertificate(bytes);
        this.#events.certified(certificate);
        this.wake();
      },
      halt: (error) => this.#halt(error),
    });
  }

  #makeServer(): PeerServer {
    const { core, options } = this.#setup;
    const { store, clock, logger } = this.#modules;
    const modules = { core: () => this.core, store, checkpoints: this.#checkpoints, links: this.#links, clock, logger: logger.child('server') };
    return new PeerServer({ members: core.committee.size, options }, modules);
  }

  #makeSync(): CommitSync {
    const { identity, core } = this.#setup;
    const { hasher, verifier, clock, logger } = this.#modules;
    const modules = { hasher, verifier, links: this.#links, requests: this.#requests, clock, logger: logger.child('sync') };
    return new CommitSync({ networkId: identity.networkId, committee: core.committee }, modules, {
      lastCommit: () => this.core.lastCommit,
      certifiedIndex: () => this.#checkpoints.certified,
      began: () => this.#driver.beginSync(),
      synced: (commit) => this.#onSynced(commit),
      ended: () => this.#onSyncEnded(),
      certified: (certificate) => this.#checkpoints.adopt(certificate),
      penalise: (peer, fault, detail) => this.#links.penalise(peer, fault, detail),
    });
  }

  #makeProposer(): Proposer {
    const { networkId, epoch, own } = this.#setup.identity;
    const { hasher, signer, store, mempool } = this.#modules;
    const guard = {
      advance: async (block: { readonly epoch: number; readonly round: Round; readonly id: BlockRef['id'] }) => this.#openGuard().advance(block),
    };
    return new Proposer({ networkId, epoch, own }, { hasher, signer, store, guard }, {
      proposal: () => this.#proposalNow(),
      content: (ancestors) => this.#contentNow(ancestors),
      abandoned: (content) => mempool.giveBack(content.transactions.map((tx) => tx.id)),
      maySign: () => this.#maySign(),
      spoken: (header, payload, content) => this.#onSpoken(header, payload, content),
      failed: (error) => this.#halt(error),
    });
  }

  #makeExecutor(): Executor {
    return new Executor(this.#modules.ledger.lastCommit, this.#modules, {
      executed: (result, subDag, commit) => this.#onExecuted(result, subDag, commit),
      final: (result, subDag) => this.#events.final(result, subDag),
      failed: (error) => this.#halt(error),
    });
  }

  #openGuard(): LastingGuard {
    return assertDefined(this.#guard, 'nothing is signed without a guard');
  }
}

/** The guard bars rounds and knows no block: its identity was recovered and has not spoken since. */
function isOnlyBarred({ mark }: LastingGuard): boolean {
  return mark.round > 0 && mark.id === NO_BLOCK;
}

function rolledBack(guarded: Round, held: Round): ReplicaError {
  const message = `others hold blocks of this validator up to round ${held}, its sign guard knows none above ${guarded}: data and guard come from a backup; start with --recover-identity`;
  return new ReplicaError('NEEDS_IDENTITY_RECOVERY', message, { reason: 'guard-rolled-back', guarded, held });
}
