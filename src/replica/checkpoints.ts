import { signatureContext } from '../crypto/domains.ts';
import type { Signer, Verifier } from '../crypto/signer.ts';
import type { Checkpoint } from '../execution/index.ts';
import type { Committee } from '../params/committee.ts';
import type { CheckpointVote, VerifiedHeader } from '../types/block.ts';
import { type Certificate, encodeCertificate } from '../types/certificate.ts';
import type { AuthorIndex, CheckpointIndex, NetworkId, StatementDigest } from '../types/ids.ts';
import { encodeStatement, type Statement } from '../types/statement.ts';
import { fromHex } from '../util/bytes.ts';
import { errorText } from '../util/errors.ts';
import type { Logger } from '../util/logger.ts';
import { ReplicaError } from './errors.ts';

/** Checkpoints above the newest certified one whose votes are kept. Beyond it a node is behind and gets certificates from peers. */
const MAX_OPEN_CHECKPOINTS = 16;
/** Certificates kept in memory for peers and clients. */
const KEPT_CERTIFICATES = 128;

export interface CheckpointEvents {
  /** The own vote is signed and guarded: it goes into the next own block. */
  voteReady(): void;
  certified(certificate: Certificate, bytes: Uint8Array): void;
  /** Another one than the certificate here, for the same checkpoint: proof against everybody who signed both. Keep it. */
  contradicted(known: Uint8Array, other: Uint8Array): void;
  halt(error: ReplicaError): void;
}

interface Guard {
  /** Refuses to vote twice for one index: docs/spec/storage.md. */
  advanceCheckpoint(index: CheckpointIndex, digest: StatementDigest): Promise<void>;
}

/** Votes on a checkpoint that was executed here and has no certificate. */
export interface OpenVotes {
  readonly checkpoint: CheckpointIndex;
  /** Wall clock of the commit that made it. */
  readonly timeMs: number;
  /** Members that signed the state of this node, itself among them once its own block with the vote is in the DAG. */
  readonly agreeing: readonly AuthorIndex[];
  /** Members that signed another state. */
  readonly differing: readonly AuthorIndex[];
  /** Why this node did not sign it, if it could not. */
  readonly ownFailure: string | undefined;
}

interface OpenCheckpoint {
  own: Checkpoint | undefined;
  readonly votes: Map<AuthorIndex, CheckpointVote>;
  readonly verified: Map<AuthorIndex, Uint8Array>;
}

/**
 * Votes on the state at checkpoints, counts the votes that come in blocks, and makes certificates (docs/spec/checkpoint.md). A node whose state
 * differs from what others sign stops instead of going on alone.
 */
