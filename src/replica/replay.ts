import { type CommittedSubDag, Core, type CoreOptions } from '../consensus/index.ts';
import type { Hasher } from '../crypto/hasher.ts';
import type { BlockEntry, CommitEntry, LogRecord } from '../storage/index.ts';
import { type BlockRef, type Evidence, markVerified, type VerifiedHeader } from '../types/block.ts';
import { decodeSignedHeader } from '../types/block-codec.ts';
import { type Certificate, decodeCertificate } from '../types/certificate.ts';
import type { Commit } from '../types/commit.ts';
import type { BlockId, CommitIndex, Round } from '../types/ids.ts';
import type { BlockStore } from './block-store.ts';
import { commitPoint } from './commit-point.ts';
import { ReplicaError } from './errors.ts';
import { type ChainEnd, SyncedChain } from './synced-chain.ts';

/** A commit of the log, decided again or taken over again, on its way to the ledger. */
export type ReplayedCommit = Pick<CommittedSubDag, 'commit' | 'blocks' | 'gcRound'>;

export interface ReplayResult {
  readonly core: Core;
  readonly lastOwn: VerifiedHeader | undefined;
  readonly certificates: readonly Certificate[];
  /** Decided by the replay and not in the log: the node stopped between deciding and writing. To be appended. */
  readonly unlogged: readonly CommittedSubDag[];
  /** Shown by the blocks of the log. The node may have stopped before it logged it: to be appended if it is not held. */
  readonly evidence: readonly Evidence[];
}

/** Replay has no clock: nothing it computes depends on one. */
const NO_TIME = 0;
/** Certificates of the log that are kept in memory: the newest. */
const KEPT_CERTIFICATES = 128;

/**
 * Rebuilds the consensus core from the log, record by record in the order of appending, and decides every commit again: what it decides must be
 * what the log says (docs/spec/storage.md, "Restart"). Commits that came from a certified sequence are taken over again instead.
 */
export class Replay {
  readonly #options: CoreOptions;
  readonly #modules: { readonly hasher: Hasher; readonly store: BlockStore };
  readonly #execute: (commit: ReplayedCommit) => Promise<void>;
  #core: Core;
  /** While commits are being taken over; the core rests. */
  #chain: SyncedChain | undefined;
  /** Every block above the collected rounds, admitted or not: what a rebuilt core starts from, and what taken-over commits name. */
  readonly #headers = new Map<BlockId, VerifiedHeader>();
  /** Decided by the core and not yet met in the log. */
  readonly #decided = new Map<CommitIndex, CommittedSubDag>();
  readonly #certificates: Certificate[] = [];
  readonly #evidence: Evidence[] = [];
  #lastOwn: VerifiedHeader | undefined;
  #prunedTo: Round = 0;

  constructor(
    options: CoreOptions,
    modules: { readonly hasher: Hasher; readonly store: BlockStore },
    core: Core,
    execute: (commit: ReplayedCommit) => Promise<void>,
  ) {
    this.#options = options;
    this.#modules = modules;
    this.#core = core;
    this.#execute = execute;
  }

