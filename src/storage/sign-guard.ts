import type { Hasher } from '../crypto/hasher.ts';
import type { CheckpointIndex, StatementDigest } from '../types/ids.ts';
import { assert } from '../util/assert.ts';
import type { DiskFile } from '../util/disk.ts';
import { errorText } from '../util/errors.ts';
import { StorageError } from './errors.ts';
import {
  type BlockMark,
  compareRounds,
  decodeSlot,
  encodeSlot,
  type GuardIdentity,
  type GuardMarks,
  type GuardSlot,
  type GuardValue,
  SLOT_BYTES,
  SLOT_COUNT,
  type VoteMark,
} from './guard-slot.ts';
import type { StorageModules } from './options.ts';

/** What lies at a guard's path. `soundSlots: 1` means that the last write was torn, or that a sector went bad: the other slot counts. */
export type GuardReading =
  | { readonly state: 'missing' }
  | { readonly state: 'corrupt' }
  | { readonly state: 'good'; readonly value: GuardValue; readonly sequence: number; readonly soundSlots: 1 | 2 };

type GuardModules = Pick<StorageModules, 'disk' | 'hasher' | 'clock' | 'metrics'>;

/** @throws DiskError */
export async function readGuard(path: string, { disk, hasher }: GuardModules): Promise<GuardReading> {
  if (!(await disk.exists(path))) return { state: 'missing' };
  const file = await disk.open(path, 'existing');
  try {
    if ((await file.size()) !== SLOT_BYTES * SLOT_COUNT) return { state: 'corrupt' };
    const bytes = await file.read(0, SLOT_BYTES * SLOT_COUNT);
    const slots = [bytes.subarray(0, SLOT_BYTES), bytes.subarray(SLOT_BYTES)].flatMap(
      (slot) => decodeSlot(hasher, slot) ?? [],
    );
    const newest = slots.reduce<GuardSlot | undefined>(
      (best, slot) => (best !== undefined && best.sequence > slot.sequence ? best : slot),
      undefined,
    );
    if (newest === undefined) return { state: 'corrupt' };
    return { state: 'good', ...newest, soundSlots: slots.length === SLOT_COUNT ? 2 : 1 };
  } finally {
    await file.close();
  }
}

/**
 * Remembers the last block and the last checkpoint vote that may have left this node, so that it never signs a second one for the same
 * round or index: docs/spec/storage.md. Nothing is sent above {@link flushed}. Making a guard is always an explicit act, because a guard
 * that is made silently forgets what was signed.
 */
export class SignGuard {
  readonly #path: string;
  readonly #modules: GuardModules;
  readonly #file: DiskFile;
  #sequence: number;
  /** Checked against; ahead of `#flushed` while a write is under way. */
  #wanted: GuardValue;
  #flushed: GuardValue;
  #writing: Promise<void> | undefined;
  #next: Promise<void> | undefined;
  #failure: StorageError | undefined;

  /**
   * Makes the guard of a new node.
   * @throws StorageError GUARD_EXISTS; DiskError
   */
  static async create(
    path: string,
    identity: GuardIdentity,
    marks: GuardMarks,
    modules: GuardModules,
  ): Promise<SignGuard> {
    if (await modules.disk.exists(path)) throw new StorageError('GUARD_EXISTS', 'a guard is here already', { path });
    return SignGuard.#write(path, { identity, block: marks.block, vote: marks.vote }, modules);
  }

  /**
   * Puts a guard in the place of one that is missing, corrupt or of another log, at the end of a recovery.
   * @throws StorageError GUARD_FOREIGN, GUARD_BACKWARD (the readable old guard is further); DiskError
   */
  static async replace(
    path: string,
    identity: GuardIdentity,
    marks: GuardMarks,
    modules: GuardModules,
  ): Promise<SignGuard> {
    const old = await readGuard(path, modules);
    if (old.state === 'good') {
      checkOwner(path, old.value.identity, identity);
      checkBlock(old.value.block, marks.block);
      checkVote(old.value.vote, marks.vote);
    }
    return SignGuard.#write(path, { identity, block: marks.block, vote: marks.vote }, modules);
  }

  /**
   * Opens the guard for signing. A guard of another log is refused only by the restart verdict, which says what to do about it.
   * @throws StorageError GUARD_UNUSABLE (missing or corrupt), GUARD_FOREIGN (another validator or network); DiskError
   */
  static async open(path: string, owner: Omit<GuardIdentity, 'logId'>, modules: GuardModules): Promise<SignGuard> {
    const reading = await readGuard(path, modules);
    if (reading.state !== 'good') {
      throw new StorageError('GUARD_UNUSABLE', `the sign guard is ${reading.state}: recover the identity`, {
        path,
        state: reading.state,
      });
    }
    checkOwner(path, reading.value.identity, owner);
    const file = await modules.disk.open(path, 'existing');
    try {
      // What a killed process wrote may be in the kernel's memory only.
      await file.sync();
    } catch (error) {
      await file.close();
      throw error;
    }
    return new SignGuard(path, modules, file, reading.value, reading.sequence);
  }

