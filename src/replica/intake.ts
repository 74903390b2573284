import type { Precheck } from '../consensus/index.ts';
import { signatureContext } from '../crypto/domains.ts';
import type { Hasher } from '../crypto/hasher.ts';
import type { Verifier } from '../crypto/signer.ts';
import type { Committee } from '../params/committee.ts';
import { type Evidence, formatRef, markVerified, type SignedHeader, type VerifiedHeader } from '../types/block.ts';
import type { AuthorIndex, BlockId, NetworkId, Round } from '../types/ids.ts';
import type { EvidenceMessage, WireBlock } from '../types/message.ts';
import { parsePayload } from '../types/payload.ts';
import { equalBytes, fromHex } from '../util/bytes.ts';
import type { Clock } from '../util/clock.ts';
import { errorText } from '../util/errors.ts';
import { TokenBucket } from '../util/token-bucket.ts';
import type { PeerFault } from './errors.ts';
import type { ReplicaOptions } from './options.ts';

export interface IntakeEvents {
  /** The author is known to equivocate, or the round is collected: more proof changes nothing. */
  holdsEvidence(author: AuthorIndex): boolean;
  /** A peer's proof that an author equivocated, both signatures checked. */
  proved(evidence: Evidence): void;
  precheck(header: SignedHeader): Precheck;
  /** The block passed every check that needs no ancestors. */
  verified(header: VerifiedHeader, payload: Uint8Array): void;
  /** The block is so far ahead that blocks alone will not bring this node there. */
  tooFar(peer: AuthorIndex, round: Round): void;
  penalise(peer: AuthorIndex, fault: PeerFault, detail: string): void;
}

/**
 * Takes blocks from peers through the checks of docs/spec/block.md in their order: rules that cost nothing, then the signature within the
 * budget of the peer that delivered it, then the payload.
 */
export class BlockIntake {
  readonly #context: Uint8Array;
  readonly #epoch: number;
  readonly #committee: Committee;
  readonly #options: ReplicaOptions;
  readonly #modules: { readonly hasher: Hasher; readonly verifier: Verifier; readonly clock: Clock };
  readonly #events: IntakeEvents;
  /** Signatures of the headers being verified. A copy with another signature is checked on its own: it must not hide the genuine one. */
  readonly #inFlight = new Map<BlockId, Uint8Array[]>();
  readonly #verifications: number[];
  readonly #foreignBudgets: readonly TokenBucket[];

