import {
  type BoundsOptions,
  Core,
  type CoreOptions,
  DEFAULT_PACING,
  defaultBounds,
  type PacingOptions,
} from '../../src/consensus/index.ts';
import { defaultParameters } from '../../src/params/protocol-parameters.ts';
import {
  type BlockRef,
  type Header,
  markVerified,
  type SignedHeader,
  type VerifiedHeader,
} from '../../src/types/block.ts';
import { decodeSignedHeader, encodeHeader } from '../../src/types/block-codec.ts';
import { type CommitDigest, id, type PayloadDigest } from '../../src/types/ids.ts';
import { committeeOf } from '../support/committees.ts';
import { shaHasher } from '../support/sha-hasher.ts';

export interface UniverseOptions {
  readonly powers: readonly number[];
  readonly leaders: number;
  readonly gcDepth?: number;
  readonly bounds?: Partial<BoundsOptions>;
  readonly pacing?: Partial<PacingOptions>;
}

const GENESIS_TIME_MS = 1_000_000;
const NO_SIGNATURE = new Uint8Array(0);
const NO_PAYLOAD = id<PayloadDigest>('00'.repeat(32));
const GC_DEPTH_BEYOND_TESTS = 1_000;

/** One network in which tests make blocks and cores. Blocks are real headers with real ids; their signatures are empty. */
export class Universe {
  readonly options: Omit<CoreOptions, 'own'>;
  readonly #byId = new Map<string, VerifiedHeader>();
  #salt = 0;

  constructor({ powers, leaders, gcDepth = GC_DEPTH_BEYOND_TESTS, bounds = {}, pacing = {} }: UniverseOptions) {
    const members = powers.length;
    this.options = {
      committee: committeeOf(powers),
      parameters: { ...defaultParameters(members), leadersPerRound: leaders, gcDepth },
      epoch: 1,
      genesis: { digest: id<CommitDigest>('ab'.repeat(32)), timeMs: GENESIS_TIME_MS },
      pacing: { ...DEFAULT_PACING, ...pacing },
      bounds: { ...defaultBounds(members, gcDepth), ...bounds },
    };
  }

  get committee() {
    return this.options.committee;
  }

  core(own?: number): Core {
    return new Core({ ...this.options, own }, { hasher: shaHasher });
  }

  genesis(author: number): BlockRef {
    return this.core().genesisRef(author);
  }

  /** A block of `author` with these ancestors; the own one is put first, the rest is sorted. Two calls never give the same id. */
  block(author: number, round: number, ancestors: readonly BlockRef[], changes: Partial<Header> = {}): VerifiedHeader {
    const own = ancestors.filter((ref) => ref.author === author);
    const others = ancestors.filter((ref) => ref.author !== author).sort((a, b) => a.author - b.author);
    const block = markVerified(this.signed(author, round, [...own, ...others], changes));
    this.#byId.set(block.ref.id, block);
    return block;
  }

  /** As `block`, with the ancestors exactly as given and not offered to others. */
  signed(author: number, round: number, ancestors: readonly BlockRef[], changes: Partial<Header> = {}): SignedHeader {
    this.#salt += 1;
    const header: Header = {
      version: 1,
      epoch: 1,
      round,
      author,
      timestampMs: GENESIS_TIME_MS + round * 10,
      executedCommit: this.#salt,
      ancestors,
      payload: { digest: NO_PAYLOAD, bytes: 0, txCount: 0 },
      attestations: [],
      ...changes,
    };
    return decodeSignedHeader(shaHasher, encodeHeader(header), NO_SIGNATURE);
  }

  /** The virtual blocks of round 0. */
  get roots(): readonly BlockRef[] {
    return this.committee.members.map((_, author) => this.genesis(author));
  }

  /** One block of each of these authors, all with the same ancestors. */
  layer(round: number, below: readonly BlockRef[], authors?: readonly number[]): readonly VerifiedHeader[] {
    return (authors ?? this.committee.members.map((_, author) => author)).map((author) =>
      this.block(author, round, below),
    );
  }

  find(blockId: string): VerifiedHeader | undefined {
    return this.#byId.get(blockId);
  }

  get blocks(): readonly VerifiedHeader[] {
    return [...this.#byId.values()];
  }
}
