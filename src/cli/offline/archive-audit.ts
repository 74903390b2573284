import type { CryptoBackend } from '../../crypto/backend.ts';
import { signatureContext } from '../../crypto/domains.ts';
import { MAX_VERIFY_BATCH } from '../../crypto/signer.ts';
import type { ExecutedCommit } from '../../execution/index.ts';
import { type NativeLedger, receipt } from '../../execution/index.ts';
import type { Genesis } from '../../params/genesis.ts';
import { payloadProblem } from '../../replica/intake.ts';
import { LinearisedWindow } from '../../replica/linearised-window.ts';
import {
  type ArchiveDocument,
  type ArchivedBlock,
  type ArchivedCommit,
  type ArchiveReader,
  type CollectionName,
  checkpointDocument,
  commitDocument,
  type DocumentStream,
  dagBlockDocument,
  documentBytes,
  documentsOf,
  evidenceDocument,
  type StoredDocument,
  WINDOW_COMMITS,
} from '../../storage/mongo/index.ts';
import type { SignedHeader } from '../../types/block.ts';
import { decodeSignedHeader } from '../../types/block-codec.ts';
import { type Certificate, decodeCertificate, verifyCertificate } from '../../types/certificate.ts';
import { type Commit, decodeCommit } from '../../types/commit.ts';
import type { CheckpointIndex, CommitIndex } from '../../types/ids.ts';
import type { Receipt } from '../../types/receipt.ts';
import { encodeStatement, type Statement } from '../../types/statement.ts';
import { equalBytes, fromHex } from '../../util/bytes.ts';
import { errorText, isCoded } from '../../util/errors.ts';

/** More are counted and not listed. */
const MAX_LISTED = 1_000;

export type Finding = 'altered' | 'missing' | 'added';

export interface ArchiveProblem {
  readonly finding: Finding;
  readonly collection: CollectionName;
  readonly id: string;
  readonly detail: string;
}

export interface ArchiveAuditModules {
  readonly reader: ArchiveReader;
  readonly backend: CryptoBackend;
  readonly genesis: Genesis;
  /** Of the genesis, for this audit alone. */
  readonly ledger: NativeLedger;
}

export interface AuditEvents {
  /** Before each commit. Throws to end the audit. */
  at(height: CommitIndex): void;
  /** A commit that was found sound, all that came before it too, and executed. */
  commit?(archived: ArchivedCommit): Promise<void>;
  /** A certificate that a quorum signed, of a state that execution came to. */
  certificate?(certificate: Certificate): Promise<void>;
}

const BY_HEIGHT = ['blocks', 'dagBlocks', 'transactions', 'transfers'] as const;
type Heightened = (typeof BY_HEIGHT)[number];

/**
 * Computes everything in an archive again from nothing but the genesis: the chain of commits, ids, payload digests and signatures of DAG blocks, the
 * execution of every commit, and the documents that all of it must have become; compares byte by byte, and the state with every certified checkpoint.
 */
export class ArchiveAudit {
  readonly counts = { commits: 0, dagBlocks: 0, transactions: 0, transfers: 0, certificates: 0, evidence: 0 };
  readonly findings: Record<Finding, number> = { altered: 0, missing: 0, added: 0 };
  readonly problems: ArchiveProblem[] = [];
  /** Above what the cursor covered when the audit began, and no further than archivers write: not looked at. */
  beyond = 0;
  /** Documents behind a break in the chain, of which only hashes and signatures could be checked. */
  unjudged = 0;
  /** Certified checkpoints whose state execution came to as well. */
  comparedCheckpoints = 0;
  /** Of the newest of these: up to here a quorum signed that the network decided so. */
  certifiedCommit: CommitIndex = 0;
  lastStatement: Statement | undefined;
  readonly #modules: ArchiveAuditModules;
  readonly #events: AuditEvents;
  readonly #window: LinearisedWindow;
  readonly #streams: Readonly<Record<Heightened | 'checkpoints', DocumentStream>>;
  readonly #blockContext: Uint8Array;
  #previous: string | undefined;
  /** From this commit on nothing could be executed. */
  #brokenAt: CommitIndex | undefined;
  #lastCheckpoint: CheckpointIndex = 0;

  constructor(modules: ArchiveAuditModules, events: AuditEvents) {
    const { reader, genesis } = modules;
    this.#modules = modules;
    this.#events = events;
    this.#previous = genesis.networkId;
    this.#blockContext = signatureContext('block', fromHex(genesis.networkId));
    this.#window = new LinearisedWindow(genesis.parameters.gcDepth, { gcRound: 0, refs: [] });
    const stream = (name: CollectionName): DocumentStream =>
      reader.stream(name, (document) => this.#found('added', name, document.id, 'belongs to no commit'));
    this.#streams = {
      blocks: stream('blocks'),
      dagBlocks: stream('dagBlocks'),
      transactions: stream('transactions'),
      transfers: stream('transfers'),
      checkpoints: stream('checkpoints'),
    };
  }

