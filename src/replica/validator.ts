import type { Hasher } from '../crypto/hasher.ts';
import type { Signer, Verifier } from '../crypto/signer.ts';
import {
  type Checkpoint,
  type ExecutableCommit,
  type ExecutedCommit,
  type Ledger,
  receipt,
} from '../execution/index.ts';
import type { Committee } from '../params/committee.ts';
import type { Genesis } from '../params/genesis.ts';
import {
  Admission,
  type AdmissionOptions,
  Mempool,
  type MempoolOptions,
  SignatureGate,
  type SignatureVerifier,
} from '../pipeline/index.ts';
import type { ReceiptIndex } from '../storage/index.ts';
import type { Evidence } from '../types/block.ts';
import type { Certificate } from '../types/certificate.ts';
import type { Address, AuthorIndex, CheckpointIndex, CommitIndex, TransactionId } from '../types/ids.ts';
import type { SignedBody } from '../types/payload.ts';
import { decodeReceipt } from '../types/receipt.ts';
import type { AccountHandle } from '../types/transaction.ts';
import type { Clock } from '../util/clock.ts';
import { errorText, isCoded } from '../util/errors.ts';
import type { Instruments } from '../util/instruments.ts';
import type { Logger } from '../util/logger.ts';
import type { Timers } from '../util/timers.ts';
import type { Transport } from '../util/transport.ts';
import { ChainReader } from './chain-reader.ts';
import { commitPoint } from './commit-point.ts';
import type { Executing } from './executor.ts';
import { DISK_STALL_MS, HealthMonitor, notReady, READY, STALL_MS } from './health.ts';
import { LinearisedWindow } from './linearised-window.ts';
import { type ReplicaMetrics, replicaMetrics } from './metrics.ts';
import { ReceiptFeed } from './receipt-feed.ts';
import { recognise, refused } from './recognise.ts';
import { Replica } from './replica.ts';
import type { ReplicaSetup } from './replica-setup.ts';
import type { Restarted } from './restart.ts';
import { securityLevel } from './security-level.ts';
import type {
  AccountState,
  AtCommit,
  Chain,
  CheckpointView,
  LinkTrouble,
  NodeEvent,
  NodeService,
  NodeStatus,
  PostureEntry,
  Progress,
  Readiness,
  Statistics,
  Submission,
  TransactionStatus,
} from './service.ts';
import { Snapshots } from './snapshots.ts';
import { StatisticsCounter } from './statistics.ts';
import { TransactionTracker } from './transaction-tracker.ts';

/** A member counts as one of the `validators` of `/health` when it was heard within this. */
const HEARD_MS = 5_000;
/** Rounds in which a member must have a block to count as one of the `validators` of `/health`. */
const ACTIVE_ROUNDS = 10;
/** Statements of executed checkpoints that are kept until, and after, they are certified. */
const KEPT_CHECKPOINTS = 128;
/** Listeners to events: API streams and caches. */
const MAX_LISTENERS = 10_000;

export interface ValidatorSetup extends ReplicaSetup {
  readonly genesis: Genesis;
  readonly mempool: MempoolOptions;
  readonly admission: AdmissionOptions;
  /** `AI_ENABLED` as configured; there is no optimizer yet. */
  readonly optimizer: 'unavailable' | 'off';
}

export interface ValidatorModules {
  readonly hasher: Hasher;
  readonly verifier: Verifier;
  readonly signer: Signer;
  readonly transport: Transport;
  readonly clock: Clock;
  readonly timers: Timers;
  readonly logger: Logger;
  readonly instruments: Instruments;
  readonly signatures: SignatureVerifier;
  readonly receipts: ReceiptIndex;
  /** 0 to 1: how busy the threads are that verify signatures. */
  verifyLoad(): number;
  /** Keys and links in use, as negotiated. */
  posture(): readonly PostureEntry[];
  /** Why the transport has no link to a member. */
  linkTrouble(peer: AuthorIndex): LinkTrouble | undefined;
  /** Of commits that the archive has still to read; absent without one. */
  commitsNeededFrom?(): CommitIndex;
}

