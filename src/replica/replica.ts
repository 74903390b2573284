import { ConsensusHalt, type Core, type Proposal } from '../consensus/index.ts';
import type { ExecutableCommit, ExecutedCommit } from '../execution/index.ts';
import { paramsHash } from '../params/protocol-parameters.ts';
import type { Evidence, VerifiedHeader } from '../types/block.ts';
import type { AuthorIndex } from '../types/ids.ts';
import type { ExchangeState, Message, WireBlock } from '../types/message.ts';
import { errorText } from '../util/errors.ts';
import type { Timer } from '../util/timers.ts';
import { BlockContent } from './block-content.ts';
import { Checkpoints } from './checkpoints.ts';
import { CommitSync, type SyncedCommit } from './commit-sync.ts';
import { CoreDriver } from './core-driver.ts';
import { Exchange } from './exchange.ts';
import { type Executing, Executor } from './executor.ts';
import { Fetcher } from './fetcher.ts';
import { BlockIntake } from './intake.ts';
import { Links } from './links.ts';
import { MempoolFeed } from './mempool-feed.ts';
import { PeerServer } from './peer-server.ts';
import { type ProposalContent, Proposer } from './proposer.ts';
import type { ReplicaEvents, ReplicaModules, ReplicaSetup, ReplicaStart } from './replica-setup.ts';
import { Requests } from './requests.ts';
import { SigningIdentity } from './signing-identity.ts';