  constructor(
    setup: {
      readonly networkId: NetworkId;
      readonly epoch: number;
      readonly committee: Committee;
      readonly options: ReplicaOptions;
    },
    modules: { readonly hasher: Hasher; readonly verifier: Verifier; readonly clock: Clock },
    events: IntakeEvents,
  ) {
    this.#context = signatureContext('block', fromHex(setup.networkId));
    this.#epoch = setup.epoch;
    this.#committee = setup.committee;
    this.#options = setup.options;
    this.#modules = modules;
    this.#events = events;
    const { foreignHeadersPerSecond } = setup.options;
    const now = modules.clock.monotonicMs();
    this.#verifications = setup.committee.members.map(() => 0);
    this.#foreignBudgets = setup.committee.members.map(
      () => new TokenBucket(foreignHeadersPerSecond, 2 * foreignHeadersPerSecond, now),
    );
  }

  /** `asked`: the block answers a request, which bounds how many there can be. */
  receive(peer: AuthorIndex, block: WireBlock, asked: boolean): void {
    const { header } = block;
    const verdict = this.#events.precheck(header);
    if (verdict.kind === 'penalise') this.#events.penalise(peer, 'INVALID_BLOCK', verdict.error.message);
    else if (verdict.kind === 'too-far') this.#events.tooFar(peer, header.round);
    else if (verdict.kind === 'verify' || verdict.kind === 'extra') {
      if (this.#mayVerify(peer, header, asked)) void this.#verify(peer, block);
    }
  }

  /** Blocks that this peer delivered are being verified: nobody knows of them yet. */
  isVerifying(peer: AuthorIndex): boolean {
    return (this.#verifications[peer] as number) > 0;
  }

  /** Takes a peer's proof of equivocation: same epoch, round and author, other ids, both signed by the author. */
  async receiveEvidence(peer: AuthorIndex, { first, second }: EvidenceMessage): Promise<void> {
    if (this.#events.holdsEvidence(first.author)) return;
    const sameSlot = first.author === second.author && first.round === second.round;
    const sameEpoch = first.epoch === this.#epoch && second.epoch === this.#epoch;
    const proves = sameSlot && sameEpoch && first.ref.id !== second.ref.id && first.author < this.#committee.size;
    if (proves && (await this.#areSigned(first, second))) {
      this.#events.proved({ first: markVerified(first), second: markVerified(second) });
    } else {
      this.#events.penalise(peer, 'BAD_SIGNATURE', 'evidence that proves nothing');
    }
  }

  async #areSigned(...headers: readonly SignedHeader[]): Promise<boolean> {
    const items = headers.map(({ author, bytes, signature }) => {
      const { consensusKey } = this.#committee.member(author);
      return { publicKey: consensusKey, context: this.#context, message: bytes, signature };
    });
    return (await this.#modules.verifier.verifyMany(items)).every((valid) => valid === 1);
  }

  #mayVerify(peer: AuthorIndex, header: SignedHeader, asked: boolean): boolean {
    const signatures = this.#inFlight.get(header.ref.id) ?? [];
    if (signatures.some((signature) => equalBytes(signature, header.signature))) return false;
    if ((this.#verifications[peer] as number) >= this.#options.verificationsPerPeer) return false;
    if (asked || header.author === peer) return true;
    return (this.#foreignBudgets[peer] as TokenBucket).take(1, this.#modules.clock.monotonicMs());
  }

  async #verify(peer: AuthorIndex, block: WireBlock): Promise<void> {
    const { header, payload } = block;
    const { consensusKey } = this.#committee.member(header.author);
    this.#begin(peer, header);
    const valid = await this.#modules.verifier
      .verify(consensusKey, this.#context, header.bytes, header.signature)
      .finally(() => this.#end(peer, header));
    if (!valid) return this.#events.penalise(peer, 'BAD_SIGNATURE', formatRef(header.ref));
    const problem = payloadProblem(this.#modules.hasher, header, payload);
    if (problem !== undefined)
      return this.#events.penalise(peer, 'BAD_PAYLOAD', `${formatRef(header.ref)}: ${problem}`);
    this.#events.verified(markVerified(header), payload);
  }

  #begin(peer: AuthorIndex, header: SignedHeader): void {
    this.#verifications[peer] = (this.#verifications[peer] as number) + 1;
    this.#inFlight.set(header.ref.id, [...(this.#inFlight.get(header.ref.id) ?? []), header.signature]);
  }

  #end(peer: AuthorIndex, header: SignedHeader): void {
    this.#verifications[peer] = (this.#verifications[peer] as number) - 1;
    const left = (this.#inFlight.get(header.ref.id) ?? []).filter((signature) => signature !== header.signature);
    if (left.length === 0) this.#inFlight.delete(header.ref.id);
    else this.#inFlight.set(header.ref.id, left);
  }
}

/** What is wrong between a header and the bytes that claim to be its payload, if anything. */
export function payloadProblem(hasher: Hasher, header: SignedHeader, payload: Uint8Array): string | undefined {
  if (payload.length !== header.payload.bytes)
    return `${payload.length} payload bytes, the header says ${header.payload.bytes}`;
  try {
    const { digest } = parsePayload(hasher, payload, header.payload.txCount);
    return digest === header.payload.digest ? undefined : 'the payload has another digest';
  } catch (error) {
    return errorText(error);
  }
}