export class Checkpoints {
  readonly #committee: Committee;
  readonly #own: AuthorIndex;
  readonly #context: Uint8Array;
  readonly #modules: {
    readonly signer: Signer;
    readonly verifier: Verifier;
    readonly guard: Guard;
    readonly logger: Logger;
  };
  readonly #events: CheckpointEvents;
  readonly #open = new Map<CheckpointIndex, OpenCheckpoint>();
  readonly #certificates = new Map<
    CheckpointIndex,
    { readonly certificate: Certificate; readonly bytes: Uint8Array }
  >();
  #executed: CheckpointIndex = 0;
  #certified: CheckpointIndex = 0;
  #dueVote: CheckpointVote | undefined;
  #voteFailure: string | undefined;

  constructor(
    setup: { readonly networkId: NetworkId; readonly committee: Committee; readonly own: AuthorIndex },
    modules: { readonly signer: Signer; readonly verifier: Verifier; readonly guard: Guard; readonly logger: Logger },
    events: CheckpointEvents,
  ) {
    this.#committee = setup.committee;
    this.#own = setup.own;
    this.#context = signatureContext('ckpt', fromHex(setup.networkId));
    this.#modules = modules;
    this.#events = events;
  }

  get executed(): CheckpointIndex {
    return this.#executed;
  }

  get certified(): CheckpointIndex {
    return this.#certified;
  }

  /** Checkpoints executed here without a certificate: too many mean divergence or a missing quorum. */
  get uncertified(): number {
    return Math.max(0, this.#executed - this.#certified);
  }

  /** Votes on the oldest of the uncertified. */
  get openVotes(): OpenVotes | undefined {
    const indices = [...this.#open].flatMap(([index, { own }]) => (own === undefined ? [] : [index]));
    const open = this.#open.get(Math.min(...indices));
    if (open?.own === undefined) return undefined;
    const { index: checkpoint, digest, statement } = open.own;
    const differing = [...open.votes].filter(([, vote]) => vote.statementDigest !== digest).map(([author]) => author);
    const agreeing = [...open.verified.keys()];
    return { checkpoint, timeMs: statement.timeMs, agreeing, differing, ownFailure: this.#voteFailure };
  }

  get voteDue(): boolean {
    return this.#dueVote !== undefined;
  }

  /** The vote for the next own block; it stays due until `voted`. */
  get dueVote(): CheckpointVote | undefined {
    return this.#dueVote;
  }

  /** An own block with the vote was made. */
  voted(vote: CheckpointVote): void {
    if (this.#dueVote === vote) this.#dueVote = undefined;
  }

  certificate(index: CheckpointIndex): { readonly certificate: Certificate; readonly bytes: Uint8Array } | undefined {
    return this.#certificates.get(index);
  }

  /** What a restart knows: the last checkpoint of the ledger, and the certificates of the log. */
  restore(executed: Checkpoint | undefined, certificates: readonly Certificate[]): void {
    for (const certificate of certificates) {
      const known = this.#contradiction(certificate);
      if (known === undefined) this.#remember(certificate);
      else this.#haltOnCertificates(known, certificate);
    }
    if (executed !== undefined) this.executedTo(executed, false);
  }

  /** Whether a certificate, verified or not, states something else than the one here for the same checkpoint. */
  contradicts(certificate: Certificate): boolean {
    return this.#contradiction(certificate) !== undefined;
  }

  /** A certificate that a peer sent and this node verified. @returns false if it contradicts what this node has: it halted */
  adopt(certificate: Certificate): boolean {
    const { statement } = certificate;
    const known = this.#contradiction(certificate);
    if (known !== undefined) {
      this.#events.contradicted(encodeCertificate(known), encodeCertificate(certificate));
      this.#haltOnCertificates(known, certificate);
      return false;
    }
    const own = this.#open.get(statement.index)?.own;
    if (own !== undefined && !sameStatement(own.statement, statement)) {
      this.#rootMismatch(own.statement, statement);
      return false;
    }
    if (!this.#certificates.has(statement.index)) this.#keep(certificate);
    return true;
  }

  /** The ledger reached a checkpoint. `vote`: sign it; replayed history and members in recovery do not. */
  executedTo(checkpoint: Checkpoint, vote: boolean): void {
    const { index, statement } = checkpoint;
    this.#executed = index;
    const known = this.#certificates.get(index);
    if (known !== undefined) {
      if (!sameStatement(known.certificate.statement, statement))
        this.#rootMismatch(statement, known.certificate.statement);
      return;
    }
    if (index <= this.#certified) return;
    this.#openAt(index).own = checkpoint;
    for (const old of this.#open.keys()) if (old <= index - MAX_OPEN_CHECKPOINTS) this.#open.delete(old);
    if (vote) void this.#sign(checkpoint);
    void this.#count(index);
  }

  /** Looks at the vote of an admitted block. A false one does not harm the block; it just does not count. */
  admitted(header: VerifiedHeader): void {
    const vote = header.checkpointVote;
    if (vote === undefined || vote.checkpointIndex <= this.#certified) return;
    if (vote.checkpointIndex > Math.max(this.#certified, this.#executed) + MAX_OPEN_CHECKPOINTS) return;
    const open = this.#openAt(vote.checkpointIndex);
    if (open.votes.has(header.author)) return;
    open.votes.set(header.author, vote);
    void this.#count(vote.checkpointIndex);
  }

  async #sign({ index, digest, bytes }: Checkpoint): Promise<void> {
    try {
      await this.#modules.guard.advanceCheckpoint(index, digest);
      const signature = await this.#modules.signer.sign(this.#context, bytes);
      this.#dueVote = { statementDigest: digest, checkpointIndex: index, signature };
      this.#voteFailure = undefined;
      this.#events.voteReady();
    } catch (error) {
      this.#voteFailure = errorText(error);
      this.#modules.logger.error('no checkpoint vote', { index, error: errorText(error) });
    }
  }

  /** Verifies the votes that agree with the own statement, and certifies once a quorum did; reports when too many disagree. */
  async #count(index: CheckpointIndex): Promise<void> {
    const open = this.#open.get(index);
    if (open?.own === undefined) return;
    const { statement, digest, bytes: message } = open.own;
    this.#haltOnConflict(index, open, digest);
    for (const [author, vote] of open.votes) {
      if (vote.statementDigest !== digest || open.verified.has(author)) continue;
      const { consensusKey } = this.#committee.member(author);
      if (await this.#modules.verifier.verify(consensusKey, this.#context, message, vote.signature)) {
        open.verified.set(author, vote.signature);
      } else {
        this.#modules.logger.warn('false checkpoint vote', { author, index });
        open.votes.delete(author);
      }
    }
    if (index > this.#certified && this.#powerOf(open.verified.keys()) >= this.#committee.quorum) {
      const votes = [...open.verified].sort(([a], [b]) => a - b).map(([author, signature]) => ({ author, signature }));
      this.#keep({ statement, members: this.#committee.size, votes });
    }
  }

  #haltOnConflict(index: CheckpointIndex, open: OpenCheckpoint, digest: StatementDigest): void {
    const against = [...open.votes].filter(([author, vote]) => vote.statementDigest !== digest && author !== this.#own);
    if (this.#powerOf(against.map(([author]) => author)) < this.#committee.validity) return;
    const message =
      'validators that cannot all be faulty signed another state: this node diverged; keep its data directory for analysis and restore from a snapshot';
    this.#events.halt(new ReplicaError('HALT_CHECKPOINT_CONFLICT', message, { checkpoint: index }));
  }

  #contradiction({ statement }: Certificate): Certificate | undefined {
    const known = this.#certificates.get(statement.index)?.certificate;
    return known === undefined || sameStatement(known.statement, statement) ? undefined : known;
  }

  #haltOnCertificates(known: Certificate, other: Certificate): void {
    const signers = new Set(known.votes.map(({ author }) => author));
    const both = other.votes.filter(({ author }) => signers.has(author)).map(({ author }) => author);
    const names = both.map((author) => this.#committee.member(author).name).join(', ');
    const message = `two quorums certified different states of one checkpoint, and ${names} signed both: more validators are faulty than the network tolerates`;
    const fields = { checkpoint: known.statement.index, members: names };
    this.#events.halt(new ReplicaError('HALT_CERTIFICATE_CONFLICT', message, fields));
  }

  #keep(certificate: Certificate): void {
    this.#events.certified(certificate, this.#remember(certificate));
  }

  #remember(certificate: Certificate): Uint8Array {
    const { index } = certificate.statement;
    const bytes = encodeCertificate(certificate);
    this.#certificates.set(index, { certificate, bytes });
    this.#certified = Math.max(this.#certified, index);
    for (const old of this.#certificates.keys())
      if (old <= this.#certified - KEPT_CERTIFICATES) this.#certificates.delete(old);
    for (const old of this.#open.keys()) if (old <= this.#certified) this.#open.delete(old);
    return bytes;
  }

  #rootMismatch(own: Statement, certified: Statement): void {
    const message =
      'a quorum certified another state than this node computed: it stops; keep its data directory and restore from a snapshot';
    const fields = { checkpoint: own.index, ownRoot: own.accountsRoot, certifiedRoot: certified.accountsRoot };
    this.#events.halt(new ReplicaError('HALT_ROOT_MISMATCH', message, fields));
  }

  #openAt(index: CheckpointIndex): OpenCheckpoint {
    const open = this.#open.get(index) ?? { own: undefined, votes: new Map(), verified: new Map() };
    this.#open.set(index, open);
    return open;
  }

  #powerOf(authors: Iterable<AuthorIndex>): number {
    let power = 0;
    for (const author of authors) power += this.#committee.power(author);
    return power;
  }
}

function sameStatement(a: Statement, b: Statement): boolean {
  return encodeStatement(a).toHex() === encodeStatement(b).toHex();
}
