import type { Hasher } from '../../crypto/hasher.ts';
import type { SignedHeader } from '../../types/block.ts';
import { decodeSignedHeader } from '../../types/block-codec.ts';
import { decodeCertificate } from '../../types/certificate.ts';
import type { CheckpointIndex, CommitIndex, TransactionId } from '../../types/ids.ts';
import { parsePayload } from '../../types/payload.ts';
import { decodeReceipt, type Receipt } from '../../types/receipt.ts';
import { CodedError, errorText } from '../../util/errors.ts';
import type { Logger } from '../../util/logger.ts';
import type { CommitEntry, LogEntry, SignedBytes } from '../log-entry.ts';
import type { LogPosition } from '../log-position.ts';
import type { ArchiveCursor, ArchiveDatabase } from './database.ts';
import {
  type ArchiveDocument,
  type ArchivedBlock,
  type ArchivedCommit,
  checkpointDocument,
  type Documents,
  documentsOf,
  evidenceDocument,
  itemsOf,
} from './documents.ts';
import { ArchiveError, type ArchiveErrorCode } from './errors.ts';
import type { LogFollower } from './log-follower.ts';
import { type ArchiveLevel, FIRST_RETRY_MS, MAX_RETRY_MS, WINDOW_BYTES, WINDOW_COMMITS } from './options.ts';
import type { ReceiptSource } from './receipt-source.ts';

/** How far the node is. */
export interface ArchiveProgress {
  /** Sequence of the last record of the log that is durable. */
  readonly durable: number;
  readonly final: CommitIndex;
  /** Receipts of older commits never were in the index, whatever is in it now. */
  readonly receiptsFrom: CommitIndex;
  /** Receipts of newer commits are not on the disk yet, whatever is final. */
  readonly receiptsThrough: CommitIndex;
}

export interface LogPlace {
  /** Of the record of a commit, or of the first record if that commit is 0. */
  readonly position: LogPosition | undefined;
  /** The first commit that the log still holds. */
  readonly oldest: CommitIndex;
}

/** The node, as the archiver asks it. */
export interface ArchiveSource {
  progress(): ArchiveProgress;
  /** Resolves when `progress` may have changed. */
  changed(): Promise<void>;
  /** Resolves after so long, or when the archiver is to stop. */
  pause(ms: number): Promise<void>;
  place(commit: CommitIndex): Promise<LogPlace>;
}

/** `archiving`: also when there is nothing to do. The others say what is waited for. */
export type ArchiveState = 'connecting' | 'archiving' | 'unavailable' | 'refused' | 'gap';
export const ARCHIVE_STATES: readonly ArchiveState[] = ['connecting', 'archiving', 'unavailable', 'refused', 'gap'];

export interface ArchiveReport {
  readonly state: ArchiveState;
  readonly cursor: Pick<ArchiveCursor, 'height' | 'timeMs'>;
  /** Since the last report. */
  readonly documents: number;
  readonly bytes: number;
  readonly failures: number;
  /** Commits that the log no longer holds and the archive lacks. */
  readonly missing: number;
}

export type ArchiveStore = Pick<ArchiveDatabase, 'cursor' | 'write' | 'advance' | 'close'>;

export interface ArchiverModules {
  readonly hasher: Hasher;
  readonly follower: LogFollower;
  readonly source: ArchiveSource;
  readonly receipts: ReceiptSource;
  readonly logger: Logger;
  open(): Promise<ArchiveStore>;
  report(report: ArchiveReport): void;
}

interface Window {
  readonly documents: readonly Documents[];
  readonly cursor: ArchiveCursor;
  readonly evidence: readonly string[];
}

/**
 * Carries what is final and durable from the block log into a database, commit by commit (docs/archive.md). The database says how far it is; what
 * is in memory is one window. Whatever fails is tried again from there for ever.
 */
export class Archiver {
  readonly #level: ArchiveLevel;
  readonly #modules: ArchiverModules;
  #stopped = false;
  #state: ArchiveState = 'connecting';
  #cursor: Pick<ArchiveCursor, 'height' | 'timeMs'> = { height: 0, timeMs: 0 };
  #missing = 0;
  #retryMs = FIRST_RETRY_MS;
  /** Read from the log, and too new to be archived. */
  #early: LogEntry | undefined;

  constructor(level: ArchiveLevel, modules: ArchiverModules) {
    this.#level = level;
    this.#modules = modules;
  }