  static async #write(path: string, value: GuardValue, modules: GuardModules): Promise<SignGuard> {
    const { disk, hasher } = modules;
    const folder = path.slice(0, Math.max(0, path.lastIndexOf('/')));
    const unfinished = `${path}.new`;
    await disk.makeDirectory(folder);
    if (await disk.exists(unfinished)) await disk.remove(unfinished);
    const file = await disk.open(unfinished, 'create');
    try {
      await fill(file, hasher, value);
      await disk.rename(unfinished, path);
      await disk.syncDirectory(folder);
    } catch (error) {
      await file.close();
      throw error;
    }
    return new SignGuard(path, modules, file, value, SLOT_COUNT - 1);
  }

  private constructor(path: string, modules: GuardModules, file: DiskFile, value: GuardValue, sequence: number) {
    this.#path = path;
    this.#modules = modules;
    this.#file = file;
    this.#wanted = value;
    this.#flushed = value;
    this.#sequence = sequence;
  }

  /** What is durable: nothing may be sent beyond it. */
  get flushed(): GuardValue {
    return this.#flushed;
  }

  get failure(): StorageError | undefined {
    return this.#failure;
  }

  /**
   * Resolves once the mark is durable: the block may be sent. The same block again is allowed.
   * @throws StorageError GUARD_BACKWARD, GUARD_CONFLICT, GUARD_FAILED
   */
  async advance(block: BlockMark): Promise<void> {
    this.#refuseIfFailed();
    checkBlock(this.#wanted.block, block);
    await this.#flush({ ...this.#wanted, block });
  }

  /**
   * Resolves once the mark is durable: the vote may be sent. The same vote again is allowed.
   * @throws StorageError GUARD_BACKWARD, GUARD_CONFLICT, GUARD_FAILED
   */
  async advanceCheckpoint(index: CheckpointIndex, digest: StatementDigest): Promise<void> {
    this.#refuseIfFailed();
    checkVote(this.#wanted.vote, { index, digest });
    await this.#flush({ ...this.#wanted, vote: { index, digest } });
  }

  async close(): Promise<void> {
    await this.#next?.catch(() => undefined);
    await this.#writing?.catch(() => undefined);
    await this.#file.close();
  }

  /** Two marks made while a write is under way share the next one. */
  #flush(value: GuardValue): Promise<void> {
    this.#wanted = value;
    this.#next ??= this.#writeNext();
    return this.#next;
  }

  async #writeNext(): Promise<void> {
    await this.#writing?.catch(() => undefined);
    this.#writing = this.#next;
    this.#next = undefined;
    this.#refuseIfFailed();
    const value = this.#wanted;
    if (!sameMarks(value, this.#flushed)) await this.#writeSlot(value);
  }

  async #writeSlot(value: GuardValue): Promise<void> {
    const { clock, hasher, metrics } = this.#modules;
    const startedMs = clock.monotonicMs();
    const sequence = this.#sequence + 1;
    try {
      await this.#file.write((sequence % SLOT_COUNT) * SLOT_BYTES, encodeSlot(hasher, { sequence, value }));
      await this.#file.sync();
    } catch (error) {
      this.#failure = new StorageError(
        'GUARD_FAILED',
        `the sign guard could not be written (${errorText(error)}): sign nothing before it was read again`,
        { path: this.#path, reason: errorText(error) },
        { cause: error },
      );
      throw this.#failure;
    }
    assert(compareRounds(value.block, this.#flushed.block) >= 0, 'the guard never moves back');
    assert(value.vote.index >= this.#flushed.vote.index, 'the guard never moves back');
    this.#sequence = sequence;
    this.#flushed = value;
    metrics.guardFlushSeconds.observe((clock.monotonicMs() - startedMs) / 1_000);
  }

  #refuseIfFailed(): void {
    if (this.#failure !== undefined) throw this.#failure;
  }
}

/** Both slots are valid from the start, so that one bad slot always leaves a good one. */
async function fill(file: DiskFile, hasher: Hasher, value: GuardValue): Promise<void> {
  for (let sequence = 0; sequence < SLOT_COUNT; sequence++) {
    await file.write(sequence * SLOT_BYTES, encodeSlot(hasher, { sequence, value }));
  }
  await file.sync();
}

function checkOwner(path: string, found: GuardIdentity, expected: Omit<GuardIdentity, 'logId'>): void {
  for (const field of ['networkId', 'validatorId'] as const) {
    if (found[field] === expected[field]) continue;
    throw new StorageError(
      'GUARD_FOREIGN',
      `the sign guard belongs to another ${field}: name the one of this validator with --guard-dir`,
      {
        path,
        field,
        expected: expected[field],
        found: found[field],
      },
    );
  }
}

function checkBlock(stored: BlockMark, asked: BlockMark): void {
  const order = compareRounds(asked, stored);
  if (order > 0 || (order === 0 && asked.id === stored.id)) return;
  const fields = {
    storedEpoch: stored.epoch,
    storedRound: stored.round,
    storedId: stored.id,
    epoch: asked.epoch,
    round: asked.round,
    id: asked.id,
  };
  if (order < 0) throw new StorageError('GUARD_BACKWARD', 'a later round was signed already', fields);
  throw new StorageError('GUARD_CONFLICT', 'this round has another block, or is barred', fields);
}

function checkVote(stored: VoteMark, asked: VoteMark): void {
  if (asked.index > stored.index || (asked.index === stored.index && asked.digest === stored.digest)) return;
  const fields = {
    storedIndex: stored.index,
    storedDigest: stored.digest,
    index: asked.index,
    digest: asked.digest,
  };
  if (asked.index < stored.index) throw new StorageError('GUARD_BACKWARD', 'a later checkpoint was voted on', fields);
  throw new StorageError('GUARD_CONFLICT', 'this checkpoint has another vote, or is barred', fields);
}

function sameMarks(a: GuardMarks, b: GuardMarks): boolean {
  return (
    compareRounds(a.block, b.block) === 0 &&
    a.block.id === b.block.id &&
    a.vote.index === b.vote.index &&
    a.vote.digest === b.vote.digest
  );
}