/** Commits taken over and not yet executed, before the next are taken. */
const SYNC_LAG = 256;

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
  readonly #signing: SigningIdentity;
  readonly #exchange: Exchange;
  readonly #content: BlockContent;
  #halted = false;
  #stopped = false;
  #woken = false;
  #timer: Timer | undefined;

  constructor(setup: ReplicaSetup, modules: ReplicaModules, start: ReplicaStart, events: ReplicaEvents) {
    this.#setup = setup;
    this.#modules = modules;
    this.#events = events;
    this.#start = start;
    this.#links = this.#makeLinks();
    this.#requests = new Requests(setup.options.requestTimeoutMs, { links: this.#links, timers: modules.timers });
    this.#driver = this.#makeDriver();
    this.#signing = this.#makeSigning();
    this.#exchange = this.#makeExchange();
    this.#intake = this.#makeIntake();
    this.#fetcher = this.#makeFetcher();
    this.#checkpoints = this.#makeCheckpoints();
    this.#server = this.#makeServer();
    this.#sync = this.#makeSync();
    this.#proposer = this.#makeProposer();
    this.#executor = this.#makeExecutor();
    this.#feed = new MempoolFeed(setup.identity.own, modules);
    this.#content = new BlockContent(setup, {
      ...modules,
      checkpoints: this.#checkpoints,
      executor: this.#executor,
      feed: this.#feed,
    });
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

  get evidence(): readonly Evidence[] {
    return this.#modules.store.evidence();
  }

  /** Commits are being taken over from peers. */
  get syncing(): boolean {
    return this.#driver.resting;
  }

  /** Why nothing can be written that must be durable before this node speaks. */
  get diskRefuses(): string | undefined {
    return this.#modules.store.log.failure?.message ?? this.#signing.failure;
  }

  /** Answers of others that count so far, while the identity is being recovered. */
  get recovery(): SigningIdentity['recovery'] {
    return this.#signing.recovery;
  }

  /** What the next own block waits for. */
  get proposal(): Proposal | undefined {
    return this.#proposer.last;
  }

  /** What own blocks carry. */
  get content(): BlockContent {
    return this.#content;
  }

  async start(): Promise<void> {
    this.#checkpoints.restore(this.#modules.ledger.lastCheckpoint, this.#start.certificates);
    if (this.#halted) return;
    this.#modules.store.onResumed = () => this.wake();
    await this.#links.start(this.#start.ranBefore);
    this.wake();
  }

  /** Stops speaking at once; what is decided is executed and made durable before it returns. */
  async stop(): Promise<void> {
    this.#stopped = true;
    this.#timer?.cancel();
    this.#requests.stop();
    this.#modules.store.giveUp();
    this.#signing.giveUp();
    await this.#links.stop();
    await this.#proposer.idle();
    await this.#executor.idle();
    this.#executor.stop();
    await this.#signing.close();
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
    if (this.#halted || this.#stopped || !this.#modules.store.writable) return;
    this.#driver.advance();
    this.#signing.endRecovery();
    const fetchMs = this.#fetcher.pump();
    const proposeMs = this.#driver.resting ? undefined : this.#proposer.poke();
    const exchangeMs = this.#exchange.watch(this.#driver.lastCommit, this.#nowMs());
    const dueInMs = this.#content.checkpointDueInMs() || undefined;
    const checkpointMs = dueInMs === undefined ? undefined : this.#nowMs() + dueInMs;
    const next = [fetchMs, proposeMs, exchangeMs, checkpointMs, this.core.nextDeadlineMs()].filter(
      (at) => at !== undefined,
    );
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
    const proofs =
      error instanceof ConsensusHalt
        ? error.proofs.map((side) => side.map((header) => header.bytes.toHex()))
        : undefined;
    this.#modules.logger.error('halted', { error: errorText(error), proofs });
    this.#events.halted(error);
  }

  #onMessage(peer: AuthorIndex, message: Message): void {
    switch (message.type) {
      case 'block':
        this.#receive(peer, message.block, this.#fetcher.follows(peer, message.block.header.author));
        break;
      case 'exchange':
        this.#onState(peer, message.state);
        break;
      case 'evidence':
        void this.#intake.receiveEvidence(peer, message);
        break;
      case 'fetch':
      case 'commits':
      case 'certificate':
      case 'follow':
        this.#server.serve(peer, message);
        break;
      case 'fetch-reply':
        this.#fetcher.reply(peer, message);
        this.wake();
        break;
      case 'recovery':
        this.#signing.answer(peer, message.requestId);
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
    const held = state.highestRounds[this.#setup.identity.own] ?? 0;
    this.#signing.claimed(peer, held);
    void this.#exchange.push(peer, held);
    const tooOld = state.gcRound > this.core.highestRound && state.commitIndex > this.#driver.lastCommit;
    const checkpoint = Math.min(this.#checkpoints.certified, this.#checkpoints.executed);
    if (tooOld || state.certificateIndex >= checkpoint + 2) this.#sync.hint(peer);
    this.wake();
  }

  #receive(peer: AuthorIndex, block: WireBlock, asked: boolean): void {
    if (this.#takesBlocks) this.#intake.receive(peer, block, asked);
  }

  /** A change of the DAG, unless this node takes none now; peers are asked again later. */
  #take(change: () => void): void {
    if (this.#takesBlocks) this.#guarded(change);
  }

  #onAdmitted(header: VerifiedHeader, payload: Uint8Array): void {
    this.#checkpoints.admitted(header);
    this.#feed.admitted(header, payload);
    if (header.author !== this.#setup.identity.own) this.#server.admitted({ header, payload });
    this.wake();
  }

  #onExposed({ first, second }: Evidence): void {
    const { author, round } = first;
    this.#modules.logger.warn('equivocation', { author, round, first: first.ref.id, second: second.ref.id });
    this.#links.broadcast({ type: 'evidence', first, second });
  }

  #onExecuted(result: ExecutedCommit, subDag: Executing, commit: ExecutableCommit): void {
    this.#feed.executed(result, commit);
    this.#feed.collected(subDag.gcRound);
    this.#modules.store.executed(subDag.commit.index, subDag.gcRound);
    for (const id of this.#modules.mempool.expire(subDag.commit.timeMs)) this.#modules.tracker.dropped(id, 'EXPIRED');
    this.#events.executed(result, subDag, commit);
    const { checkpoint } = result;
    this.#content.executed(result);
    if (checkpoint !== undefined)
      this.#checkpoints.executedTo(checkpoint, !this.#signing.isRecovering && !this.#halted);
    this.wake();
  }

  async #onSynced(commit: SyncedCommit): Promise<void> {
    if (!this.#modules.store.writable) await this.#modules.store.flush();
    this.#guarded(() => this.#driver.takeOver(commit));
    if (this.#executor.lag < SYNC_LAG) return;
    await this.#modules.store.flush();
    await this.#executor.idle();
  }

  #onSyncEnded(): void {
    this.#guarded(() => this.#driver.endSync());
    this.#exchange.broadcast();
    this.wake();
  }

  #onSpoken(header: VerifiedHeader, payload: Uint8Array, content: ProposalContent): void {
    this.#signing.spoke();
    this.#content.spoken(content);
    this.#guarded(() => {
      if (!this.#driver.propose(header, payload)) this.#content.giveBack(content);
    });
    this.#links.broadcast({ type: 'block', block: { header, payload } });
    this.wake();
  }

  #maySign(): boolean {
    const isAlive = !this.#halted && !this.#stopped;
    return isAlive && this.#signing.isGuarded && this.#modules.store.writable && this.#links.maySign();
  }

  readonly #penalise: Links['penalise'] = (peer, fault, detail) => this.#links.penalise(peer, fault, detail);

  #state(): ExchangeState {
    const { lastOwnRound, highestRounds, gcRound } = this.core.exchange();
    const certificateIndex = this.#checkpoints.certified;
    return { lastOwnRound, highestRounds, gcRound, commitIndex: this.#driver.lastCommit, certificateIndex };
  }

  get #takesBlocks(): boolean {
    return !this.#halted && !this.#stopped && !this.#driver.resting && this.#modules.store.writable;
  }

  #nowMs(): number {
    return this.#modules.clock.monotonicMs();
  }

  #makeLinks(): Links {
    const { identity, options, core } = this.#setup;
    const { committee, parameters } = core;
    const { transport, hasher, clock, timers, logger } = this.#modules;
    const setup = { identity, committee, paramsHash: paramsHash(hasher, parameters), options };
    return new Links(
      setup,
      { transport, hasher, clock, timers, logger: logger.child('links') },
      {
        established: (peer, state) => {
          this.#exchange.tellEvidence(peer);
          this.#onState(peer, state);
        },
        lost: (peer) => {
          this.#requests.peerLost(peer);
          this.#fetcher.peerLost(peer);
          this.#server.peerLost(peer);
          this.wake();
        },
        message: (peer, message) => this.#onMessage(peer, message),
        leaseRenewed: (peer) => this.#signing.served(peer),
        identityRefused: (peer, askedMs, nowMs) => this.#signing.refused(peer, askedMs, nowMs),
        owed: (peer) => this.#exchange.settle(peer),
        pulse: (peer) => {
          if (this.#signing.isRecovering) void this.#signing.ask(peer);
        },
        state: () => this.#state(),
      },
    );
  }

  #makeDriver(): CoreDriver {
    return new CoreDriver(this.#setup.core, this.#modules, this.#start.core, {
      admitted: (header, payload) => this.#onAdmitted(header, payload),
      committed: (subDag) => {
        this.#executor.enqueue(subDag);
        this.#events.committed(subDag);
      },
      exposed: (evidence) => this.#onExposed(evidence),
    });
  }

  #makeSigning(): SigningIdentity {
    const { identity, core, options } = this.#setup;
    const modules = { links: this.#links, requests: this.#requests, logger: this.#modules.logger.child('identity') };
    const setup = { committee: core.committee, own: identity.own, identityHoldMs: options.identityHoldMs };
    return new SigningIdentity(setup, modules, this.#start, {
      core: () => this.core,
      certified: () => this.#checkpoints.certified,
      settled: (peer) => !this.#driver.resting && (peer === undefined || !this.#intake.isVerifying(peer)),
      changed: () => this.wake(),
      halt: (error) => this.#halt(error),
    });
  }

  #makeExchange(): Exchange {
    const { identity, core } = this.#setup;
    const modules = { ...this.#modules, links: this.#links, logger: this.#modules.logger.child('exchange') };
    return new Exchange({ own: identity.own, maxRoundsAhead: core.bounds.maxRoundsAhead }, modules, {
      core: () => this.core,
      state: () => this.#state(),
      maySign: () => this.#maySign(),
      budget: (peer) => this.#server.budget(peer),
      proposal: () => this.#proposer.last,
    });
  }

  #makeIntake(): BlockIntake {
    const { identity, options, core } = this.#setup;
    return new BlockIntake(
      { networkId: identity.networkId, epoch: core.epoch, committee: core.committee, options },
      this.#modules,
      {
        holdsEvidence: (author) => this.#modules.store.holdsEvidence(author),
        proved: (evidence) => {
          if (!this.#halted && !this.#stopped) this.#guarded(() => this.#driver.learn(evidence));
        },
        precheck: (header) => this.core.precheck(header),
        verified: (header, payload) => {
          this.#signing.verified(header);
          this.#take(() => this.#driver.insert(header, payload));
          this.wake();
        },
        tooFar: (peer) => {
          this.#exchange.ignored(peer);
          this.#sync.hint(peer);
        },
        penalise: this.#penalise,
      },
    );
  }

  #makeFetcher(): Fetcher {
    const { identity, options, core } = this.#setup;
    return new Fetcher(
      { own: identity.own, committee: core.committee, options },
      { links: this.#links, clock: this.#modules.clock },
      {
        missing: () => (this.#driver.resting ? [] : this.core.missing()),
        state: () => this.#state(),
        received: (peer, block: WireBlock) => {
          if (this.#takesBlocks) this.#intake.receive(peer, block, true);
        },
        penalise: this.#penalise,
      },
    );
  }

  #makeCheckpoints(): Checkpoints {
    const { identity, core } = this.#setup;
    const { signer, verifier, logger } = this.#modules;
    const { networkId, own } = identity;
    return new Checkpoints(
      { networkId, committee: core.committee, own },
      { signer, verifier, guard: this.#signing, logger: logger.child('checkpoints') },
      {
        voteReady: () => this.wake(),
        certified: (certificate, bytes) => {
          this.#modules.store.appendCertificate(bytes);
          this.#modules.store.certified(certificate.statement.commitIndex);
          this.#events.certified(certificate);
          this.wake();
        },
        contradicted: (known, other) => this.#modules.store.appendContradiction(known, other),
        halt: (error) => this.#halt(error),
      },
    );
  }

  #makeServer(): PeerServer {
    const { core, options } = this.#setup;
    const logger = this.#modules.logger.child('server');
    const parts = { core: () => this.core, checkpoints: this.#checkpoints, links: this.#links, logger };
    return new PeerServer({ members: core.committee.size, options }, { ...this.#modules, ...parts });
  }

  #makeSync(): CommitSync {
    const { identity, core } = this.#setup;
    const { hasher, verifier, clock, logger } = this.#modules;
    const parts = { links: this.#links, requests: this.#requests, logger: logger.child('sync') };
    const modules = { hasher, verifier, clock, ...parts };
    return new CommitSync({ networkId: identity.networkId, committee: core.committee }, modules, {
      lastCommit: () => this.core.lastCommit,
      certifiedIndex: () => this.#checkpoints.certified,
      began: () => this.#driver.beginSync(),
      synced: (commit) => this.#onSynced(commit),
      ended: () => this.#onSyncEnded(),
      contradicts: (certificate) => this.#checkpoints.contradicts(certificate),
      certified: (certificate) => this.#checkpoints.adopt(certificate),
      penalise: this.#penalise,
    });
  }

  #makeProposer(): Proposer {
    const { networkId, epoch, own } = this.#setup.identity;
    const { hasher, signer, store } = this.#modules;
    return new Proposer(
      { networkId, epoch, own },
      { hasher, signer, store, guard: this.#signing },
      {
        proposal: () => this.core.propose(this.#nowMs(), this.#content.reasons(this.core, this.#maySign())),
        content: (ancestors) => this.#content.take(this.core, ancestors),
        abandoned: (content) => this.#content.giveBack(content),
        maySign: () => this.#maySign(),
        spoken: (header, payload, content) => this.#onSpoken(header, payload, content),
        failed: (error) => this.#halt(error),
      },
    );
  }

  #makeExecutor(): Executor {
    return new Executor(this.#modules.ledger.lastCommit, this.#modules, {
      executed: (result, subDag, commit) => this.#onExecuted(result, subDag, commit),
      final: (result, subDag) => this.#events.final(result, subDag),
      failed: (error) => this.#halt(error),
    });
  }
}
