import type { Core, CoreOptions, Released } from '../consensus/index.ts';
import type { Hasher } from '../crypto/hasher.ts';
import type { Evidence, VerifiedHeader } from '../types/block.ts';
import type { CommitIndex } from '../types/ids.ts';
import { assertDefined } from '../util/assert.ts';
import { EMPTY_BYTES } from '../util/bytes.ts';
import type { Clock } from '../util/clock.ts';
import type { BlockStore } from './block-store.ts';
import type { SyncedCommit } from './commit-sync.ts';
import type { Executing } from './executor.ts';
import { PendingPayloads } from './pending-payloads.ts';
import { coreBehind } from './replay.ts';
import { SyncedChain } from './synced-chain.ts';

export interface CoreEvents {
  /** In the log, and from now on visible to every rule. */
  admitted(header: VerifiedHeader, payload: Uint8Array): void;
  /** In the log; to be executed. */
  committed(subDag: Executing): void;
  /** New here and in the log; to be passed on. */
  exposed(evidence: Evidence): void;
}

/**
 * Owns the consensus core and keeps the log in step with it: what the core admits or commits is appended in the same turn, in the core's
 * order, before anybody hears of it. While commits are taken over from peers the core rests, and a new one goes on behind them.
 */
export class CoreDriver {
  readonly #options: CoreOptions;
  readonly #modules: { readonly hasher: Hasher; readonly store: BlockStore; readonly clock: Clock };
  readonly #events: CoreEvents;
  readonly #pending = new PendingPayloads();
  #core: Core;
  #chain: SyncedChain | undefined;

  constructor(
    options: CoreOptions,
    modules: { readonly hasher: Hasher; readonly store: BlockStore; readonly clock: Clock },
    core: Core,
    events: CoreEvents,
  ) {
    this.#options = options;
    this.#modules = modules;
    this.#core = core;
    this.#events = events;
    this.#remind();
  }

  get core(): Core {
    return this.#core;
  }

  /** Commits are being taken over: blocks are not taken and none is proposed. */
  get resting(): boolean {
    return this.#chain !== undefined;
  }

  get lastCommit(): CommitIndex {
    return this.#chain?.lastIndex ?? this.#core.lastCommit.index;
  }

  /** A peer's block that passed every check that needs no ancestors. */
  insert(header: VerifiedHeader, payload: Uint8Array): void {
    this.#pending.put(header, payload);
    this.#release(this.#core.insert(header, this.#nowMs()));
  }

  /**
   * The own block, durable and guarded.
   * @returns false when its round was collected meanwhile: it will never be executed
   */
  propose(header: VerifiedHeader, payload: Uint8Array): boolean {
    const released = this.#core.proposed(header, this.#nowMs());
    if (released.outcome === 'admitted') this.#chain?.keep(header);
    for (const admitted of released.admitted) {
      if (admitted === header) this.#events.admitted(header, payload);
      else this.#admit(admitted);
    }
    this.#expose(released);
    return released.outcome === 'admitted';
  }

  /** A peer's proof of equivocation, its signatures checked. */
  learn(evidence: Evidence): void {
    this.#core.learn(evidence);
    this.#expose({ evidence: [evidence] });
  }

  /** Lets timeouts fire and commits what is decidable. */
  advance(): void {
    if (this.resting) return;
    const now = this.#nowMs();
    this.#release(this.#core.onTimer(now));
    for (const subDag of this.#core.advance(now)) {
      this.#modules.store.appendCommit(subDag.commit, subDag.gcRound, 'decided');
      this.#events.committed(subDag);
      this.#release(subDag);
    }
  }

  beginSync(): void {
    this.#chain = new SyncedChain(this.#core, this.#options.parameters.gcDepth);
  }

  /** The next commit of the certified sequence and its blocks, all checked. */
  takeOver({ commit, headers, payloads }: SyncedCommit): void {
    const chain = assertDefined(this.#chain, 'a sync has begun');
    for (const [i, header] of headers.entries()) {
      if (!this.#core.dag.has(header.ref.id))
        this.#modules.store.appendBlock(header, payloads[i] ?? EMPTY_BYTES, false);
    }
    const gcRound = chain.add(commit, headers);
    this.#modules.store.appendCommit(commit, gcRound, 'synced');
    this.#events.committed({ commit, blocks: headers, gcRound });
  }

  endSync(): void {
    const end = assertDefined(this.#chain, 'a sync has begun').end();
    this.#chain = undefined;
    if (end === undefined) return;
    const { core, evidence } = coreBehind(this.#options, this.#modules.hasher, this.#core, end, this.#nowMs());
    this.#core = core;
    this.#remind();
    this.#expose({ evidence });
  }

  /** A new core knows only what its blocks show: an author stays exposed. */
  #remind(): void {
    for (const evidence of this.#modules.store.evidence()) this.#core.learn(evidence);
  }

  #release(released: Pick<Released, 'admitted' | 'evidence'>): void {
    for (const header of released.admitted) this.#admit(header);
    this.#expose(released);
  }

  #admit(header: VerifiedHeader): void {
    const payload = this.#pending.take(header);
    this.#modules.store.appendBlock(header, payload, false);
    this.#events.admitted(header, payload);
  }

  #expose({ evidence }: Pick<Released, 'evidence'>): void {
    for (const proof of evidence) {
      // A core that was rebuilt behind a sync or a restart reports what an earlier one did.
      if (this.#modules.store.holdsEvidence(proof.first.author)) continue;
      this.#modules.store.appendEvidence(proof);
      this.#events.exposed(proof);
    }
  }

  #nowMs(): number {
    return this.#modules.clock.monotonicMs();
  }
}