  get brokenAt(): CommitIndex | undefined {
    return this.#brokenAt;
  }

  get found(): number {
    return this.findings.altered + this.findings.missing + this.findings.added;
  }

  /** The commit of the newest certificate that a quorum signed, up to the cursor; 0: there is none. */
  async newestCertified(): Promise<CommitIndex> {
    const { cursor } = this.#modules.reader;
    for await (const document of this.#modules.reader.newestCheckpoints()) {
      const certificate = await this.#signed(document).catch(() => undefined); // an older one may be sound
      const height = certificate?.statement.commitIndex ?? 0;
      if (height > 0 && height <= cursor.height) return height;
    }
    return 0;
  }

  /** Commits up to this one, and what belongs to them; nothing of the others is looked at. */
  async runTo(last: CommitIndex): Promise<void> {
    for (let height = 1; height <= last; height++) {
      this.#events.at(height);
      await this.#height(height);
    }
  }

  /** Everything. */
  async run(): Promise<void> {
    const { cursor } = this.#modules.reader;
    await this.runTo(cursor.height);
    if (this.#previous !== undefined && this.#previous !== cursor.hash)
      this.#found('altered', 'state', 'cursor', 'its hash is not that of the commit it names');
    await this.#restOfCheckpoints();
    await this.#evidence();
    await this.#state();
    await this.#beyondCursor();
  }

  async #height(height: CommitIndex): Promise<void> {
    const stored = {
      dagBlocks: byId(await this.#streams.dagBlocks.take(height)),
      transactions: byId(await this.#streams.transactions.take(height)),
      transfers: byId(await this.#streams.transfers.take(height)),
    };
    const commitDocuments = await this.#streams.blocks.take(height);
    const commit = this.#commit(height, commitDocuments);
    if (commit === undefined) {
      this.#brokenAt ??= height;
      this.unjudged += stored.dagBlocks.size + stored.transactions.size + stored.transfers.size;
      return;
    }
    this.counts.commits += 1;
    this.#window.add(commit);
    const blocks = await this.#blocks(commit, stored.dagBlocks);
    const archived = { commit, gcRound: this.#window.gcRound, blocks: blocks ?? [] };
    const expected = commitDocument(archived);
    for (const document of commitDocuments) this.#compareOrAdd('blocks', expected, document);
    if (blocks === undefined) this.#brokenAt ??= height;
    if (this.#brokenAt !== undefined) {
      this.unjudged += stored.transactions.size + stored.transfers.size;
      return;
    }
    await this.#execute(archived, stored);
  }

  /** The commit that continues the chain, whichever document holds it. */
  #commit(height: CommitIndex, documents: readonly StoredDocument[]): Commit | undefined {
    const { hasher } = this.#modules.backend;
    for (const document of documents) {
      const bytes = document.binary('bytes');
      const commit = bytes === undefined ? undefined : attempt(() => decodeCommit(hasher, bytes));
      const continues = this.#previous === undefined || commit?.previousDigest === this.#previous;
      if (commit?.index !== height || commit.digest !== document.id || !continues) continue;
      this.#previous = commit.digest;
      return commit;
    }
    if (documents.length === 0) this.#found('missing', 'blocks', `height ${height}`, 'no commit of this height');
    for (const { id } of documents) this.#found('altered', 'blocks', id, `does not continue commit ${height - 1}`);
    this.#previous = undefined;
    return undefined;
  }

  /** All blocks of the commit, unless one cannot be believed. */
  async #blocks(commit: Commit, stored: Map<unknown, StoredDocument>): Promise<ArchivedBlock[] | undefined> {
    const { hasher } = this.#modules.backend;
    const sound: ArchivedBlock[] = [];
    for (const [position, { id }] of commit.refs.entries()) {
      const document = stored.get(id);
      stored.delete(id);
      if (document === undefined) {
        this.#found('missing', 'dagBlocks', id, `a block of commit ${commit.index}`);
        continue;
      }
      this.counts.dagBlocks += 1;
      const [bytes, signature, payload] = ['header', 'signature', 'payload'].map((name) => document.binary(name));
      const header =
        bytes === undefined || signature === undefined
          ? undefined
          : attempt(() => decodeSignedHeader(hasher, bytes, signature));
      const problem =
        header?.ref.id !== id || payload === undefined ? 'header' : payloadProblem(hasher, header, payload);
      if (problem !== undefined || header === undefined || payload === undefined) {
        this.#found('altered', 'dagBlocks', id, `${problem} is not what commit ${commit.index} names`);
        continue;
      }
      sound.push({ header, payload });
      this.#compareOrAdd('dagBlocks', dagBlockDocument(commit.index, position, { header, payload }), document);
    }
    for (const id of stored.keys()) this.#found('added', 'dagBlocks', id, `no block of commit ${commit.index}`);
    await this.#signatures(sound.map(({ header }) => header));
    return sound.length === commit.refs.length ? sound : undefined;
  }

  /** Ids do not cover signatures. */
  async #signatures(headers: readonly SignedHeader[]): Promise<void> {
    for (let start = 0; start < headers.length; start += MAX_VERIFY_BATCH) {
      const batch = headers.slice(start, start + MAX_VERIFY_BATCH);
      const valid = await this.#verify(batch);
      for (const [at, { ref }] of batch.entries())
        if (!valid[at]) this.#found('altered', 'dagBlocks', ref.id, 'the signature does not verify');
    }
  }

  async #verify(headers: readonly SignedHeader[]): Promise<boolean[]> {
    const { committee } = this.#modules.genesis;
    const isMember = headers.map(({ author }) => author < committee.size);
    const valid = await this.#modules.backend.verifier.verifyMany(
      headers.map(({ author, bytes, signature }) => {
        const { consensusKey } = committee.member(author < committee.size ? author : 0);
        return { publicKey: consensusKey, context: this.#blockContext, message: bytes, signature };
      }),
    );
    return isMember.map((member, at) => member && valid[at] === 1);
  }