/** A validator as the rooms above see it: the replica with its mempool, its clients' transactions, and what operators ask. */
export class Validator implements NodeService {
  readonly genesis: Genesis;
  readonly own: AuthorIndex;
  readonly #setup: ValidatorSetup;
  readonly #modules: ValidatorModules;
  readonly #restarted: Restarted;
  readonly #ledger: Ledger;
  readonly #mempool: Mempool;
  readonly #admission: Admission;
  readonly #tracker: TransactionTracker;
  readonly #replica: Replica;
  readonly #snapshots: Snapshots;
  readonly #executedWindow: LinearisedWindow;
  readonly #health: HealthMonitor;
  readonly #metrics: ReplicaMetrics;
  readonly #checkpoints = new Map<CheckpointIndex, Checkpoint>();
  readonly #receipts: ReceiptFeed;
  readonly #listeners = new Set<(event: NodeEvent) => void>();
  readonly #chain: ChainReader;
  readonly #statistics: StatisticsCounter;
  #haltReason: { readonly code: string; readonly message: string } | undefined;

  constructor(setup: ValidatorSetup, modules: ValidatorModules, restarted: Restarted) {
    const { hasher, verifier, clock, timers, instruments, logger } = modules;
    const { store, snapshots, ledger, runner, start } = restarted;
    this.genesis = setup.genesis;
    this.own = setup.identity.own;
    this.#setup = setup;
    this.#modules = modules;
    this.#restarted = restarted;
    this.#ledger = ledger;
    this.#receipts = new ReceiptFeed(modules);
    const receiptOf = (id: TransactionId) => this.transaction(id)?.receipt;
    this.#chain = new ChainReader({ hasher, store, ledger, receipts: modules.receipts, receipt: receiptOf });
    this.#statistics = new StatisticsCounter(ledger);
    this.#metrics = replicaMetrics(instruments);
    this.#health = new HealthMonitor(clock.monotonicMs());
    this.#tracker = new TransactionTracker({ timers }, (status, latencyMs) => this.#onStatus(status, latencyMs));
    this.#mempool = new Mempool(setup.mempool, ledger, instruments);
    const signatures = new SignatureGate(setup.admission, modules.signatures);
    const admissionModules = { hasher, accounts: ledger, mempool: this.#mempool, signatures, clock, instruments };
    this.#admission = new Admission(setup.admission, setup.genesis.parameters, admissionModules);
    this.#snapshots = new Snapshots(setup.options, {
      store,
      snapshots,
      ledger,
      clock,
      logger: logger.child('snapshots'),
      receiptsKept: () => this.#receiptsKept(),
      neededFrom: () => modules.commitsNeededFrom?.() ?? Number.POSITIVE_INFINITY,
    });
    this.#executedWindow = new LinearisedWindow(setup.core.parameters.gcDepth, {
      gcRound: start.core.gcRound,
      refs: start.core.linearised(),
    });
    const replicaModules = {
      ...modules,
      verifier,
      store,
      ledger,
      runner,
      mempool: this.#mempool,
      tracker: this.#tracker,
    };
    this.#replica = new Replica(setup, replicaModules, start, {
      committed: (subDag) => this.#onCommitted(subDag),
      executed: (result, subDag, executable) => this.#onExecuted(result, subDag, executable),
      final: (result) => this.#onFinal(result),
      certified: (certificate) => this.#onCertified(certificate),
      halted: (error) => this.#onHalted(error),
    });
  }

  get committee(): Committee {
    return this.genesis.committee;
  }

  get replica(): Replica {
    return this.#replica;
  }

  async start(): Promise<void> {
    const last = this.#ledger.lastCheckpoint;
    if (last !== undefined) this.#checkpoints.set(last.index, last);
    await this.#replica.start();
  }

  /** Ends links and execution, and leaves the disk as a restart wants it. */
  async stop(): Promise<void> {
    await this.#replica.stop();
    await this.#snapshots.idle();
    this.#tracker.stop();
    const { receipts, logger } = this.#modules;
    await receipts.flush().catch((error: unknown) => logger.warn('receipts not written', { error: errorText(error) }));
    try {
      await this.#restarted.store.log.close();
    } finally {
      this.#ledger.close();
    }
  }

  async submit(items: readonly SignedBody[], source: string): Promise<readonly Submission[]> {
    const outcomes = await this.#admission.submit(items, source);
    const nowMs = this.#modules.clock.monotonicMs();
    const submissions = outcomes.map((outcome): Submission => {
      if (outcome.status === 'refused') return refused(outcome.id, outcome.error);
      if (outcome.status === 'accepted') {
        this.#tracker.accepted(outcome.id, nowMs);
        // They left this mempool only: another validator may hold a copy, so nothing is final about it.
        for (const displaced of outcome.displaced) this.#tracker.dropped(displaced, 'NONCE_GAP');
      }
      return { id: outcome.id, status: outcome.status };
    });
    this.#replica.wake();
    return recognise(submissions, {
      timers: this.#modules.timers,
      settled: () => this.#chain.settled(),
      isFinal: (id) => this.transaction(id)?.receipt !== undefined,
      knownSinceMs: () => this.#chain.knownSinceMs(),
    });
  }

  transaction(id: TransactionId): TransactionStatus | undefined {
    const tracked = this.#tracker.get(id);
    if (tracked !== undefined) return tracked;
    const indexed = this.#modules.receipts.get(id);
    // After a recovery the index may be ahead of the log.
    if (indexed === undefined || indexed.commitIndex > this.#chain.lastFinal) return undefined;
    return { id, level: 'final', receipt: decodeReceipt(indexed.receipt) };
  }

  async waitFor(
    id: TransactionId,
    level: 'included' | 'final' | 'certified',
    timeoutMs: number,
  ): Promise<TransactionStatus | undefined> {
    const known = this.transaction(id);
    if (known?.level === 'final' && this.#tracker.get(id) === undefined) return known;
    return this.#tracker.waitFor(id, level, timeoutMs);
  }

  account(key: Address | AccountHandle): AtCommit<AccountState | undefined> {
    // The ledger moves on another thread: the answer may hold more than it says, never less.
    const commit = this.#ledger.lastCommit;
    const found = typeof key === 'number' ? this.#ledger.accountByHandle(key) : this.#ledger.account(key);
    if (found === undefined) return { commit, value: undefined };
    const { address, handle, keyVersion, nonce, frozen } = found;
    const balances = found.balances
      .map((amount, asset) => ({ asset, amount }))
      .filter(({ asset, amount }) => asset === 0 || amount > 0n);
    return { commit, value: { address, handle, keyVersion, nextNonce: nonce, frozen, balances } };
  }

  accountProof(handle: AccountHandle): { readonly checkpoint: CheckpointView; readonly proof: Uint8Array } | undefined {
    let last = this.#ledger.lastCheckpoint;
    let proof = this.#ledger.proof(handle);
    // A checkpoint was made in between, on another thread; the next one is far off.
    if (last?.index !== this.#ledger.lastCheckpoint?.index) {
      last = this.#ledger.lastCheckpoint;
      proof = this.#ledger.proof(handle);
    }
    const checkpoint = last === undefined ? undefined : this.checkpoint(last.index);
    return proof === undefined || checkpoint === undefined ? undefined : { checkpoint, proof };
  }

  get chain(): Chain {
    return this.#chain;
  }

  statistics(): Statistics {
    return this.#statistics.current();
  }

  evidence(): readonly Evidence[] {
    return this.#replica.evidence;
  }

  checkpoint(key: CheckpointIndex | 'latest'): CheckpointView | undefined {
    const { checkpoints } = this.#replica;
    const index = key === 'latest' ? checkpoints.certified || checkpoints.executed : key;
    const certificate = checkpoints.certificate(index)?.certificate;
    const statement = certificate?.statement ?? this.#checkpoints.get(index)?.statement;
    return statement === undefined ? undefined : { statement, certificate };
  }

  subscribe(listener: (event: NodeEvent) => void): () => void {
    if (this.#listeners.size < MAX_LISTENERS) this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  status(): NodeStatus {
    const { core, checkpoints, executor, links, proposal } = this.#replica;
    const nowMs = this.#modules.clock.monotonicMs();
    const posture = this.#modules.posture();
    const quantumLevel = securityLevel(posture);
    const readiness = this.#readiness(nowMs);
    const { transactions, bytes } = this.#mempool.stats;
    const waiting = proposal?.kind === 'wait' ? proposal : { reason: 'none', awaiting: [] };
    return {
      readiness,
      health: this.#health.health(nowMs, { readiness, quantumLevel, validators: this.#activeValidators(nowMs) }),
      round: core.highestRound,
      gcRound: core.gcRound,
      lastProposedRound: core.lastProposedRound,
      lastCommit: core.lastCommit.index,
      lastExecuted: executor.lastExecuted,
      lastCheckpoint: checkpoints.executed,
      lastCertified: checkpoints.certified,
      waiting: { reason: waiting.reason, awaiting: waiting.awaiting },
      progress: this.#progress(nowMs),
      peers: this.committee.members.flatMap(({ name }, author) =>
        author === this.own
          ? []
          : [
              {
                author,
                name,
                linked: links.isEstablished(author),
                highestRound: core.dag.highestOf(author),
                ...links.activity(author),
                trouble: this.#troubleWith(author),
              },
            ],
      ),
      posture,
      mempool: { transactions, bytes },
      optimizer: this.#setup.optimizer,
    };
  }

  #progress(nowMs: number): Progress {
    const { core, proposal, content, checkpoints } = this.#replica;
    const untilMs = proposal?.kind === 'wait' ? proposal.untilMs : undefined;
    // A network that stands still exchanges states once a leader timeout.
    const attemptMs = Math.min(
      untilMs ?? nowMs + core.leaderTimeoutMs,
      core.nextDeadlineMs() ?? Number.POSITIVE_INFINITY,
    );
    return {
      sinceCommitMs: Math.floor(this.#health.sinceCommitMs(nowMs)),
      nextAttemptMs: Math.max(0, Math.ceil(attemptMs - nowMs)),
      clockOffMs: content.clockIgnoredMs,
      votes: checkpoints.openVotes,
    };
  }

  /** A refused greeting says more than the connection that ended with it. */
  #troubleWith(author: AuthorIndex): LinkTrouble | undefined {
    const { links } = this.#replica;
    if (links.isEstablished(author)) return undefined;
    const trouble = this.#modules.linkTrouble(author);
    const refusal = links.refusal(author);
    return trouble === undefined || refusal === undefined ? trouble : { ...trouble, code: refusal, detail: 'greeting' };
  }

  #readiness(nowMs: number): Readiness {
    const { links, checkpoints, recovery, syncing, proposal, diskRefuses } = this.#replica;
    const { store } = this.#restarted;
    const halted = this.#haltReason;
    const alive = halted === undefined ? READY : notReady(halted.code, halted.message);
    const synced = syncing ? notReady('SYNCING', 'commits are being taken over from peers') : READY;
    const stalled = this.#health.sinceCommitMs(nowMs) > STALL_MS;
    const waiting =
      proposal?.kind === 'wait'
        ? `: ${proposal.reason}${proposal.awaiting.length > 0 ? `, missing ${this.#names(proposal.awaiting)}` : ''}`
        : '';
    const quorumProgressing = stalled
      ? notReady('NO_COMMITS', `no commit for ${Math.floor(this.#health.sinceCommitMs(nowMs) / 1_000)} s${waiting}`)
      : READY;
    const { maxUncertifiedCheckpoints } = this.#setup.options;
    let ableToSign = READY;
    if (recovery !== undefined)
      ableToSign = notReady('IDENTITY_RECOVERY', `answers of power ${recovery.power} of ${recovery.needed} needed`);
    else if (diskRefuses !== undefined) ableToSign = notReady('DISK', diskRefuses);
    else if (!store.writable) ableToSign = notReady('DISK', 'too much waits for the disk');
    else if (store.log.writingForMs > DISK_STALL_MS)
      ableToSign = notReady('DISK', `one write takes ${Math.floor(store.log.writingForMs / 1_000)} s so far`);
    else if (!links.maySign())
      ableToSign = notReady(
        'NO_LEASE',
        `links to ${this.#names(links.established()) || 'nobody'} are too few for a quorum`,
      );
    else if (halted !== undefined) ableToSign = alive;
    const barred = this.#replica.content.payloadBarred(this.#replica.core);
    let acceptingTransactions = READY;
    if (checkpoints.uncertified > maxUncertifiedCheckpoints)
      acceptingTransactions = notReady('UNCERTIFIED', `${checkpoints.uncertified} checkpoints without a certificate`);
    else if (barred !== undefined) acceptingTransactions = notReady('BARRED', barred);
    else if (!ableToSign.ok) acceptingTransactions = ableToSign;
    return { alive, synced, quorumProgressing, ableToSign, acceptingTransactions };
  }

  #names(authors: readonly AuthorIndex[]): string {
    return authors.map((author) => this.committee.member(author).name).join(', ');
  }

  /** Members heard within five seconds, or without a link to them with a block in the last rounds of a network that moves. */
  #activeValidators(nowMs: number): number {
    const { core, links } = this.#replica;
    const moves = this.#health.sinceCommitMs(nowMs) < HEARD_MS;
    return this.committee.members.filter((_, author) => {
      if (author === this.own) return true;
      if (links.isEstablished(author)) return (links.activity(author).lastSeenMs ?? HEARD_MS) < HEARD_MS;
      return moves && core.dag.highestOf(author) > core.highestRound - ACTIVE_ROUNDS;
    }).length;
  }

  #onCommitted({ commit, blocks, decision }: Executing): void {
    const leader = blocks.find((header) => header.ref.id === commit.leader.id);
    const nowMs = this.#modules.clock.wallMs();
    if (leader !== undefined) this.#metrics.consensusDuration.observe(Math.max(0, nowMs - leader.timestampMs) / 1_000);
    this.#metrics.commits.add(1, { decision: decision ?? 'synced' });
    this.#metrics.commit.set(commit.index);
    this.#metrics.round.set(this.#replica.core.highestRound);
    this.#metrics.clockIgnored.set(this.#replica.content.clockIgnoredMs / 1_000);
  }

  #onExecuted(result: ExecutedCommit, { commit }: Executing, executable: ExecutableCommit): void {
    this.#receipts.executed(result, executable);
    this.#executedWindow.add(commit);
    this.#metrics.executed.set(result.index);
    this.#metrics.executionLag.set(this.#replica.executor.lag);
    this.#health.committed(result.transfers, this.#modules.clock.monotonicMs());
    if (result.checkpoint !== undefined) this.#onCheckpoint(result.checkpoint, commit);
    this.#emit({ type: 'commit', commit, transfers: result.transfers });
  }

  #onCheckpoint(checkpoint: Checkpoint, commit: Executing['commit']): void {
    this.#checkpoints.set(checkpoint.index, checkpoint);
    for (const index of this.#checkpoints.keys())
      if (index < checkpoint.index - KEPT_CHECKPOINTS) this.#checkpoints.delete(index);
    // A node that halted keeps its log as it is: it holds the proof.
    if (this.#haltReason !== undefined || !this.#snapshots.due) return;
    const lastCommit = commitPoint(this.#setup.core, commit);
    const { lastProposedRound } = this.#replica.core;
    this.#snapshots.take({
      state: { lastCommit, linearised: this.#executedWindow.refs(), lastProposedRound },
      gcRound: this.#executedWindow.gcRound,
    });
  }

  #onFinal(result: ExecutedCommit): void {
    const { clock } = this.#modules;
    this.#receipts.final(result);
    for (const outcome of result.outcomes)
      if (outcome.kind === 'applied') this.#tracker.final(receipt(outcome), clock.monotonicMs());
    this.#statistics.executed(result);
    this.#chain.final(result.index);
    this.#metrics.transfers.add(result.transfers);
    this.#metrics.signed.add(result.applied);
    this.#metrics.dropped.add(result.dropped);
    this.#emit({ type: 'final', commit: result.index });
  }

  async #receiptsKept(): Promise<void> {
    await this.#replica.executor.finalised;
    await this.#receipts.kept();
  }

  #onCertified({ statement }: Certificate): void {
    this.#tracker.certified(statement.commitIndex, statement.index);
    this.#metrics.certified.set(statement.index);
    this.#metrics.uncertified.set(this.#replica.checkpoints.uncertified);
    this.#emit({ type: 'certificate', index: statement.index });
  }

  #onStatus(status: TransactionStatus, latencyMs: number | undefined): void {
    if (latencyMs !== undefined) {
      this.#health.latency(latencyMs);
      this.#metrics.finality.observe(latencyMs / 1_000);
    }
    this.#emit({ type: 'transaction', status });
  }

  #onHalted(error: unknown): void {
    const reason = isCoded(error)
      ? { code: error.code, message: error.detail }
      : { code: 'HALT_INVARIANT', message: errorText(error) };
    this.#haltReason = reason;
    this.#metrics.halted.set(1);
    this.#emit({ type: 'halted', ...reason });
  }

  #emit(event: NodeEvent): void {
    for (const listener of this.#listeners) listener(event);
  }
}