  async record({ entry, position }: LogRecord): Promise<void> {
    if (entry.type === 'admitted-block' || entry.type === 'own-block') {
      const header = this.#header(entry);
      if (entry.type === 'own-block') this.#lastOwn = header;
      this.#modules.store.noteBlock(header, position);
      this.#block(header);
    } else if (entry.type === 'commit') {
      this.#modules.store.noteCommit(entry.commit, position);
      await this.#commit(entry);
    } else if (entry.type === 'certificate') {
      this.#modules.store.noteCertificate(position);
      const certificate = decodeCertificate(entry.bytes);
      this.#modules.store.certified(certificate.statement.commitIndex);
      this.#certificates.push(certificate);
      if (this.#certificates.length > KEPT_CERTIFICATES) this.#certificates.shift();
    } else if (entry.type === 'evidence') {
      this.#modules.store.noteEvidence({ first: this.#header(entry.first), second: this.#header(entry.second) });
    }
  }

  finish(): ReplayResult {
    this.#resumeCore();
    const unlogged = [...this.#decided.values()].sort((a, b) => a.commit.index - b.commit.index);
    const [certificates, evidence] = [this.#certificates, this.#evidence];
    return { core: this.#core, lastOwn: this.#lastOwn, certificates, unlogged, evidence };
  }

  #header(entry: Pick<BlockEntry, 'header' | 'signature'>): VerifiedHeader {
    // Verified before it was logged, and covered by the record's checksum since.
    return markVerified(decodeSignedHeader(this.#modules.hasher, entry.header.slice(), entry.signature.slice()));
  }

  #block(header: VerifiedHeader): void {
    if (header.round <= this.#gcRound) return;
    this.#headers.set(header.ref.id, header);
    if (this.#chain === undefined) this.#insert(header);
  }

  #insert(header: VerifiedHeader): void {
    this.#evidence.push(...this.#core.readmit(header, NO_TIME).evidence);
    for (const subDag of this.#core.advance(NO_TIME)) this.#decided.set(subDag.commit.index, subDag);
  }

  async #commit(entry: CommitEntry): Promise<void> {
    const { commit } = entry;
    const done = this.#chain?.lastIndex ?? this.#core.lastCommit.index;
    if (entry.source === 'synced' && commit.index === done + 1) {
      this.#chain ??= new SyncedChain(this.#core, this.#options.parameters.gcDepth);
      await this.#takeOver(this.#chain, commit);
      return;
    }
    if (commit.index <= done && !this.#decided.has(commit.index)) return;
    this.#resumeCore();
    const decided = this.#decided.get(commit.index);
    if (decided === undefined || decided.commit.digest !== commit.digest) throw commitMismatch(commit, decided?.commit);
    this.#decided.delete(commit.index);
    await this.#execute(decided);
    this.#prune(decided.gcRound);
  }

  async #takeOver(chain: SyncedChain, commit: Commit): Promise<void> {
    const blocks = commit.refs.map((ref) => this.#named(commit, ref));
    const gcRound = chain.add(commit, blocks);
    await this.#execute({ commit, blocks, gcRound });
    this.#prune(gcRound);
  }

  #named(commit: Commit, ref: BlockRef): VerifiedHeader {
    const header = this.#headers.get(ref.id);
    if (header !== undefined) return header;
    const message = 'the log names a block in a commit that it does not hold before it: restore from a snapshot';
    throw new ReplicaError('LOG_DAMAGED', message, { commit: commit.index, block: ref.id });
  }

  /** Builds the core that goes on behind the commits taken over. */
  #resumeCore(): void {
    const end = this.#chain?.end();
    if (end === undefined) return;
    this.#chain = undefined;
    const { core, evidence } = coreBehind(this.#options, this.#modules.hasher, this.#core, end, NO_TIME);
    this.#core = core;
    this.#evidence.push(...evidence);
    for (const header of this.#headers.values()) this.#insert(header);
  }

  #prune(gcRound: Round): void {
    if (gcRound === this.#prunedTo) return;
    this.#prunedTo = gcRound;
    for (const [blockId, { round }] of this.#headers) if (round <= gcRound) this.#headers.delete(blockId);
  }

  get #gcRound(): Round {
    return this.#chain?.gcRound ?? this.#core.gcRound;
  }
}

/** The core that continues behind a taken-over commit, and what its blocks prove. The caller inserts the blocks that are left. */
export function coreBehind(
  options: CoreOptions,
  hasher: Hasher,
  previous: Core,
  { last, linearised, headers }: ChainEnd,
  nowMs: number,
): { readonly core: Core; readonly evidence: readonly Evidence[] } {
  const state = { lastCommit: commitPoint(options, last), linearised, lastProposedRound: previous.lastProposedRound };
  const core = Core.restore(options, { hasher }, state);
  const evidence = headers.flatMap((header) => core.readmit(header, nowMs).evidence);
  return { core, evidence };
}

function commitMismatch(logged: Commit, decided: Commit | undefined): ReplicaError {
  const message =
    'replaying the log decided another commit than it records: this software or the log is damaged; restore from a snapshot';
  const fields = { commit: logged.index, logged: logged.digest, decided: decided?.digest ?? 'none' };
  return new ReplicaError('HALT_COMMIT_MISMATCH', message, fields);
}
