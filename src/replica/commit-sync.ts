import { signatureContext } from '../crypto/domains.ts';
import type { Hasher } from '../crypto/hasher.ts';
import { MAX_VERIFY_BATCH, type Verifier } from '../crypto/signer.ts';
import type { Committee } from '../params/committee.ts';
import { formatRef, markVerified, type VerifiedHeader } from '../types/block.ts';
import { type Certificate, decodeCertificate, verifyCertificate } from '../types/certificate.ts';
import { type Commit, decodeCommit } from '../types/commit.ts';
import type { AuthorIndex, CheckpointIndex, CommitDigest, CommitIndex, NetworkId } from '../types/ids.ts';
import type { WireBlock } from '../types/message.ts';
import { assert } from '../util/assert.ts';
import { fromHex } from '../util/bytes.ts';
import type { Clock } from '../util/clock.ts';
import { errorText } from '../util/errors.ts';
import type { Logger } from '../util/logger.ts';
import type { PeerFault } from './errors.ts';
import { payloadProblem } from './intake.ts';
import type { Links } from './links.ts';
import type { Requests } from './requests.ts';

/** Commit records checked against one certificate: 250 B each, so at most 25 MB are held. Beyond it a snapshot is the shorter way. */
const MAX_CHAIN = 100_000;

/** After an attempt that brought nothing, peers' claims are not looked into for so long: each costs a certificate's verification. */
const FRUITLESS_PAUSE_MS = 1_000;

/** The commit of the chain that is being completed, and its blocks so far. */
interface OpenCommit {
  position: number;
  blocks: WireBlock[];
}

export interface SyncedCommit {
  readonly commit: Commit;
  readonly headers: readonly VerifiedHeader[];
  readonly payloads: readonly Uint8Array[];
}

export interface CommitSyncEvents {
  lastCommit(): { readonly index: CommitIndex; readonly digest: CommitDigest };
  /** Of the newest certificate here. */
  certifiedIndex(): CheckpointIndex;
  /** The certificate here for the same checkpoint states something else. */
  contradicts(certificate: Certificate): boolean;
  /** From here until `ended` commits come from the certified sequence; the core rests. */
  began(): void;
  /** The next commit, checked: its place in the certified chain, its blocks' ids, signatures and payloads. */
  synced(commit: SyncedCommit): Promise<void>;
  /** The sequence is applied as far as it came; the core goes on. */
  ended(): void;
  /** @returns false if this node halted on it: nothing of that history is taken over */
  certified(certificate: Certificate): boolean;
  penalise(peer: AuthorIndex, fault: PeerFault, detail: string): void;
}

/**
 * Brings a node that is too far behind for block fetch up to a certified checkpoint: first the commit records, whose chain of digests must end in
 * the certified one, then the blocks they name (docs/spec/wire.md, "Commit sync"). Peers are adversaries here: nothing is applied unproved.
 */
