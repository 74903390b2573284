import type { Committee } from '../params/committee.ts';
import { type BlockRef, compareRefs, type VerifiedHeader } from '../types/block.ts';
import type { AuthorIndex, BlockId, Round } from '../types/ids.ts';
import { assertDefined } from '../util/assert.ts';
import type { Equivocation } from './equivocation.ts';
import { ExtraAllowance } from './extra-allowance.ts';
import type { BoundsOptions } from './options.ts';
import { Support } from './support.ts';

/** A block that is named and not held. `namers` are the authors of verified blocks that name it: they claim to have it. */
export interface MissingBlock {
  readonly ref: BlockRef;
  readonly namers: readonly AuthorIndex[];
}

/** What adding a block changed: ids newly wanted, blocks let go for want of room. */
export interface SuspensionChange {
  readonly missing: readonly BlockRef[];
  readonly dropped: readonly VerifiedHeader[];
}

interface Pending {
  readonly block: VerifiedHeader;
  readonly bytes: number;
  readonly waitingFor: Set<BlockId>;
  /** Extras that may still be fetched on behalf of this block. */
  budget: number;
  /** Parked: its history names more extras than its budget. */
  stalled: boolean;
  /** Parked once, and needed after all: extras are fetched for it as the allowance permits. */
  takenUp: boolean;
}

interface Awaited {
  readonly ref: BlockRef;
  readonly waiters: Set<Pending>;
  readonly namers: Support;
  /** The block on whose behalf it is fetched; undefined while nobody's is reason enough. */
  demandedBy: Pending | undefined;
}

/**
 * Verified blocks that wait for ancestors, and what to fetch for them (docs/spec/block.md, "Suspended blocks", "Equivocation").
 * A block of an exposed author, or an extra, has nothing fetched on its own behalf, and any other block at most its budget of extras:
 * what equivocators can make this node hold grows with the number of blocks, not of possible histories.
 */
export class Suspension {
  readonly #committee: Committee;
  readonly #bounds: BoundsOptions;
  readonly #equivocation: Equivocation;
  readonly #allowance: ExtraAllowance;
  readonly #pending = new Map<BlockId, Pending>();
  readonly #awaited = new Map<BlockId, Awaited>();
  readonly #stalled = new Set<Pending>();
  readonly #bytes: number[];

  constructor(
    options: { readonly committee: Committee; readonly bounds: BoundsOptions },
    modules: { readonly equivocation: Equivocation },
  ) {
    this.#committee = options.committee;
    this.#bounds = options.bounds;
    this.#equivocation = modules.equivocation;
    this.#allowance = new ExtraAllowance(options.bounds.extrasPerSecond);
    this.#bytes = options.committee.members.map(() => 0);
  }

  get size(): number {
    return this.#pending.size;
  }

  get bytes(): number {
    return this.#bytes.reduce((sum, bytes) => sum + bytes, 0);
  }

  holds(id: BlockId): boolean {
    return this.#pending.has(id);
  }

  isParked(id: BlockId): boolean {
    return this.#pending.get(id)?.stalled ?? false;
  }