  async #execute(
    archived: ArchivedCommit,
    stored: Readonly<Record<'transactions' | 'transfers', Map<unknown, StoredDocument>>>,
  ): Promise<void> {
    const { backend, reader } = this.#modules;
    const result = await this.#executed(archived);
    if (result === undefined) return;
    const documents = documentsOf(backend.hasher, archived, reader.level, receiptsOf(result));
    for (const name of ['transactions', 'transfers'] as const)
      this.counts[name] += this.#compareAll(name, documents[name] ?? [], stored[name]);
    await this.#events.commit?.(archived);
    if (result.checkpoint === undefined) return;
    this.lastStatement = result.checkpoint.statement;
    await this.#checkpoint(result.checkpoint);
  }

  /** A chain that nobody signed may hold what no ledger executes. */
  async #executed({ commit, gcRound, blocks }: ArchivedCommit): Promise<ExecutedCommit | undefined> {
    const executable = commit.refs.flatMap((ref, position) => {
      const { header, payload } = blocks[position] as ArchivedBlock;
      const { txCount } = header.payload;
      return txCount === 0 ? [] : [{ ref, executedCommit: header.executedCommit, payload, txCount }];
    });
    try {
      return await this.#modules.ledger.executeAsync({ ...commit, gcRound, blocks: executable });
    } catch (error) {
      if (!isCoded(error)) throw error;
      this.#brokenAt = commit.index;
      this.#found('altered', 'blocks', commit.digest, `commit ${commit.index} cannot be executed: ${error.message}`);
      return undefined;
    }
  }

  async #checkpoint({
    index,
    statement,
  }: {
    readonly index: CheckpointIndex;
    readonly statement: Statement;
  }): Promise<void> {
    for (const document of await this.#streams.checkpoints.take(index)) {
      const certificate = await this.#certificate(document);
      if (certificate === undefined) continue;
      if (encodeStatement(certificate.statement).toHex() !== encodeStatement(statement).toHex()) {
        this.#found('altered', 'checkpoints', index, 'a quorum signed another state than executing the archive gives');
        continue;
      }
      this.comparedCheckpoints += 1;
      this.certifiedCommit = statement.commitIndex;
      await this.#events.certificate?.(certificate);
    }
  }

  /** Signed by a quorum, and in its place among the others. */
  async #certificate(document: StoredDocument): Promise<Certificate | undefined> {
    const previous = document.number('previous') ?? 0;
    this.counts.certificates += 1;
    if (previous > this.#lastCheckpoint) this.#found('missing', 'checkpoints', previous, `named by ${document.id}`);
    this.#lastCheckpoint = Math.max(this.#lastCheckpoint, document.key ?? 0);
    try {
      const certificate = await this.#signed(document);
      this.#compareOrAdd('checkpoints', checkpointDocument(certificate, previous), document);
      return certificate;
    } catch (error) {
      this.#found('altered', 'checkpoints', document.id, errorText(error));
      return undefined;
    }
  }

  /** @throws if it is no certificate, or no quorum signed it */
  async #signed(document: StoredDocument): Promise<Certificate> {
    const { backend, genesis } = this.#modules;
    const bytes = document.binary('certificate');
    if (bytes === undefined) throw new Error('there is no certificate in it');
    const certificate = decodeCertificate(bytes);
    await verifyCertificate(backend.verifier, genesis.networkId, genesis.committee, certificate);
    return certificate;
  }

  /** Of commits that were not executed here, or are newer than the cursor. */
  async #restOfCheckpoints(): Promise<void> {
    const { checkpoint } = this.#modules.reader.cursor;
    for await (const document of this.#streams.checkpoints.rest()) await this.#certificate(document);
    if (this.#lastCheckpoint < checkpoint) this.#found('missing', 'checkpoints', checkpoint, 'named by the cursor');
  }

  async #evidence(): Promise<void> {
    const { reader, backend } = this.#modules;
    const due = new Set(reader.evidence);
    for await (const document of this.#modules.reader.stream('evidence', () => undefined).rest()) {
      this.counts.evidence += 1;
      due.delete(String(document.id));
      const signed = (side: string): SignedHeader | undefined => {
        const [header, signature] = [document.binary(`${side}.header`), document.binary(`${side}.signature`)];
        if (header === undefined || signature === undefined) return undefined;
        return attempt(() => decodeSignedHeader(backend.hasher, header, signature));
      };
      const [first, second] = [signed('first'), signed('second')];
      const proves =
        first?.author === second?.author && first?.round === second?.round && first?.ref.id !== second?.ref.id;
      if (
        first === undefined ||
        second === undefined ||
        !proves ||
        (await this.#verify([first, second])).includes(false)
      ) {
        this.#found('altered', 'evidence', document.id, 'proves nothing');
        continue;
      }
      this.#compareOrAdd('evidence', evidenceDocument(first, second), document);
    }
    for (const id of due) this.#found('missing', 'evidence', id, 'named by the cursor');
  }

  async #state(): Promise<void> {
    const { backend, genesis } = this.#modules;
    for await (const document of this.#modules.reader.stream('state', () => undefined).rest()) {
      if (document.id === 'cursor') continue;
      if (document.id !== 'network') this.#found('added', 'state', document.id, 'nothing of the archive');
      else if (backend.hasher.plain(document.binary('genesis') ?? new Uint8Array(0)).toHex() !== genesis.networkId)
        this.#found('altered', 'state', document.id, 'its genesis is not the one of this network');
    }
  }

  /** An archiver writes a window above the cursor and then moves that on: what lies higher, nobody archived. */
  async #beyondCursor(): Promise<void> {
    const { reader } = this.#modules;
    let last = reader.cursor.height + WINDOW_COMMITS;
    for (const name of BY_HEIGHT) {
      for await (const { id, key } of this.#streams[name].rest()) {
        if (key !== undefined && key > last) last = (await reader.height()) + WINDOW_COMMITS;
        if (key === undefined || key < 1) this.#found('added', name, id, 'belongs to no commit');
        else if (key > last) this.#found('added', name, id, `of commit ${key}, which no archiver has come to`);
        else this.beyond += 1;
      }
    }
  }

  #compareAll(name: Heightened, expected: Iterable<ArchiveDocument>, stored: Map<unknown, StoredDocument>): number {
    let count = 0;
    for (const document of expected) {
      count += 1;
      const found = stored.get(document._id);
      stored.delete(document._id);
      if (found === undefined) this.#found('missing', name, document._id, `of commit ${document.height}`);
      else this.#compareOrAdd(name, document, found);
    }
    for (const [id, { key }] of stored) this.#found('added', name, id, `no such document of commit ${key}`);
    return count;
  }

  #compareOrAdd(name: CollectionName, expected: ArchiveDocument, found: StoredDocument): void {
    if (found.id !== expected._id) this.#found('added', name, found.id, `beside ${expected._id}`);
    else if (!equalBytes(documentBytes(expected), found.bytes))
      this.#found('altered', name, found.id, 'its fields are not what its content gives');
  }

  #found(finding: Finding, collection: CollectionName, id: unknown, detail: string): void {
    this.findings[finding] += 1;
    if (this.problems.length < MAX_LISTED) this.problems.push({ finding, collection, id: String(id), detail });
  }
}

function receiptsOf({ outcomes }: ExecutedCommit): ReadonlyMap<string, Receipt> {
  const receipts = new Map<string, Receipt>();
  for (const outcome of outcomes) if (outcome.kind === 'applied') receipts.set(outcome.id, receipt(outcome));
  return receipts;
}

function byId(documents: readonly StoredDocument[]): Map<unknown, StoredDocument> {
  return new Map(documents.map((document) => [document.id, document]));
}

function attempt<T>(decode: () => T): T | undefined {
  try {
    return decode();
  } catch {
    return undefined; // whatever is wrong with it, it is not what was archived
  }
}