  /** Resolves after `stop`. */
  async run(): Promise<void> {
    while (!this.#stopped) {
      try {
        await this.#session();
      } catch (error) {
        if (this.#stopped) return;
        this.#failed(error);
        await this.#modules.source.pause(this.#retryMs);
        this.#retryMs = Math.min(MAX_RETRY_MS, this.#retryMs * 2);
      }
    }
  }

  stop(): void {
    this.#stopped = true;
  }

  async #session(): Promise<void> {
    const { source } = this.#modules;
    const store = await this.#modules.open();
    try {
      let cursor = await store.cursor();
      await this.#seek(cursor);
      while (!this.#stopped) {
        // Asked for before the progress is looked at: what changes meanwhile is not slept through.
        const changed = source.changed();
        const window = await this.#read(cursor);
        if (window === undefined) {
          this.#succeeded(cursor, { documents: 0, bytes: 0 });
          await changed;
          continue;
        }
        const written = await store.write(window.documents);
        cursor = await store.advance(window.cursor, window.evidence);
        this.#succeeded(cursor, written);
        if (cursor.height !== window.cursor.height) await this.#seek(cursor);
      }
    } finally {
      await store.close();
    }
  }

  /** To the record of the last archived commit: certificates and evidence behind it are still to come. Another node may be ahead: then this one waits. */
  async #seek(cursor: ArchiveCursor): Promise<void> {
    const { source, follower } = this.#modules;
    const { height } = cursor;
    this.#early = undefined;
    while (!this.#stopped) {
      const changed = source.changed();
      let place = await source.place(height);
      if (place.position === undefined) place = await source.place(height + 1);
      if (place.position !== undefined) return follower.seek(place.position);
      if (place.oldest > height + 1) throw gap(height + 1, place.oldest);
      this.#succeeded(cursor, { documents: 0, bytes: 0 });
      await changed;
    }
  }

  async #read(from: ArchiveCursor): Promise<Window | undefined> {
    const { source, hasher } = this.#modules;
    const commits: ArchivedCommit[] = [];
    const checkpoints: ArchiveDocument[] = [];
    const evidence: ArchiveDocument[] = [];
    let { height, hash, timeMs, checkpoint } = from;
    let bytes = 0;
    const { durable, final, receiptsThrough } = source.progress();
    const last = this.#readsReceipts ? Math.min(final, receiptsThrough) : final;
    while (commits.length < WINDOW_COMMITS && bytes < WINDOW_BYTES) {
      const entry = this.#early ?? (await this.#modules.follower.next(durable));
      this.#early = undefined;
      if (entry === undefined) break;
      if (entry.type === 'commit') {
        const { index, digest } = entry.commit;
        if (index <= height) continue;
        if (index > last) {
          this.#early = entry;
          break;
        }
        checkNext(entry, { height, hash });
        const archived = await this.#commit(entry);
        commits.push(archived);
        bytes += archived.blocks.reduce((sum, { header, payload }) => sum + header.bytes.length + payload.length, 0);
        [height, hash, timeMs] = [index, digest, entry.commit.timeMs];
      } else if (entry.type === 'certificate') {
        const document = newCheckpoint(entry.bytes, checkpoint);
        if (document === undefined) continue;
        checkpoints.push(document);
        checkpoint = Number(document._id);
      } else if (entry.type === 'evidence') {
        evidence.push(evidenceDocument(this.#header(entry.first), this.#header(entry.second)));
      }
    }
    if (commits.length + checkpoints.length + evidence.length === 0) return undefined;
    const receipts = this.#receiptsOf(commits);
    const documents = commits.map((archived, at) =>
      documentsOf(hasher, archived, this.#level, receipts[at] as ReadonlyMap<string, Receipt>),
    );
    return {
      documents: [...documents, { checkpoints, evidence }],
      cursor: { height, hash, timeMs, checkpoint },
      evidence: evidence.map(({ _id }) => String(_id)),
    };
  }

  async #commit({ commit, gcRoundAfter, blockPositions }: CommitEntry): Promise<ArchivedCommit> {
    const { follower, hasher } = this.#modules;
    const blocks: ArchivedBlock[] = [];
    for (const [at, ref] of commit.refs.entries()) {
      const entry = await follower.block(blockPositions[at] as LogPosition);
      const header = this.#header(entry);
      const { payload } = entry;
      const { txCount, digest } = header.payload;
      const isWhole = payload.length === 0 ? txCount === 0 : parsePayload(hasher, payload, txCount).digest === digest;
      if (header.ref.id !== ref.id || !isWhole) {
        const message = `the log does not hold block ${ref.id} where commit ${commit.index} says: run av10 verify`;
        throw new ArchiveError('ARCHIVE_LOG', message, { commit: commit.index, block: ref.id });
      }
      blocks.push({ header, payload });
    }
    return { commit, gcRound: gcRoundAfter, blocks };
  }

  /**
   * Of each commit, those that it applied. Retention goes on while a window is read: what is not found was not applied only where the same moment
   * says that nothing is forgotten.
   */
  #receiptsOf(commits: readonly ArchivedCommit[]): readonly ReadonlyMap<string, Receipt>[] {
    const { hasher, receipts, source } = this.#modules;
    const ids = commits.map((each) => (this.#readsReceipts ? itemsOf(hasher, each).map(({ id }) => id) : []));
    if (ids.every(({ length }) => length === 0)) return ids.map(() => new Map());
    const known = receipts.known(ids.flat());
    const from = Math.max(known.from, source.progress().receiptsFrom);
    const answers = known.receipts.values();
    return commits.map(({ commit }, at) => {
      const asked = ids[at] as readonly TransactionId[];
      if (asked.length > 0 && commit.index < from) throw gap(commit.index, from);
      const applied = new Map<string, Receipt>();
      for (const id of asked) {
        const answer = answers.next().value;
        if (answer?.commitIndex === commit.index) applied.set(id, decodeReceipt(answer.receipt));
      }
      return applied;
    });
  }

  get #readsReceipts(): boolean {
    return this.#level === 'batches' || this.#level === 'transfers';
  }

  #header({ header, signature }: SignedBytes): SignedHeader {
    return decodeSignedHeader(this.#modules.hasher, header, signature);
  }

  #succeeded(cursor: ArchiveCursor, written: { readonly documents: number; readonly bytes: number }): void {
    if (this.#state !== 'archiving') this.#modules.logger.info('archiving', { height: cursor.height });
    this.#state = 'archiving';
    this.#cursor = cursor;
    this.#missing = 0;
    this.#retryMs = FIRST_RETRY_MS;
    this.#report(written);
  }

  /** Said once a state: a server that is away for hours makes one line. */
  #failed(error: unknown): void {
    const state = stateAfter(error);
    const { next = 0, oldest = 0 } = error instanceof CodedError ? error.fields : {};
    this.#missing = state === 'gap' ? Number(oldest) - Number(next) : 0;
    if (state !== this.#state) {
      const fields = { error: errorText(error), ...(error instanceof CodedError && { code: error.code }) };
      if (state === 'unavailable') this.#modules.logger.warn('the archive is not available', fields);
      else this.#modules.logger.error('the archive does not go on', fields);
    }
    this.#state = state;
    this.#report({ failures: 1 });
  }

  #report(counted: Partial<Pick<ArchiveReport, 'documents' | 'bytes' | 'failures'>>): void {
    const { height, timeMs } = this.#cursor;
    const counts = { documents: 0, bytes: 0, failures: 0, ...counted };
    this.#modules.report({ state: this.#state, cursor: { height, timeMs }, missing: this.#missing, ...counts });
  }
}

function checkNext(
  { commit }: CommitEntry,
  { height, hash }: { readonly height: CommitIndex; readonly hash: string },
): void {
  if (commit.index !== height + 1) throw gap(height + 1, commit.index);
  if (commit.previousDigest === hash) return;
  const message = `the archive holds another commit ${height} than this node: run av10 archive verify`;
  throw new ArchiveError('ARCHIVE_CONFLICT', message, { height });
}

function newCheckpoint(bytes: Uint8Array, previous: CheckpointIndex): ArchiveDocument | undefined {
  const certificate = decodeCertificate(bytes);
  return certificate.statement.index > previous ? checkpointDocument(certificate, previous) : undefined;
}

function gap(next: CommitIndex, oldest: CommitIndex): ArchiveError {
  const message = `this node begins with commit ${oldest} and the archive needs ${next}: let a node archive that still has it`;
  return new ArchiveError('ARCHIVE_GAP', message, { next, oldest });
}

function stateAfter(error: unknown): ArchiveState {
  const code = error instanceof ArchiveError ? (error.code as ArchiveErrorCode) : undefined;
  if (code === 'ARCHIVE_UNAVAILABLE') return 'unavailable';
  return code === 'ARCHIVE_GAP' ? 'gap' : 'refused';
}