  /** Some parked block is not taken up yet. */
  get hasParked(): boolean {
    for (const pending of this.#stalled) if (!pending.takenUp) return true;
    return false;
  }

  /** Named by a block on whose behalf it is fetched. */
  isWanted(id: BlockId): boolean {
    return this.#awaited.get(id)?.demandedBy !== undefined;
  }

  /** Holds a block until its `absent` ancestors are admitted. */
  add(block: VerifiedHeader, absent: readonly BlockRef[], nowMs: number): SuspensionChange {
    const pending: Pending = {
      block,
      bytes: block.bytes.length + block.signature.length + block.payload.bytes,
      waitingFor: new Set(absent.map((ref) => ref.id)),
      budget: this.#bounds.extraBudget,
      stalled: false,
      takenUp: false,
    };
    this.#pending.set(block.ref.id, pending);
    this.#bytes[block.author] = this.#bytesOf(block.author) + pending.bytes;
    for (const ref of absent) this.#await(ref, pending);
    const missing = this.#demand(pending, this.#originOf(pending));
    missing.push(...this.#takeUpNamed(absent, nowMs));
    return { missing, dropped: this.#makeRoom(block.author) };
  }

  /** The block was admitted: returns the blocks that now wait for nothing and are no longer held. */
  resolve(id: BlockId): readonly VerifiedHeader[] {
    const awaited = this.#awaited.get(id);
    if (awaited === undefined) return [];
    this.#awaited.delete(id);
    const ready: VerifiedHeader[] = [];
    for (const waiter of awaited.waiters) {
      waiter.waitingFor.delete(id);
      if (waiter.waitingFor.size > 0) continue;
      this.#remove(waiter);
      ready.push(waiter.block);
    }
    return ready;
  }

  /** Lets go what lies at or below `gcRound`; names of such blocks count as absent. */
  collect(gcRound: Round): { readonly ready: readonly VerifiedHeader[]; readonly dropped: readonly VerifiedHeader[] } {
    const dropped: VerifiedHeader[] = [];
    for (const pending of this.#pending.values()) {
      if (pending.block.round > gcRound) continue;
      this.#drop(pending);
      dropped.push(pending.block);
    }
    const ready: VerifiedHeader[] = [];
    for (const [id, awaited] of this.#awaited) if (awaited.ref.round <= gcRound) ready.push(...this.resolve(id));
    return { ready, dropped };
  }

  /** What to fetch, lowest round first. */
  missing(): readonly MissingBlock[] {
    return [...this.#awaited.values()]
      .filter((awaited) => awaited.demandedBy !== undefined && !this.#pending.has(awaited.ref.id))
      .sort((a, b) => compareRefs(a.ref, b.ref))
      .map(({ ref, namers }) => ({ ref, namers: namers.authors() }));
  }

  /** The quorum of the clock round is missing: every parked block is needed after all. Returns what is newly wanted. */
  takeUpParked(nowMs: number): readonly BlockRef[] {
    for (const pending of this.#stalled) pending.takenUp = true;
    return this.grantExtras(nowMs);
  }

  /** Lets taken-up blocks have further extras, lowest round first, as many as the allowance permits. Returns what is newly wanted. */
  grantExtras(nowMs: number): readonly BlockRef[] {
    const takenUp = [...this.#stalled].filter((pending) => pending.takenUp);
    takenUp.sort((a, b) => compareRefs(a.block.ref, b.block.ref));
    const missing: BlockRef[] = [];
    for (const pending of takenUp) {
      const granted = this.#allowance.available(nowMs);
      if (granted === 0) break;
      pending.budget = granted;
      this.#stall(pending, false);
      missing.push(...this.#demand(pending, pending));
      this.#allowance.spend(granted - pending.budget);
      pending.budget = 0;
    }
    return missing;
  }

  /** When `grantExtras` has something to do again. */
  nextGrantMs(): number | undefined {
    for (const pending of this.#stalled) if (pending.takenUp) return this.#allowance.nextTokenAtMs;
    return undefined;
  }

  /** On whose behalf a block's history is fetched: its own, unless its author is exposed; else the block's that demanded it. */
  #originOf(pending: Pending): Pending | undefined {
    const { ref, author } = pending.block;
    if (!this.#equivocation.isExposed(author) && !this.#equivocation.isExtra(ref)) return pending;
    return this.#awaited.get(ref.id)?.demandedBy;
  }

  /**
   * Wants everything that `from` waits for, through the blocks held, on behalf of `origin` and within its budget; goes on where another
   * block's budget ended. Iterative: chains are long.
   */
  #demand(from: Pending, origin: Pending | undefined): BlockRef[] {
    const missing: BlockRef[] = [];
    if (origin === undefined) return missing;
    const seen = new Set<Pending>([from]);
    const open = [from];
    for (let pending = open.pop(); pending !== undefined; pending = open.pop()) {
      for (const id of pending.waitingFor) {
        const awaited = assertDefined(this.#awaited.get(id), 'what a block waits for is awaited');
        const held = this.#pending.get(id);
        if (awaited.demandedBy === undefined) {
          if (!this.#charge(origin, awaited.ref)) continue;
          if (held === undefined) missing.push(awaited.ref);
        } else if (awaited.demandedBy !== origin && !awaited.demandedBy.stalled && !origin.takenUp) continue;
        awaited.demandedBy = origin;
        if (held === undefined || seen.has(held)) continue;
        seen.add(held);
        open.push(held);
      }
    }
    return missing;
  }

  #charge(origin: Pending, ref: BlockRef): boolean {
    if (!this.#equivocation.isExtra(ref)) return true;
    if (origin.budget <= 0) {
      this.#stall(origin, true);
      return false;
    }
    origin.budget -= 1;
    return true;
  }

  #stall(pending: Pending, stalled: boolean): void {
    pending.stalled = stalled;
    if (stalled && this.#pending.get(pending.block.ref.id) === pending) this.#stalled.add(pending);
    else this.#stalled.delete(pending);
  }

  /** A parked block that authors of more than f power name is needed: one of them is honest and has admitted it. */
  #takeUpNamed(named: readonly BlockRef[], nowMs: number): readonly BlockRef[] {
    let taken = false;
    for (const ref of named) {
      const pending = this.#pending.get(ref.id);
      const namers = this.#awaited.get(ref.id)?.namers.power ?? 0;
      if (pending === undefined || !pending.stalled || pending.takenUp || namers < this.#committee.validity) continue;
      pending.takenUp = true;
      taken = true;
    }
    return taken ? this.grantExtras(nowMs) : [];
  }

  #await(ref: BlockRef, waiter: Pending): void {
    let awaited = this.#awaited.get(ref.id);
    if (awaited === undefined) {
      awaited = { ref, waiters: new Set(), namers: new Support(this.#committee), demandedBy: undefined };
      this.#awaited.set(ref.id, awaited);
    }
    awaited.waiters.add(waiter);
    awaited.namers.add(waiter.block.author);
  }

  /** Keeps within the limits by dropping the newest blocks: the oldest are the ones that others wait for. */
  #makeRoom(author: AuthorIndex): readonly VerifiedHeader[] {
    const dropped: VerifiedHeader[] = [];
    while (
      this.#bytesOf(author) > this.#bounds.suspendedBytesPerAuthor ||
      this.#awaited.size > this.#bounds.maxMissing
    ) {
      const overBytes = this.#bytesOf(author) > this.#bounds.suspendedBytesPerAuthor;
      const newest = this.#newest((pending) => !overBytes || pending.block.author === author);
      this.#drop(newest);
      dropped.push(newest.block);
    }
    return dropped;
  }

  #newest(among: (pending: Pending) => boolean): Pending {
    let newest: Pending | undefined;
    for (const pending of this.#pending.values()) {
      if (!among(pending)) continue;
      if (newest === undefined || compareRefs(pending.block.ref, newest.block.ref) > 0) newest = pending;
    }
    return assertDefined(newest, 'limits are exceeded by something held');
  }

  #drop(pending: Pending): void {
    for (const id of pending.waitingFor) {
      const awaited = this.#awaited.get(id);
      awaited?.waiters.delete(pending);
      if (awaited?.waiters.size === 0) this.#awaited.delete(id);
    }
    this.#remove(pending);
    this.#handOver(pending);
  }

  /** What was fetched on behalf of a dropped block, and others wait for too, is now fetched on theirs. */
  #handOver(dropped: Pending): void {
    const open = [dropped];
    for (let pending = open.pop(); pending !== undefined; pending = open.pop()) {
      for (const id of pending.waitingFor) {
        const awaited = this.#awaited.get(id);
        if (awaited?.demandedBy !== dropped) continue;
        const heirs = [...awaited.waiters].map((waiter) => this.#originOf(waiter));
        awaited.demandedBy = heirs.find((heir) => heir !== dropped);
        const held = this.#pending.get(id);
        if (held !== undefined) open.push(held);
      }
    }
  }

  #remove(pending: Pending): void {
    const { author, ref } = pending.block;
    this.#pending.delete(ref.id);
    this.#stalled.delete(pending);
    this.#bytes[author] = this.#bytesOf(author) - pending.bytes;
  }

  #bytesOf(author: AuthorIndex): number {
    return assertDefined(this.#bytes[author], 'author of the committee');
  }
}
