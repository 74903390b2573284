import {
  type BlockMark,
  type GuardIdentity,
  type GuardMarks,
  readGuard,
  SignGuard,
  StorageError,
  type StorageErrorCode,
  type StorageModules,
} from '../storage/index.ts';
import type { CheckpointIndex, StatementDigest } from '../types/ids.ts';
import { DiskError } from '../util/disk.ts';
import { errorText, isCoded } from '../util/errors.ts';
import type { Logger } from '../util/logger.ts';
import type { Timers } from '../util/timers.ts';

const RETRY_INTERVAL_MS = 1_000;

export interface LastingGuardModules extends StorageModules {
  readonly timers: Timers;
  readonly logger: Logger;
}

/**
 * The sign guard over a disk that may refuse for a while: a mark is written again until it is durable, and whoever waits for it says nothing
 * meanwhile. After a refusal the guard is made anew with the marks that can be read, because a failed sync is not to be repeated as it stands.
 */
export class LastingGuard {
  readonly #path: string;
  readonly #modules: LastingGuardModules;
  #guard: SignGuard;
  #renewing: Promise<void> | undefined;
  #givenUp = false;
  /** Called when the guard takes marks again. */
  onResumed: () => void = () => undefined;

  constructor(path: string, guard: SignGuard, modules: LastingGuardModules) {
    this.#path = path;
    this.#guard = guard;
    this.#modules = modules;
  }

  /** Ends a recovery: in the place of whatever guard lies there comes one with these marks, however long the disk refuses. */
  static async make(
    path: string,
    identity: GuardIdentity,
    marks: GuardMarks,
    modules: LastingGuardModules,
  ): Promise<LastingGuard> {
    for (;;) {
      try {
        if (await modules.disk.exists(path)) await modules.disk.remove(path);
        return new LastingGuard(path, await SignGuard.create(path, identity, marks, modules), modules);
      } catch (error) {
        if (!(error instanceof DiskError)) throw error;
        modules.logger.error('the sign guard cannot be made', { path, reason: errorText(error) });
        await pause(modules.timers);
      }
    }
  }

  /** The last block that may have been sent. */
  get mark(): BlockMark {
    return this.#guard.flushed.block;
  }

  /** Why nothing may be signed, while the disk refuses. */
  get failure(): StorageError | undefined {
    return this.#guard.failure;
  }

  /** @throws StorageError GUARD_BACKWARD, GUARD_CONFLICT; GUARD_FAILED only after `giveUp` */
  advance(block: BlockMark): Promise<void> {
    return this.#lasting((guard) => guard.advance(block));
  }

  /** @throws StorageError GUARD_BACKWARD, GUARD_CONFLICT; GUARD_FAILED only after `giveUp` */
  advanceCheckpoint(index: CheckpointIndex, digest: StatementDigest): Promise<void> {
    return this.#lasting((guard) => guard.advanceCheckpoint(index, digest));
  }

  /** The node stops: nobody waits for the disk any longer. */
  giveUp(): void {
    this.#givenUp = true;
  }

  close(): Promise<void> {
    return this.#guard.close();
  }

  async #lasting(write: (guard: SignGuard) => Promise<void>): Promise<void> {
    for (;;) {
      try {
        return await write(this.#guard);
      } catch (error) {
        if (this.#givenUp || !isCoded<StorageErrorCode>(error, 'GUARD_FAILED')) throw error;
        await this.#renewed();
      }
    }
  }

  /** One attempt a second, shared by all who wait. */
  #renewed(): Promise<void> {
    this.#renewing ??= this.#renew().finally(() => {
      this.#renewing = undefined;
    });
    return this.#renewing;
  }

  async #renew(): Promise<void> {
    const { logger, timers } = this.#modules;
    logger.error('the sign guard cannot be written: nothing is signed until it can', {
      reason: this.#guard.failure?.message,
    });
    await this.#guard.close().catch(() => undefined);
    while (this.#guard.failure !== undefined && !this.#givenUp) {
      await pause(timers);
      try {
        this.#guard = await this.#readAgain();
      } catch (error) {
        if (!(error instanceof DiskError)) throw error;
      }
    }
    if (this.#guard.failure !== undefined) return;
    logger.info('the sign guard can be written again');
    this.onResumed();
  }

  async #readAgain(): Promise<SignGuard> {
    const reading = await readGuard(this.#path, this.#modules);
    if (reading.state === 'good')
      return SignGuard.replace(this.#path, reading.value.identity, reading.value, this.#modules);
    const message = `the sign guard is ${reading.state}: recover the identity`;
    throw new StorageError('GUARD_UNUSABLE', message, { path: this.#path, state: reading.state });
  }
}

function pause(timers: Timers): Promise<void> {
  return new Promise((resolve) => timers.after(RETRY_INTERVAL_MS, resolve));
}