export class CommitSync {
  readonly #setup: { readonly networkId: NetworkId; readonly committee: Committee };
  readonly #context: Uint8Array;
  readonly #modules: {
    readonly hasher: Hasher;
    readonly verifier: Verifier;
    readonly links: Links;
    readonly requests: Requests;
    readonly clock: Clock;
    readonly logger: Logger;
  };
  readonly #events: CommitSyncEvents;
  #running = false;
  readonly #fruitlessMs = new Map<AuthorIndex, number>();

  constructor(
    setup: { readonly networkId: NetworkId; readonly committee: Committee },
    modules: {
      readonly hasher: Hasher;
      readonly verifier: Verifier;
      readonly links: Links;
      readonly requests: Requests;
      readonly clock: Clock;
      readonly logger: Logger;
    },
    events: CommitSyncEvents,
  ) {
    this.#setup = setup;
    this.#context = signatureContext('block', fromHex(setup.networkId));
    this.#modules = modules;
    this.#events = events;
  }

  get running(): boolean {
    return this.#running;
  }

  /** Something shows that this peer is far ahead. Does nothing while a sync runs, or soon after one that brought nothing. */
  hint(peer: AuthorIndex): void {
    const { clock, links } = this.#modules;
    if (this.#running || !links.isEstablished(peer)) return;
    if (clock.monotonicMs() - (this.#fruitlessMs.get(peer) ?? -Infinity) < FRUITLESS_PAUSE_MS) return;
    this.#running = true;
    const before = this.#events.lastCommit().index;
    void this.#run(peer)
      .then(() => {
        if (this.#events.lastCommit().index === before) this.#fruitlessMs.set(peer, clock.monotonicMs());
      })
      .catch((error: unknown) => this.#modules.logger.error('commit sync failed', { peer, error: errorText(error) }))
      .finally(() => {
        this.#running = false;
      });
  }

  async #run(peer: AuthorIndex): Promise<void> {
    const certificate = await this.#newestCertificate(peer);
    if (certificate === undefined) return;
    if (!this.#events.certified(certificate)) return;
    const from = this.#events.lastCommit();
    if (certificate.statement.commitIndex <= from.index) return;
    const chain = await this.#certifiedChain(peer, from, certificate);
    if (chain === undefined) return;
    this.#modules.logger.info('commit sync', { peer, from: from.index, to: certificate.statement.commitIndex });
    this.#events.began();
    try {
      await this.#applyBlocks(peer, this.#beyond(chain));
    } finally {
      this.#events.ended();
    }
  }

  /** What the core has not decided itself while the records were on their way. */
  #beyond(chain: readonly Commit[]): readonly Commit[] {
    const { index, digest } = this.#events.lastCommit();
    const decided = chain.find((commit) => commit.index === index);
    assert(decided === undefined || decided.digest === digest, 'a quorum certifies the commits that are decided here');
    return chain.filter((commit) => commit.index > index);
  }

  async #newestCertificate(peer: AuthorIndex): Promise<Certificate | undefined> {
    const reply = await this.#modules.requests.ask(peer, 'certificate-reply', (requestId) => ({
      type: 'certificate',
      requestId,
      index: 0,
    }));
    if (reply === undefined || reply.certificate.length === 0) return undefined;
    try {
      const certificate = decodeCertificate(reply.certificate);
      const { index, commitIndex } = certificate.statement;
      const isOld = index <= this.#events.certifiedIndex() && commitIndex <= this.#events.lastCommit().index;
      if (isOld && !this.#events.contradicts(certificate)) return undefined;
      await verifyCertificate(this.#modules.verifier, this.#setup.networkId, this.#setup.committee, certificate);
      return certificate;
    } catch (error) {
      this.#events.penalise(peer, 'FALSE_CERTIFICATE', errorText(error));
      return undefined;
    }
  }

  /** The commit records from the own last commit to the certified one, their chain checked at both ends. */
  async #certifiedChain(
    peer: AuthorIndex,
    from: { readonly index: CommitIndex; readonly digest: CommitDigest },
    { statement }: Certificate,
  ): Promise<Commit[] | undefined> {
    if (statement.commitIndex - from.index > MAX_CHAIN) {
      this.#modules.logger.warn('too far behind for commit sync: restore a snapshot', {
        behind: statement.commitIndex - from.index,
      });
      return undefined;
    }
    const chain: Commit[] = [];
    let digest = from.digest;
    while (from.index + chain.length < statement.commitIndex) {
      const next = from.index + chain.length + 1;
      const commits = await this.#records(peer, next, statement.commitIndex);
      if (commits?.length === 0)
        this.#modules.logger.warn('the peer no longer holds the next commit: if no peer does, restore a snapshot', {
          peer,
          commit: next,
        });
      if (commits === undefined || commits.length === 0) return undefined;
      for (const commit of commits) {
        if (commit.index !== from.index + chain.length + 1 || commit.previousDigest !== digest) {
          this.#events.penalise(peer, 'FALSE_COMMITS', `commit ${commit.index} does not continue the chain`);
          return undefined;
        }
        chain.push(commit);
        digest = commit.digest;
      }
    }
    if (digest === statement.commitDigest) return chain;
    this.#events.penalise(peer, 'FALSE_COMMITS', 'the chain does not end in the certified commit');
    return undefined;
  }

  async #records(peer: AuthorIndex, from: CommitIndex, to: CommitIndex): Promise<Commit[] | undefined> {
    const reply = await this.#modules.requests.ask(peer, 'commits-reply', (requestId) => ({
      type: 'commits',
      requestId,
      from,
      to,
      withBlocks: false,
      skipBlocks: 0,
    }));
    try {
      return reply?.commits.map(({ commit }) => decodeCommit(this.#modules.hasher, commit));
    } catch (error) {
      this.#events.penalise(peer, 'FALSE_COMMITS', errorText(error));
      return undefined;
    }
  }

  /** Any peer may deliver the blocks: the chain says what they must be. A peer that delivers nothing is left for the next. */
  async #applyBlocks(first: AuthorIndex, chain: readonly Commit[]): Promise<void> {
    const peers = [first, ...this.#modules.links.established().filter((peer) => peer !== first)];
    const open: OpenCommit = { position: 0, blocks: [] };
    for (let attempt = 0; open.position < chain.length && attempt < peers.length; ) {
      if (!(await this.#applyFrom(peers[attempt] as AuthorIndex, chain, open))) attempt += 1;
    }
  }

  /** One request. @returns whether it brought anything */
  async #applyFrom(peer: AuthorIndex, chain: readonly Commit[], open: OpenCommit): Promise<boolean> {
    const from = (chain[open.position] as Commit).index;
    const to = (chain.at(-1) as Commit).index;
    const skipBlocks = open.blocks.length;
    const question = { type: 'commits', from, to, withBlocks: true, skipBlocks } as const;
    const reply = await this.#modules.requests.ask(peer, 'commits-reply', (requestId) => ({ ...question, requestId }));
    let progress = false;
    for (const { blocks } of reply?.commits ?? []) {
      const commit = chain[open.position];
      if (commit === undefined) break;
      const problem = this.#blocksProblem(commit, blocks, open.blocks.length) ?? (await this.#signatureProblem(blocks));
      if (problem !== undefined) {
        this.#events.penalise(peer, 'FALSE_COMMITS', `commit ${commit.index}: ${problem}`);
        return false;
      }
      open.blocks.push(...blocks);
      progress ||= blocks.length > 0;
      if (open.blocks.length < commit.refs.length) break;
      const headers = open.blocks.map((block) => markVerified(block.header));
      await this.#events.synced({ commit, headers, payloads: open.blocks.map((block) => block.payload) });
      open.position += 1;
      open.blocks = [];
    }
    return progress;
  }

  #blocksProblem(commit: Commit, blocks: readonly WireBlock[], skipped: number): string | undefined {
    for (const [i, { header, payload }] of blocks.entries()) {
      if (header.ref.id !== commit.refs[skipped + i]?.id) return `block ${formatRef(header.ref)} is not the one named`;
      const problem = payloadProblem(this.#modules.hasher, header, payload);
      if (problem !== undefined) return problem;
    }
    return undefined;
  }

  /** The blocks are what the quorum committed whatever their signatures; but they are served to others as signed blocks. */
  async #signatureProblem(blocks: readonly WireBlock[]): Promise<string | undefined> {
    for (let start = 0; start < blocks.length; start += MAX_VERIFY_BATCH) {
      const batch = blocks.slice(start, start + MAX_VERIFY_BATCH).map(({ header }) => {
        const { consensusKey } = this.#setup.committee.member(header.author);
        return { publicKey: consensusKey, context: this.#context, message: header.bytes, signature: header.signature };
      });
      const valid = await this.#modules.verifier.verifyMany(batch);
      const bad = valid.indexOf(0);
      if (bad >= 0)
        return `the signature of ${formatRef((blocks[start + bad] as WireBlock).header.ref)} does not verify`;
    }
    return undefined;
  }
}
